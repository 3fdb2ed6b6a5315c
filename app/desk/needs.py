"""What wants a person, each with its one thing to do. What there are many of is one line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain as one_after_another
from typing import Any

from sqlalchemy import Row, Select, func, select

from app import clock
from app.billing.models import Invoice
from app.crypto import CannotOpen
from app.desk import chain, days
from app.desk.overview import SLOW
from app.extensions import db
from app.merchants import Merchant, verification
from app.payments import booking, matching, outages
from app.payments.alerts import Alert
from app.payments.dispute_models import Dispute
from app.payments.models import Callback, Payment
from app.payments.states import UNCONFIRMED

ONE_BY_ONE = 3  # of a kind; more of it are one line
DUE_SOON = timedelta(days=3)
# What each kind of alert says: of one, and of several.
ALERTS: Mapping[str, tuple[str, str]] = {
    "short": ("Too little money came", "{} payments brought too little"),
    "paid_twice": ("Something was paid twice", "{} things were paid twice"),
    "void": ("Money came for what is not owed", "{} payments came for what is not owed"),
    "contradiction": ("M-PESA contradicts itself", "M-PESA contradicts itself {} times"),
    "odd_callback": ("A message is odd", "{} messages are odd"),
    "no_answer": ("M-PESA never told us an end", "M-PESA never told us the end of {} payments"),
    "parked": ("A message cannot be settled", "{} messages cannot be settled"),
    "same_id": ("M-PESA gave an id twice", "M-PESA gave an id twice, {} times"),
    "cannot_send": ("A request could not be made", "{} requests could not be made"),
    "cannot_ask": ("M-PESA cannot be asked", "M-PESA cannot be asked about {} payments"),
    "moved_by_staff": ("Money had been moved before", "Money of {} payments had been moved before"),
    "statements_disagree": ("Two statements disagree", "{} statements disagree with others"),
    "guessed_number": ("A receipt number was guessed", "{} receipt numbers were guessed"),
}


@dataclass(frozen=True)
class Need:
    kind: str  # decides what can be done
    title: str
    text: str
    tone: str  # warn, bad, info
    since: datetime | None = None
    id: int | None = None  # of the one thing that it is about; None: of several
    alert: str | None = None  # its kind


def of(merchant: Merchant) -> list[Need]:
    """The most urgent first."""
    return list(
        one_after_another(
            _outage(merchant),
            _settings(merchant),
            _chain(merchant.id),
            _unconfirmed(merchant.id),
            _proposals(merchant.id),
            _suspense(merchant.id),
            _disputes(merchant.id),
            _alerts(merchant.id),
            _parked(merchant.id),
        )
    )


def _outage(merchant: Merchant) -> Iterator[Need]:
    outage = outages.of(merchant.number)
    if outage is None:
        return
    until = f"{outage.look_at.astimezone(clock.NAIROBI):%H:%M:%S}"
    if outage.by_hand:
        text = f"{outage.why}. Until {until}; customers see it"
        yield Need("outage", "Requests are paused", text, "warn", outage.opened_at)
        return
    text = f"{outage.why}. Customers see “M-PESA is very busy”; one may try at {until}"
    title = "M-PESA is sick: requests are held"
    yield Need("outage", title, text, "bad", outage.opened_at)


def _settings(merchant: Merchant) -> Iterator[Need]:
    try:
        verdict = verification.of(merchant)
    except CannotOpen:
        yield Need("settings", "The M-PESA secrets cannot be opened", "A key is missing.", "bad")
        return
    if verdict.state == verification.FAILED:
        title = "The M-PESA settings do not work"
        yield Need("settings", title, verdict.reason or "", "bad", verdict.at)


def _chain(merchant_id: int) -> Iterator[Need]:
    check = chain.of(merchant_id)
    if check is not None and check.wrong:
        text = f"{check.wrong.capitalize()}. Tell whoever runs this installation."
        yield Need("chain", "The audit log was tampered with", text, "bad", check.checked_at)


def _unconfirmed(merchant_id: int) -> Iterator[Need]:
    old = Payment.created_at < clock.now() - SLOW
    mine = (Payment.merchant_id == merchant_id, Payment.status == UNCONFIRMED, old)
    count, oldest = db.session.execute(
        select(func.count(), func.min(Payment.created_at)).where(*mine)
    ).one()
    if count > ONE_BY_ONE:
        text = "M-PESA has not told us whether they were paid."
        yield Need("unconfirmed", f"{count:,} payments are unconfirmed", text, "warn", oldest)
        return
    for row in db.session.execute(_with_reference().where(*mine).order_by(Payment.created_at)):
        text = f"{row.reference} · KSh {row.amount:,} · M-PESA has not told us whether it was paid"
        yield Need("unconfirmed", "A payment is unconfirmed", text, "warn", row.created_at, row.id)


def _with_reference() -> Select[*tuple[Any, ...]]:
    columns = (Payment.id, Payment.created_at, Payment.amount, Invoice.reference)
    return select(*columns).join(Invoice, Invoice.id == Payment.invoice_id)


def _proposals(merchant_id: int) -> Iterator[Need]:
    waiting = matching.waiting(merchant_id)
    if len(waiting) > ONE_BY_ONE:
        title = f"{len(waiting):,} matches want a second person"
        yield Need("proposal", title, "Somebody proposed them.", "info", waiting[0].proposed_at)
        return
    for one in waiting:
        text = f"Receipt {one.code} · KSh {one.amount:,} · {one.reason}"
        yield Need(
            "proposal", "A match wants a second person", text, "info", one.proposed_at, one.id
        )


def _suspense(merchant_id: int) -> Iterator[Need]:
    found = booking.in_suspense(merchant_id)
    if len(found) > ONE_BY_ONE:
        text = f"KSh {sum(left for _, left in found):,} that we know no owner of"
        yield Need(
            "suspense",
            f"{len(found):,} receipts without an owner",
            text,
            "bad",
            found[0][0].paid_at,
        )
        return
    for receipt, left in found:
        text = f"{receipt.code or 'No number'} · KSh {left:,}"
        yield Need(
            "suspense", "A receipt without an owner", text, "bad", receipt.paid_at, receipt.id
        )


def _disputes(merchant_id: int) -> Iterator[Need]:
    soon = Dispute.due_on <= days.today() + DUE_SOON
    query = (
        select(Dispute.id, Dispute.due_on, Dispute.opened_at, Dispute.kind, Invoice.reference)
        .join(Payment, Payment.id == Dispute.payment_id)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(Dispute.merchant_id == merchant_id, Dispute.closed_at.is_(None), soon)
    )
    found = db.session.execute(query.order_by(Dispute.due_on, Dispute.id)).all()
    if len(found) > ONE_BY_ONE:
        title = f"{len(found):,} dispute answers are due"
        yield Need("dispute", title, f"The first one {_due(found[0])}", "info", found[0].opened_at)
        return
    for one in found:
        text = f"{one.reference} · {one.kind.replace('_', ' ')}"
        yield Need(
            "dispute", f"A dispute answer is due {_due(one)}", text, "info", one.opened_at, one.id
        )


def _due(dispute: Row[*tuple[Any, ...]]) -> str:
    left = (dispute.due_on - days.today()).days
    known = {0: "today", 1: "tomorrow"}
    return known.get(left) or (f"in {left} days" if left > 0 else f"{-left} days ago")


def _alerts(merchant_id: int) -> Iterator[Need]:
    unresolved = (Alert.merchant_id == merchant_id, Alert.resolved_at.is_(None))
    counted = select(Alert.kind, func.count(), func.min(Alert.created_at)).where(*unresolved)
    kinds = db.session.execute(counted.group_by(Alert.kind).order_by(func.min(Alert.id)))
    for kind, count, oldest in kinds.all():
        if count > ONE_BY_ONE:
            title = titles(kind)[1].format(f"{count:,}")
            yield Need("alert", title, "Look at each of them.", "warn", oldest, alert=kind)
            continue
        ordered = select(Alert).where(*unresolved, Alert.kind == kind).order_by(Alert.id)
        for one in db.session.scalars(ordered):
            yield Need("alert", titles(kind)[0], one.text, "warn", one.created_at, one.id, kind)


def titles(kind: str) -> tuple[str, str]:
    """Of an alert of this kind, and of several; of a kind that nobody has found words for, too."""
    plain = kind.replace("_", " ").capitalize()
    return ALERTS.get(kind, (plain, f"{plain}: {{}}"))


def _parked(merchant_id: int) -> Iterator[Need]:
    """Messages whose alert somebody resolved, and that are still not settled."""
    told = select(Alert.id).where(
        Alert.payment_id == Callback.payment_id, Alert.kind == "parked", Alert.resolved_at.is_(None)
    )
    query = select(func.count(), func.min(Callback.parked_at)).where(
        Callback.merchant_id == merchant_id,
        Callback.parked_at.is_not(None),
        Callback.settled_at.is_(None),
        ~told.exists(),
    )
    count, oldest = db.session.execute(query).one()
    if count:
        text = "Whoever runs this installation can try again: flask callbacks replay."
        yield Need("parked", f"{count:,} messages of M-PESA lie unread", text, "warn", oldest)
