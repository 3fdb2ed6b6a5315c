"""Nobody is told the same thing twice, and everybody is told when it is over."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, merchants
from app.extensions import db
from app.watching import incidents, needs, outbox
from app.watching.incidents import CALM, Found
from app.watching.models import MAIL, WEBHOOK, Incident
from app.watching.reading import Reading
from tests import factories

WAYS = (MAIL, WEBHOOK)
SILENT, LOW = "CallbacksSilent", "CallbacksLow"  # at once, and after two minutes


@pytest.fixture
def clockwork(app):
    with time_machine.travel("2026-11-21T09:00:00Z", tick=False) as traveller:
        yield traveller


def holding(*conditions, merchant_id=None, says="Look."):
    incidents.note([Found(name, merchant_id, says) for name in conditions], WAYS)
    db.session.commit()


def told():
    """What the outbox holds, sent as it is read."""
    found = []
    while batch := outbox.claim():
        outbox.sent(batch.ids)
        db.session.commit()
        found += [(batch.channel, one.state, one.condition) for one in batch.messages]
    return found


def both(state, condition):
    return [(MAIL, state, condition), (WEBHOOK, state, condition)]


def test_what_goes_on_is_told_once_and_its_end_once(clockwork):
    for _ in range(10):
        holding(SILENT)
        clockwork.shift(60)
    assert told() == both("opened", SILENT)
    for _ in range(10):
        holding()
        clockwork.shift(60)
    assert told() == both("over", SILENT)
    holding(SILENT)
    assert told() == both("opened", SILENT)


def test_what_comes_and_goes_is_one_incident(clockwork):
    for holds in (True, False, False, True, False, True):
        holding(*[SILENT] * holds)
        clockwork.shift(60)
    assert told() == both("opened", SILENT)
    assert len(db.session.scalars(select(Incident)).all()) == 1


def test_a_ratio_must_stay_low_before_anybody_is_told(clockwork):
    holding(LOW)
    clockwork.shift(60)
    holding(LOW)
    assert told() == []
    clockwork.shift(60)
    holding(LOW)
    assert told() == both("opened", LOW)


def test_what_was_never_told_is_over_without_a_word(clockwork):
    holding(LOW)
    clockwork.shift(CALM)
    holding()
    assert told() == []
    assert incidents.unended() == []


def test_merchants_have_incidents_of_their_own(clockwork):
    duka = factories.merchant().id
    holding(SILENT, merchant_id=duka)
    incidents.note([Found(SILENT, duka, "x"), Found(SILENT, None, "y")], (MAIL,))
    db.session.commit()
    assert len(incidents.unended()) == 2
    assert [one.merchant_id for one in incidents.told(duka)] == [duka]


def test_the_database_holds_one_open_incident_of_a_kind(clockwork):
    for _ in range(2):
        db.session.add(Incident(condition=SILENT, merchant_id=None, says="x"))
    with pytest.raises(IntegrityError, match="uq_incident_open"):
        db.session.commit()
    db.session.rollback()


def test_a_crash_between_sending_and_noting_sends_once_more(clockwork):
    holding(SILENT)
    first = outbox.claim()
    db.session.commit()  # sent, and then the process died
    second = outbox.claim()  # the other channel's
    db.session.commit()
    assert outbox.claim() is None
    clockwork.shift(outbox.LEASE)
    assert outbox.claim().key == first.key
    assert {first.channel, second.channel} == set(WAYS)


def test_what_cannot_be_sent_is_tried_for_ever_and_ever_more_seldom(clockwork):
    incidents.note([Found(SILENT, None, "x")], (MAIL,))
    waits = []
    for _ in range(12):
        batch = outbox.claim()
        outbox.failed(batch.ids, "ConnectionRefusedError")
        db.session.commit()
        before = clock.now()
        while not outbox.is_due():
            clockwork.shift(60)
        waits.append((clock.now() - before) // timedelta(minutes=1))
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert set(waits[6:]) == {60}


def test_what_happens_together_is_told_together(clockwork):
    incidents.note([Found(SILENT, None, "x"), Found("BooksWrong", None, "y")], (MAIL,))
    db.session.commit()
    assert [one.condition for one in outbox.claim().messages] == [SILENT, "BooksWrong"]


def test_readings_become_sentences_about_a_merchant(clockwork):
    factories.merchant()
    labels = {"merchant": "duka"}
    readings = [
        Reading("malipo_callback_receipt_ratio", 0.5, labels),
        Reading("malipo_callbacks_expected", 40, labels),
        Reading("malipo_redis_up", 0),
    ]
    found = {one.condition: one for one in incidents.look(readings)}
    assert set(found) == {LOW, "RedisGone"}
    assert found[LOW].merchant_id == merchants.named("duka").id
    assert found[LOW].says == "Safaricom's message came for 50% of the prompts of an hour."
    assert found["RedisGone"].merchant_id is None


def test_the_words_name_the_condition_the_times_and_what_to_do(clockwork):
    duka = factories.merchant().id
    holding(SILENT, merchant_id=duka, says="Prompts go out.")
    clockwork.shift(CALM)
    holding()
    words = [one for batch in (outbox.claim(), outbox.claim()) for one in batch.messages]
    opened, over = words[0], words[-1]
    assert opened.title == "Page: CallbacksSilent (duka)"
    assert "Since 2026-11-21 12:00." in opened.text
    assert "docs/runbook.md, CallbacksSilent" in opened.text
    assert over.title == "Over: CallbacksSilent (duka)"
    assert "over at 2026-11-21 12:05" in over.text


def test_what_holds_for_a_merchant_needs_its_staff(clockwork):
    duka = factories.merchant().id
    holding(SILENT, "UnconfirmedAnHour", merchant_id=duka, says="Prompts go out.")
    [need] = needs.of(duka)  # what is unconfirmed is listed payment by payment
    assert (need.title, need.text, need.tone) == ("Callbacks silent", "Prompts go out.", "bad")
    assert list(needs.of(merchants.named("default").id)) == []
