"""The scheduler watches, and tells by real mail and a real webhook; nothing of it stops the money."""

import json
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from app import clock
from app.extensions import db
from app.jobs import tell, watch, work
from app.jobs.alarm import Alarm
from app.jobs.scheduler import Scheduler
from app.watching import house, incidents
from app.watching.models import AlertMessage, Beat
from tests import factories
from tests.desk.telling import ago, attempt
from tests.running import free_port
from tests.telling import places
from tests.telling.places import Kept


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def mail_port(kept):
    with places.post_office(kept) as port:
        yield port


@pytest.fixture
def ear():
    with places.ear() as server:
        yield server


@pytest.fixture
def by_mail(set_setting):
    """Tells the application of a mail server at a port."""

    def set_up(port):
        set_setting(
            alert_email_to=("amina@example.co.ke",),
            alert_email_from="malipo@example.co.ke",
            smtp_url=f"smtp://127.0.0.1:{port}",
        )

    return set_up


@pytest.fixture
def scheduler(app, set_setting):
    set_setting(sweep_seconds=0.0001)
    one = Scheduler()
    yield one
    one.resign()


def silence(plan):
    """Five prompts without a message: CallbacksSilent."""
    with ago(minutes=3):
        for _ in range(5):
            attempt(plan)


def subjects(kept):
    texts = [envelope.content.decode() for envelope in kept.envelopes]
    return [line for text in texts for line in text.splitlines() if line.startswith("Subject")]


def test_the_leader_beats_counts_and_tells_by_mail(scheduler, plan, by_mail, mail_port, kept):
    by_mail(mail_port)
    silence(plan)
    scheduler.tick()
    assert work.lanes("tell").wait(8)
    assert subjects(kept) == ["Subject: [Malipo] Page: CallbacksSilent (default)"]
    assert clock.now() - db.session.scalars(select(Beat.at)).one() < timedelta(seconds=10)
    scheduler.tick()  # a minute has not passed: nobody looks again
    assert len(kept.envelopes) == 1


def test_a_webhook_hears_the_same_facts_and_nobodys_number(app, plan, set_setting, ear):
    set_setting(alert_webhook_url=ear.url, alert_webhook_secret=b"s" * 32)
    silence(plan)
    watch.look()
    assert work.lanes("tell").wait(8)
    [(_, _, body)] = ear.heard
    told = json.loads(body)
    assert told["text"] == "Page: CallbacksSilent (default)"
    assert [one["state"] for one in told["alerts"]] == ["opened"]
    assert "2547" not in body.decode()


def test_a_broken_mail_server_stops_nothing_and_is_told_later(scheduler, plan, by_mail, kept):
    port = free_port()
    by_mail(port)
    silence(plan)
    _, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.failure())
    scheduler.tick()
    assert work.lanes("tell").wait(8)
    assert factories.callback(callback_id).settled_at
    [message] = db.session.scalars(select(AlertMessage)).all()
    assert (message.sent_at, message.error) == (None, "ConnectionRefusedError")
    message.next_try_at = clock.now()
    db.session.commit()
    with places.post_office(kept, port):
        assert tell.tell_one()
    assert len(kept.envelopes) == 1


def test_what_goes_wrong_with_watching_does_not_stop_the_money(scheduler, plan):
    _, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.failure())
    db.session.execute(text("alter table beat rename to lost"))
    db.session.commit()
    try:
        scheduler.tick()
        assert factories.callback(callback_id).settled_at
    finally:
        db.session.rollback()
        db.session.execute(text("alter table lost rename to beat"))
        db.session.commit()


def test_a_new_leader_tells_how_long_there_was_none(scheduler, plan):
    with ago(minutes=12):
        house.beat()
        db.session.commit()
    scheduler.tick()
    [incident] = incidents.unended()
    assert incident.condition == "SchedulerSilent"
    assert "for 12 minutes" in incident.says


def test_the_first_scheduler_ever_misses_nobody(scheduler, plan):
    scheduler.tick()
    assert incidents.unended() == []


def test_a_way_that_is_not_wanted_any_more_is_given_up(app, plan, by_mail, set_setting):
    by_mail(free_port())
    silence(plan)
    watch.look()
    assert work.lanes("tell").wait(8)
    set_setting(alert_email_to=())
    [message] = db.session.scalars(select(AlertMessage)).all()
    message.next_try_at = clock.now()
    db.session.commit()
    assert tell.tell_one()
    db.session.refresh(message)
    assert message.error == "not configured any more"
    assert not tell.tell_one()


def test_without_a_database_the_operator_is_told_from_memory(app, by_mail, mail_port, kept):
    by_mail(mail_port)
    with time_machine.travel("2026-11-21T09:00:00Z", tick=False) as traveller:
        alarm = Alarm()
        for _ in range(300):
            alarm.lost()
            traveller.shift(1)
        assert subjects(kept) == ["Subject: [Malipo] Page: DatabaseGone"]
        alarm.back()
        alarm.back()
    assert subjects(kept)[1:] == ["Subject: [Malipo] Over: DatabaseGone"]


def test_a_restart_of_the_database_wakes_nobody(app, by_mail, mail_port, kept):
    by_mail(mail_port)
    with time_machine.travel("2026-11-21T09:00:00Z", tick=False) as traveller:
        alarm = Alarm()
        for _ in range(50):
            alarm.lost()
            traveller.shift(1)
        alarm.back()
    assert kept.envelopes == []
