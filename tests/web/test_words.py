"""Every phase and reason has its sentences, and each says the truth about money."""

import re

import pytest
from markupsafe import Markup

from app.daraja import Reason
from app.web.failures import REASONS
from app.web.sentences import PHASES
from tests.web.known import PHONE, after, application, failed, paid, pending, said

DOES = {"", "check", "retry", "number", "not_paid", "contact", "onward", "plans", "receipt"}
EVERY = {
    "sending": (pending(status="sending", accepted_at=None), 2),
    "waiting_prompt": (pending(), 2),
    "waiting_pin": (pending(), 20),
    "processing": (pending(), 80),
    "unconfirmed": (pending(status="unconfirmed", retry_at=after(300)), 140),
    "unconfirmed, ready": (pending(status="unconfirmed"), 301),
    "paid": (paid(), 20),
    "paid_no_receipt": (paid(receipt=None, received=None), 20),
    "short": (paid(received=300, paid_through=None, invoice_open=True), 20),
    "twice": (paid(paid_through=None), 20),
    "too much": (paid(received=2000), 20),
} | {str(reason): (failed(reason, code="8899"), 20) for reason in Reason}


@pytest.fixture(autouse=True)
def babel():
    with application().test_request_context():
        yield


@pytest.fixture(params=EVERY)
def words(request):
    return said(*EVERY[request.param])


def test_every_phase_and_reason_has_copy():
    assert set(REASONS) == set(Reason)
    assert set(PHASES) == {name for name in EVERY if name.isidentifier()} - set(Reason) - {
        "short",
        "twice",
    }


def test_nothing_is_left_to_fill_in(words):
    texts = [words.title, words.body, words.live, words.money_text, words.action, words.second]
    assert words.title
    assert words.body
    assert words.live
    assert not re.search(r"%\(|\{|None", " ".join([*texts, *words.tips]))


def test_every_button_does_something_known(words):
    assert {words.does, words.second_does} <= DOES
    assert bool(words.action) == bool(words.does)
    assert bool(words.second) == bool(words.second_does)


def test_what_a_screen_reader_hears_has_no_markup(words):
    assert "<" not in words.live


@pytest.mark.parametrize("reason", set(Reason) - {Reason.UNKNOWN, Reason.NO_ANSWER})
def test_a_definite_no_says_not_charged(reason):
    assert said(failed(reason)).money == "safe"
    assert said(failed(reason)).money_text == "You have not been charged"


@pytest.mark.parametrize(
    "facts, seconds",
    [
        EVERY["unconfirmed"],
        EVERY["unconfirmed, ready"],
        (pending(), 130),
        (failed("no_answer"), 20),
        (failed("unknown"), 20),
        (failed("a reason of next year"), 20),
    ],
)
def test_anything_doubtful_says_look_at_your_sms(facts, seconds):
    words = said(facts, seconds)
    assert words.money == "hold"
    assert "M-PESA SMS" in words.money_text
    assert "charged" not in words.money_text


def test_no_money_line_while_waiting_or_paid():
    assert said(pending()).money is None
    assert said(paid()).money is None
    assert said(paid()).money_text == ""


def test_the_customers_own_facts_are_filled_in():
    assert said(pending()).body == (
        f"Type your PIN in the M-PESA message on <b>{PHONE}</b>, then press OK."
    )
    assert "<b>KSh\u00a01,499</b>" in said(failed("insufficient_funds")).body
    assert said(paid()).body == "Thank you. Your Standard plan is active until <b>21 Dec 2026</b>."
    assert said(paid()).live == "Payment received. M-PESA receipt number T K L 4 H 7 Q 2 M X."
    assert "(8899)" in said(failed("unknown", code="8899")).body
    assert "MW-0042" in said(failed("unknown")).body


def test_names_are_never_markup():
    evil = {"merchant": "<b>x", "plan": "<i>y", "reference": "&z", "code": "<script>"}
    for facts in (
        failed("merchant_problem", **evil),
        failed("unknown", **evil),
        paid(paid_through=None, **evil),
        paid(**evil),
    ):
        words = said(facts)
        for text in (words.title, words.body, words.action, words.second):
            assert isinstance(text, Markup)
            assert not re.search("<b>x|<i>y|&z|<script>", text)
    assert said(failed("merchant_problem", **evil)).action == "Contact &lt;b&gt;x"


def test_a_button_counts_down_and_then_says_its_own_words():
    waiting = failed("expired", retry_at=after(85))
    words = said(waiting, 20)
    assert (words.action, words.action_ready) == ("Try again in 1:05", "Send a new request")
    assert words.pattern == "Try again in %s"
    assert said(waiting, 85).action == "Send a new request"


def test_the_wait_is_for_the_same_phone_only():
    words = said(failed("limit", retry_at=after(60)), 20)
    assert (words.does, words.action) == ("number", "Use another number")
    assert (words.second_does, words.second) == ("retry", "Try again in 0:40")
    assert words.second_ready == "Try again"


def test_an_unconfirmed_payment_may_be_retried_once_that_is_safe():
    assert said(*EVERY["unconfirmed"]).second_does == "not_paid"
    assert said(*EVERY["unconfirmed, ready"]).second_does == "retry"


def test_a_merchant_without_support_gets_no_contact_button():
    words = said(failed("merchant_problem", support=None))
    assert (words.action, words.does, words.second) == ("Try again", "retry", "")


def test_short_money_is_on_the_balance():
    words = said(*EVERY["short"])
    assert words.title == "We received KSh\u00a0300"
    assert "<b>KSh\u00a01,499</b> is needed" in words.body
    assert words.tone == "warn"


def test_money_that_came_twice_is_on_the_balance():
    assert "<b>KSh\u00a01,499</b> is on your balance" in said(*EVERY["twice"]).body


def test_too_much_money_is_mentioned():
    assert said(*EVERY["too much"]).tips == (
        "You paid more than was needed: <b>KSh\u00a0501</b> is on your balance.",
    )
    assert said(paid()).tips == ()
