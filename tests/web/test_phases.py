"""The phase model of design.md §5 and the cadences of ux.md §3, at every boundary."""

import pytest

from app.daraja import Reason
from app.web import phases
from tests.web.known import NOW, after, failed, paid, pending, phase


@pytest.mark.parametrize(
    "seconds, name, step, left, poll",
    [
        (-3, "waiting_prompt", 2, 60, 1.5),  # another machine's clock
        (0, "waiting_prompt", 2, 60, 1.5),
        (5.9, "waiting_prompt", 2, 55, 1.5),
        (6, "waiting_pin", 2, 54, 1.5),
        (29.9, "waiting_pin", 2, 31, 1.5),
        (30, "waiting_pin", 2, 30, 3),
        (59, "waiting_pin", 2, 1, 3),
        (59.9, "waiting_pin", 2, 1, 3),
        (60, "processing", 3, None, 4),
        (119, "processing", 3, None, 4),
        (120, "unconfirmed", 3, None, 10),
        (299, "unconfirmed", 3, None, 10),
        (300, "unconfirmed", 3, None, 30),
        (899, "unconfirmed", 3, None, 30),
        (900, "unconfirmed", 3, None, None),
    ],
)
def test_a_prompt_ages(seconds, name, step, left, poll):
    seen = phase(pending(), seconds)
    assert (seen.name, seen.step, seen.seconds_left, seen.poll) == (name, step, left, poll)
    assert not seen.terminal


@pytest.mark.parametrize(
    "seconds, name, poll",
    [
        (10, "processing", 2),
        (29, "processing", 2),
        (30, "processing", 3),
        (119, "processing", 3),
        (120, "unconfirmed", 10),
    ],
)
def test_a_claimed_pin_is_asked_about_quickly(seconds, name, poll):
    seen = phase(pending(claimed_at=after(10)), seconds)
    assert (seen.name, seen.poll, seen.seconds_left) == (name, poll, None)


@pytest.mark.parametrize("status", ["created", "sending"])
@pytest.mark.parametrize(
    "seconds, poll", [(0, 1), (11.9, 1), (12, 3), (119, 3), (120, 10), (1000, None)]
)
def test_before_safaricom_has_accepted_it_is_sending(status, seconds, poll):
    seen = phase(pending(status=status, sending_at=None, accepted_at=None), seconds)
    assert (seen.name, seen.step, seen.poll) == ("sending", 1, poll)


def test_a_lost_answer_is_watched_while_the_prompt_may_be_on_the_phone():
    lost = pending(status="unconfirmed", accepted_at=None)
    assert [phase(lost, seconds).poll for seconds in (30, 119, 120)] == [4, 4, 10]
    assert phase(lost, 30).name == "unconfirmed"


@pytest.mark.parametrize("facts, name", [(paid(), "paid"), (paid(receipt=None), "paid_no_receipt")])
def test_paid_is_the_end(facts, name):
    seen = phase(facts, 500)
    assert (seen.name, seen.step, seen.terminal, seen.wait) == (name, None, True, 0)


def test_only_a_missing_receipt_is_still_asked_for():
    assert phase(paid()).poll is None
    assert phase(paid(receipt=None)).poll == 10
    assert phase(paid(receipt=None, paid_at=None), 1000).poll is None


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_is_asked_about_only_while_it_may_be_wrong(reason):
    seen = phase(failed(reason))
    assert (seen.name, seen.step, seen.terminal) == ("failed", None, True)
    assert seen.poll == (10 if reason in ("no_answer", "unknown") else None)


@pytest.mark.parametrize("seconds, wait", [(0, 60), (59.5, 1), (60, 0), (90, 0)])
def test_a_retry_waits_until_it_is_allowed(seconds, wait):
    assert phase(failed("cancelled", retry_at=after(60)), seconds).wait == wait


def test_nothing_else_waits():
    assert phase(pending(retry_at=after(60))).wait == 0
    assert phase(paid(retry_at=after(60))).wait == 0


def test_an_unconfirmed_payment_keeps_the_retry_closed():
    assert phase(pending(status="unconfirmed", retry_at=after(300)), 130).wait == 170
    assert phase(pending(), 130).wait == 170  # nobody has written it down yet
    assert phase(pending(), 1000).wait == 5


def version(facts, seconds=20):
    return phase(facts, seconds).version


def test_the_version_stays_while_nothing_changes():
    assert version(pending(), 7) == version(pending(), 29)
    assert version(pending(), 31) == version(pending(), 58)
    cooling = failed("busy", retry_at=after(30))
    assert version(cooling, 1) == version(cooling, 29)


@pytest.mark.parametrize(
    "one, other",
    [
        ((pending(), 5), (pending(), 6)),
        ((pending(), 29), (pending(), 30)),
        ((pending(), 59), (pending(), 60)),
        ((pending(), 299), (pending(), 300)),
        ((pending(claimed_at=NOW), 19), (pending(claimed_at=NOW), 20)),
        ((pending(), 130), (pending(status="unconfirmed", retry_at=after(300)), 130)),
        ((failed("cancelled"), 20), (failed("expired"), 20)),
        ((failed("busy", retry_at=after(30)), 29), (failed("busy", retry_at=after(30)), 30)),
        ((paid(receipt=None), 20), (paid(), 20)),
        ((paid(paid_through=None), 20), (paid(), 20)),
        ((pending(), 20), (pending(token="another"), 20)),
    ],
)
def test_the_version_changes_with_what_is_shown(one, other):
    assert version(*one) != version(*other)


def test_the_version_is_short_and_fits_a_url():
    assert phases.of(pending(), NOW).version.isalnum()
    assert len(phases.of(pending(), NOW).version) == 10
