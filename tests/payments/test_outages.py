"""When M-PESA is sick, and when it is not: by our own attempts, for each number by itself (ADR 17)."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, text

from app import clock
from app.extensions import db
from app.payments import outage_evidence as evidence
from app.payments import outages
from app.payments.models import Payment
from app.payments.outage_models import Outage
from tests import factories
from tests.payments.sick import NUMBER, accepted, busy, ending, hung, looked, outage, sent, silent


def later(**length):
    return time_machine.travel(clock.now() + timedelta(**length))


def sick(plan):
    for _ in range(5):
        busy(plan)


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        (busy, "M-PESA said busy"),
        (ending(26), "M-PESA said busy"),
        (ending(9999), "the request did not get through"),
        (hung, "no answer to the request"),
        (silent, "no word of the end"),
    ],
)
def test_five_phones_that_it_failed_begin_an_outage(plan, fate, said):
    for _ in range(4):
        fate(plan)
    assert looked() is None
    fate(plan)
    assert looked() is True
    assert outages.of(NUMBER).why == f"5 of 5 phones: {said} (5)"
    assert looked() is None


def test_pushes_that_hang_are_seen_before_they_time_out(plan):
    for _ in range(5):
        sent(plan)
    assert looked() is None
    with later(seconds=11):
        assert looked() is True


@pytest.mark.parametrize("code", [1032, 1, 2001, 8006, 1037, 1019, 1001, 2002, 8899])
def test_a_storm_of_what_customers_do_or_lack_begins_none(plan, code):
    for _ in range(8):
        ending(code)(plan)
    assert looked() is None


def test_one_phone_that_tries_again_and_again_is_one(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    for _ in range(8):
        busy(plan, same=254_711_999_999)
    assert looked() is None


def test_it_is_sick_only_where_it_fails_at_least_half(plan):
    for _ in range(6):
        ending(1032)(plan)
    sick(plan)
    assert looked() is None
    busy(plan)
    assert looked() is True
    assert outages.of(NUMBER).why.startswith("6 of 12 phones: ")


def test_a_message_that_waits_for_its_confirmation_is_a_word(plan):
    for _ in range(5):
        payment = silent(plan)
        payment.held_callback_id = 1
    db.session.commit()
    assert looked() is None


def test_what_is_long_past_is_forgotten(plan):
    sick(plan)
    with later(minutes=6):
        assert looked() is None


def test_each_number_is_by_itself_and_whoever_shares_one_shares_its_outage(plan):
    other = factories.plan(factories.merchant(), code="gold")
    third = factories.merchant("tatu")
    for merchants_plan in (other, factories.plan(third, code="silver")):
        busy(merchants_plan)
    for _ in range(3):
        busy(other)
    assert looked() is True
    assert outages.of("600123") is not None
    assert outages.of(NUMBER) is None
    assert outages.sharers("600123") == 2


def test_a_prompt_that_came_to_its_end_ends_it(plan):
    outage()
    ending(1032)(plan, insists=True)
    assert looked() is False
    over = db.session.scalars(select(Outage)).one()
    assert (over.closed_by, over.closed_why) == ("scheduler", "M-PESA answers again.")
    assert looked() is None


def test_that_a_prompt_was_taken_does_not_end_it_nor_does_one_that_failed(plan):
    standing = outage()
    accepted(plan, insists=True)
    assert looked() is None
    standing.look_at = clock.now()
    db.session.commit()
    busy(plan, insists=True)
    assert looked() is None


def test_news_of_prompts_from_before_it_do_not_end_it(plan):
    ending(0)(plan)
    outage(opened_at=clock.now())
    assert looked() is None


def test_after_its_end_only_what_is_sent_then_counts(plan):
    sick(plan)
    assert looked() is True
    outages.end(outages.of(NUMBER), "staff:1", "It works on my phone.")
    db.session.commit()
    assert looked() is None
    sick(plan)
    assert looked() is True


def test_when_nothing_has_failed_for_a_while_it_ends_by_itself(plan):
    """Although somebody tries all the time, with phones that are off."""
    outage()
    with later(minutes=4):
        ending(1037)(plan, insists=True)
        assert looked() is None
    with later(minutes=5):
        assert looked() is False


def test_while_single_prompts_fail_it_goes_on(plan):
    outage()
    with later(minutes=4):
        busy(plan, insists=True)
    with later(minutes=8):
        assert looked() is None
    with later(minutes=10):
        assert looked() is False


def test_a_pause_ends_when_it_was_to_end(plan):
    pause = outages.Pause(timedelta(hours=1), "New router", "staff:1")
    assert outages.pause(NUMBER, pause).by_hand
    assert outages.pause(NUMBER, pause) is None
    db.session.commit()
    with later(minutes=59):
        assert looked() is None
    with later(minutes=61):
        assert looked() is False


def test_a_pause_takes_the_place_of_an_outage(plan):
    outage()
    outages.pause(NUMBER, outages.Pause(timedelta(hours=1), "They work on it", "staff:1"))
    db.session.commit()
    assert [one.by_hand for one in outages.history(NUMBER)] == [True, False]
    assert [one.shortcode for one in outages.open_now()] == [NUMBER]


def test_two_schedulers_that_see_it_at_once_begin_it_once(app, plan):
    sick(plan)
    begun = []
    both = threading.Barrier(2)

    def scheduler():
        with app.app_context():
            both.wait()
            begun.extend(outages.look())
            db.session.commit()

    threads = [threading.Thread(target=scheduler) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1
    assert db.session.scalar(select(func.count()).select_from(Outage)) == 1


def test_a_crash_before_the_commit_begins_nothing_and_the_next_look_does(plan):
    sick(plan)
    outages.look()
    db.session.rollback()
    assert outages.of(NUMBER) is None
    assert looked() is True


UNIQUE = {"id", "token", "attempt", "hook_hash", "checkout_index", "phone_index", "sending_at"}


def test_of_many_sends_a_look_reads_a_few_hundred(plan):
    copied = ", ".join({column.name for column in Payment.__table__.c} - UNIQUE)
    ending(1032)(plan)
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.execute(
        text(
            f"insert into payment ({copied}, token, phone_index, sending_at) select {copied}, n, "
            "int8send(n), now() - n * interval '6 ms' from payment, generate_series(1, 50000) n"
        )
    )
    db.session.execute(text("analyze payment"))
    sql = evidence.query().compile(db.engine, compile_kwargs={"render_postcompile": True})
    statement = f"explain (analyze, format json) {sql}"
    [found] = db.session.connection().exec_driver_sql(statement, sql.params).scalars()
    walks = [node for node in nodes(found[0]["Plan"]) if node.get("Relation Name") == "payment"]
    assert {node["Index Name"] for node in walks} == {"ix_payment_sent"}
    assert sum(node["Actual Rows"] for node in walks) <= 2 * evidence.MOST


def nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)
