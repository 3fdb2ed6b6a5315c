"""Somebody about whom everything is held that can be."""

from datetime import timedelta

import time_machine
from sqlalchemy import select, text

from app import clock
from app.billing.models import Subscriber
from app.desk import acts
from app.extensions import db
from app.jobs import work
from app.payments import by_staff, charging, customer, disputes, reallocating
from app.payments.disputes import Claim
from app.payments.models import Payment
from tests import factories
from tests.payments import by_hand

NAME, WROTE, SAID = "Wanjiku Kamau", "Wanjiku called at noon", "Wanjiku did not get it"
OTHER = "254722000111"


def settle(hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()


def quiet():
    """Nothing is asked any more."""
    db.session.execute(text("update payment set next_question_at = null"))
    db.session.commit()


def paying(plan, phone=factories.PHONE, checkout="ws_CO_2611202614430712345678", code="TKL4H7Q2MX"):
    payer = charging.Payer(phone, "10.0.0.1", "order of Wanjiku", "https://duka.example/wanjiku")
    payment = charging.buy(plan, payer, f"attempt-{phone}-{code}")
    db.session.commit()
    hook = factories.sent(payment)
    factories.accepted(payment, checkout)
    settle(hook, factories.success(receipt=code, checkout_id=checkout, amount=plan.price))
    return payment, hook


def known(plan):
    """A paid and a failed payment, a balance, a case, notes, a match, moved money, a statement."""
    payment, _ = paying(plan)
    person = payment.invoice.subscription.subscriber
    person.name, person.language = NAME, "sw"
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        failed, failed_hook = factories.pending(plan, checkout_id="ws_CO_later0712345678")
        settle(failed_hook, factories.failure(checkout_id="ws_CO_later0712345678"))
    someone = by_hand.person()
    acts.note(payment, someone.id, WROTE)
    _case(payment, someone)
    _moved(person, someone)
    quiet()
    return person.id, payment.id, failed.id, failed_hook


def paid_by_another(payment):
    """From another phone, a moment after this one has failed."""
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        again, _ = customer.again(payment, OTHER, None)
        db.session.commit()
        hook = factories.sent(again)
        factories.accepted(again, "ws_CO_8")
        settle(hook, factories.success(checkout_id="ws_CO_8"))


def _case(payment, someone):
    claim = Claim("not_received", clock.now().date() + timedelta(days=7), SAID)
    case = disputes.open_case(payment, claim, by_hand.act(someone))
    disputes.add_evidence(case.id, WROTE, by_hand.act(someone))
    disputes.close(case.id, "rejected", by_hand.act(someone))
    db.session.commit()


def _moved(person, someone):
    by_hand.taken_in(by_hand.row("TKL0000099", account="WANJIKU"))
    receipt = by_hand.suspended(300, "TKL0000099")
    reallocating.allocate(receipt.id, person.id, 300, by_hand.act(someone, "told at noon"))
    db.session.commit()


def held():
    """Every row of every table as text, and what lies sealed or indexed in hexadecimal."""
    rows = []
    for table in db.metadata.sorted_tables:
        rows += [
            str(row) for (row,) in db.session.execute(text(f'select t::text from "{table.name}" t'))
        ]
    return "\n".join(rows)


def traces(plan):
    """Whatever in the rows leads to them; looked up before they go."""
    sealed = (
        "select encode(phone_index, 'hex') from subscriber where name is not null",
        "select encode(phone_sealed, 'hex') from subscriber where name is not null",
        *(
            f"select encode({column}, 'hex') from payment"
            for column in (
                *("phone_index", "phone_sealed", "address_index", "checkout_index"),
                "checkout_sealed",
            )
        ),
        "select encode(body_sealed, 'hex') from callback",
        "select attempt from payment where attempt is not null",
    )
    found = {value for query in sealed for value in db.session.scalars(text(query))}
    return {value for value in found if value} | {"Wanjiku", "WANJIKU", "wanjiku", NAME}


def subscriber(person_id):
    db.session.expire_all()
    return db.session.scalars(select(Subscriber).where(Subscriber.id == person_id)).one()


def payments():
    db.session.expire_all()
    return db.session.scalars(select(Payment).order_by(Payment.id)).all()


def asked_again(subscription):
    made = by_staff.ask(subscription, "staff:1", "again-attempt")
    db.session.commit()
    return made
