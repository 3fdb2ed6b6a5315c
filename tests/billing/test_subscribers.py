"""What staff know of a person: a name, and a number that is changed and shown only with a trace."""

import pytest
from sqlalchemy import select

from app import merchants
from app.audit import AuditEvent
from app.billing import subscribers, subscriptions
from app.errors import Refused
from app.extensions import db
from app.payments import by_staff
from app.staff.accounts import By
from tests import factories
from tests.payments.test_concurrency import at_once

NEW = "254722000111"
AMINA = By("staff:7", "has a new line")


@pytest.fixture
def person(app):
    made = subscriptions.subscriber(merchants.named("default").id, factories.PHONE)
    db.session.commit()
    return made


def events():
    mine = select(AuditEvent).where(AuditEvent.subject_type == "subscriber")
    query = mine.order_by(AuditEvent.seq)
    return [(event.action, event.details) for event in db.session.scalars(query)]


@pytest.mark.parametrize(
    ("text", "name"),
    [(" Wanjiru  Kamau ", "Wanjiru Kamau"), ("", None), ("  ", None), ("a" * 60, "a" * 60)],
)
def test_a_name_is_as_people_write_it(text, name):
    assert subscribers.checked_name(text) == name


@pytest.mark.parametrize("text", ["a" * 61, "a\x00b", "\u202eab"])
def test_what_cannot_be_read_is_no_name(text):
    with pytest.raises(Refused, match="at most 60"):
        subscribers.checked_name(text)


def test_the_log_says_that_a_name_changed_and_not_which(person):
    for _ in range(2):
        subscribers.rename(person, "Wanjiru", AMINA)
        db.session.commit()
    subscribers.rename(person, None, AMINA)
    db.session.commit()
    assert person.name is None
    assert events() == [("subscriber.renamed", {})] * 2


def test_a_new_number_finds_the_same_person(person):
    by_staff.change_phone(person, NEW, AMINA)
    db.session.commit()
    assert person.phone == NEW
    assert subscriptions.subscriber(person.merchant_id, NEW).id == person.id
    assert subscriptions.subscriber(person.merchant_id, factories.PHONE).id != person.id
    assert events() == [("subscriber.phone_changed", {"reason": "has a new line"})]


def test_old_payments_keep_their_number_and_new_ones_have_the_new(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    old = factories.bought(plan)
    person = old.invoice.subscription.subscriber
    by_staff.change_phone(person, NEW, AMINA)
    db.session.commit()
    assert factories.fresh(old.id).phone == factories.PHONE
    new = factories.plan(code="gold")
    assert factories.bought(new, NEW).invoice.subscription.subscriber_id == person.id


def test_a_number_is_one_persons(person):
    other = subscriptions.subscriber(person.merchant_id, NEW)
    db.session.commit()
    with pytest.raises(Refused, match="Another customer has this number"):
        by_staff.change_phone(person, NEW, AMINA)
    db.session.rollback()
    assert (person.phone, other.phone) == (factories.PHONE, NEW)
    assert events() == []


def test_at_another_merchant_the_number_is_somebody_elses_business(person):
    subscriptions.subscriber(factories.merchant().id, NEW)
    db.session.commit()
    by_staff.change_phone(person, NEW, AMINA)
    db.session.commit()
    assert person.phone == NEW


def test_the_same_number_is_no_change(person):
    with pytest.raises(Refused, match="That is the number already"):
        by_staff.change_phone(person, factories.PHONE, AMINA)
    db.session.rollback()


def test_a_number_is_shown_with_a_trace(person):
    assert subscribers.reveal(person, AMINA) == factories.PHONE
    db.session.commit()
    assert events() == [("subscriber.revealed", {"reason": "has a new line"})]


def test_two_who_change_each_others_numbers_do_not_wait_for_ever(app, person):
    other = subscriptions.subscriber(person.merchant_id, NEW)
    db.session.commit()
    ids = [(person.id, NEW), (other.id, factories.PHONE)]

    def swap(n):
        mine = db.session.get_one(type(person), ids[n][0])
        try:
            by_staff.change_phone(mine, ids[n][1], AMINA)
            db.session.commit()
        except Refused as refusal:
            db.session.rollback()
            return str(refusal)

    assert at_once(app, swap, 2) == ["Another customer has this number."] * 2


def test_of_two_who_want_one_number_one_gets_it(app, person):
    other = subscriptions.subscriber(person.merchant_id, "254733000111")
    db.session.commit()
    ids = [person.id, other.id]

    def want(n):
        try:
            by_staff.change_phone(db.session.get_one(type(person), ids[n]), NEW, AMINA)
            db.session.commit()
        except Refused as refusal:
            db.session.rollback()
            return str(refusal)

    assert sorted(map(str, at_once(app, want, 2))) == ["Another customer has this number.", "None"]


def test_the_number_that_a_decision_was_made_on_is_still_theirs(app, person):
    """Whoever waited for the lock while somebody changed it starts again."""
    mine = person.id

    def change(n):
        one = db.session.get_one(type(person), mine)
        try:
            by_staff.change_phone(one, f"25472200011{n}", AMINA)
            db.session.commit()
        except Refused as refusal:
            db.session.rollback()
            return str(refusal)

    said = at_once(app, change, 4)
    assert None in said
    assert set(said) <= {None, "The phone number has just been changed. Please look again."}
