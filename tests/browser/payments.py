"""Payments in every phase and with every end, by the application's own verbs; only ages are set by hand."""

from flask import session
from sqlalchemy import text

from app.billing import invoices
from app.daraja import RESULTS, Answer, Reason, Refused, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import charging, customer, reconciliation
from app.payments.models import Payment
from app.settings import settings
from app.web import visitor
from tests import factories

OTHER_PHONE = "254722000333"
TIMES = ("created_at", "sending_at", "accepted_at", "claimed_at", "ended_at")
CODES = {reason: code for code, reason in reversed(list(RESULTS.items()))}
CAN_TRY_AGAIN = 130  # seconds after the prompt: the same amount may be asked for again


def owners_cookie(app, *payments):
    """The session of a browser that started these payments: its name and value."""
    with app.test_request_context():
        for payment in payments:
            visitor.remember(payment.token)
        signer = app.session_interface.get_signing_serializer(app)
        return app.config["SESSION_COOKIE_NAME"], signer.dumps(dict(session))


def aged(payment, seconds, columns=TIMES):
    """As if everything about it had happened so much earlier."""
    moved = ", ".join(
        f"{column} = {column} - make_interval(secs => :seconds)" for column in columns
    )
    known = {"seconds": seconds, "id": payment.id}
    db.session.execute(text(f"update payment set {moved} where id = :id"), known)
    db.session.commit()
    return factories.fresh(payment.id)


def settled(payment, hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()
    return factories.fresh(payment.id)


def answered(payment, verdict=Verdict.PAID, code="0"):
    """Safaricom's answer to our own question."""
    reconciliation.answered(payment.id, Answer(verdict, code))
    db.session.commit()
    return factories.fresh(payment.id)


def sending(plan):
    return factories.bought(plan)


def prompted(plan, age=0, phone=factories.PHONE):
    """The prompt was accepted so many seconds ago."""
    payment, _ = factories.pending(plan, phone)
    return aged(payment, age)


def claimed(plan, age=20, since=8):
    """The customer said some seconds ago that the PIN is in."""
    payment = prompted(plan, age - since)
    customer.entered(payment)
    db.session.commit()
    return aged(payment, since)


def silent(plan, age=140):
    """Nobody has told us how it ended."""
    payment = prompted(plan, age)
    charging.give_up_waiting()
    db.session.commit()
    return factories.fresh(payment.id)


def unanswered(plan, age=20):
    """The push's answer was lost."""
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    return aged(payment, age)


def paid(plan, receipt="TKL4H7Q2MX", **changes):
    payment, hook = factories.pending(plan)
    body = factories.success(amount=plan.price, receipt=receipt, **changes)
    return settled(payment, hook, body)


def paid_no_receipt(plan):
    return answered(prompted(plan, 30))


def other_amount(plan, amount):
    """An odd amount is believed once Safaricom has been asked."""
    payment, hook = factories.pending(plan)
    settled(payment, hook, factories.success(amount=amount))
    return answered(payment)


def failed(plan, reason, age=CAN_TRY_AGAIN):
    payment, hook = factories.pending(plan)
    code = CODES.get(reason, "8899")
    settled(payment, hook, factories.failure(int(code) if code.isdigit() else code))
    payment = aged(payment, age)
    assert payment.reason == reason
    return payment


def busy(plan):
    """Refused at once; its button opens after a while."""
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.refused(payment.id, Refused(Reason.BUSY, "500.003.02", "System is busy"))
    db.session.commit()
    return factories.fresh(payment.id)


def not_sent(plan):
    payment = aged(factories.bought(plan), 40)
    charging.give_up_unsent()
    db.session.commit()
    return factories.fresh(payment.id)


def no_answer(plan):
    """Asked for a day, and never told."""
    payment = silent(plan, 90_000)
    payment.questions = len(settings().query_schedule)
    return answered(payment, Verdict.UNKNOWN, "")


def again(payment, phone=None):
    new, _ = customer.again(payment, phone, "10.0.0.1")
    db.session.commit()
    return new


def twice(plan):
    """Two prompts for one invoice, both paid: the second one's page."""
    first, first_hook = factories.pending(plan)
    first = settled(first, first_hook, factories.failure())
    aged(first, CAN_TRY_AGAIN)
    second = again(factories.fresh(first.id))
    hook = factories.sent(second)
    factories.accepted(second, "ws_CO_2")
    late = factories.success(amount=plan.price, receipt="TKL4H7Q2MA")
    settled(first, first_hook, late)
    return settled(second, hook, factories.success(plan.price, "TKL4H7Q2MB", "ws_CO_2"))


def paid_by_another(plan):
    """The page of an attempt that failed, after another one has paid."""
    first = failed(plan, Reason.CANCELLED)
    second = again(first)
    hook = factories.sent(second)
    factories.accepted(second, "ws_CO_2")
    settled(second, hook, factories.success(plan.price, "TKL4H7Q2MX", "ws_CO_2"))
    return factories.fresh(first.id)


def void(plan):
    payment = failed(plan, Reason.CANCELLED)
    invoices.void(payment.invoice)
    db.session.commit()
    return payment


def old(plan):
    return aged(failed(plan, Reason.CANCELLED), 31 * 24 * 3600)


WAITING = {
    "sending": sending,
    "waiting_prompt": lambda plan: prompted(plan, 0.5),
    "waiting_pin": lambda plan: prompted(plan, 12.5),
    "waiting_pin_late": lambda plan: prompted(plan, 51),
    "processing": lambda plan: prompted(plan, 70),
    "processing_claimed": claimed,
    "unconfirmed": silent,
    "unconfirmed_gate_open": lambda plan: silent(plan, 310),
    "unconfirmed_answer_lost": unanswered,
}
PAID = {
    "paid": paid,
    "paid_no_receipt": paid_no_receipt,
    "paid_short": lambda plan: other_amount(plan, 300),
    "paid_too_much": lambda plan: other_amount(plan, 2000),
    "paid_twice": twice,
}
REASONS = {reason: lambda plan, reason=reason: failed(plan, reason) for reason in Reason} | {
    Reason.BUSY: busy,
    Reason.IN_PROGRESS: lambda plan: failed(plan, Reason.IN_PROGRESS, age=0),
    Reason.NOT_SENT: not_sent,
    Reason.NO_ANSWER: no_answer,
}
FAILED = {f"failed_{reason}": made for reason, made in REASONS.items()} | {
    "failed_cooling": lambda plan: failed(plan, Reason.CANCELLED, age=10),
}
CLOSED = {"closed_paid": paid_by_another, "closed_void": void, "closed_old": old}
EVERY = WAITING | PAID | FAILED | CLOSED


def newest():
    db.session.rollback()
    return db.session.query(Payment).order_by(Payment.id.desc()).first()
