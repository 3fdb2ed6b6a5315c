"""What plain_purchase.py asks PostgreSQL, and what it tells it: one statement each, compiled once."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    LargeBinary,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from app import direct
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.extensions import Model
from app.payments import buckets, limits
from app.payments.models import Payment
from app.payments.opt_out import OptOut
from app.payments.outage_models import OPEN_SQL, Outage
from app.payments.payment_constraints import LIVE_SQL

Values = dict[str, ColumnElement[Any]]  # by column
MERCHANT: ColumnElement[int] = bindparam("merchant_id", type_=BigInteger)
PLAN: ColumnElement[int] = bindparam("plan_id", type_=BigInteger)
PHONE: ColumnElement[bytes] = bindparam("phone_index", type_=LargeBinary)
RUNNING: ColumnElement[int] = bindparam(
    "running", type_=BigInteger
)  # the subscription that is there
NOW = bindparam("now", type_=DateTime(timezone=True))
INVOICE: ColumnElement[int] = bindparam("owed", type_=BigInteger)  # the open one
SINCE, ADDRESS_SINCE, LATELY_SINCE = (
    bindparam(name, type_=DateTime(timezone=True))
    for name in ("since", "address_since", "lately_since")
)


def _of_payment(name: str) -> ColumnElement[Any]:
    """A value of this column, by its name."""
    return bindparam(name, type_=Payment.__table__.c[name].type)


def _asking() -> Select[Any]:
    """Whether all is plain, as far as counting goes; what the phone was asked in the last minutes,
    for limits.until; the subscription that runs, and the invoice that is open, if there are."""
    theirs = (Subscriber.merchant_id == MERCHANT, Subscriber.phone_index == PHONE)
    runs = (
        Subscription.subscriber_id == Subscriber.id,
        Subscription.plan_id == Plan.id,
        Subscription.cancelled_at.is_(None),
    )
    owed = (
        Invoice.subscription_id == Subscription.id,
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    odd = or_(*_odd(), Subscription.ends_at.is_not(None))
    ids = (Subscription.id.label("running"), Invoice.id.label("owed"))
    rows = select(not_(odd).label("plain"), _lately().label("lately"), *ids).select_from(Plan)
    joined = rows.outerjoin(Subscriber, and_(*theirs)).outerjoin(Subscription, and_(*runs))
    return joined.outerjoin(Invoice, and_(*owed)).where(Plan.id == PLAN)


def _odd() -> tuple[ColumnElement[bool], ...]:
    mine = Payment.phone_index == PHONE
    attempt = Payment.attempt == _of_payment("attempt")
    there = Payment.address_index == _of_payment("address_index")
    return (
        exists().where(OptOut.phone_index == PHONE),
        exists().where(mine, LIVE_SQL),
        _some(limits.PHONE_WINDOWS[-1], mine, SINCE) >= limits.PHONE_WINDOWS[-1].most,
        exists().where(Payment.merchant_id == MERCHANT, attempt),
        exists().where(Outage.shortcode == bindparam("number", type_=String), OPEN_SQL),
        _some(limits.ADDRESS_WINDOW, there, ADDRESS_SINCE) >= limits.ADDRESS_WINDOW.most,
    )


def _some(window: limits.Window, condition: ColumnElement[bool], since: Any) -> ColumnElement[int]:
    """How many payments are in a window, as far as it matters."""
    counted = select(Payment.id).where(
        condition, Payment.created_at > since, limits.may_have_prompted()
    )
    counting = select(func.count()).select_from(counted.limit(window.most).subquery())
    return counting.scalar_subquery()


FACTS = ("status", "reason", "amount")
TIMES = ("created_at", "sending_at", "accepted_at", "ended_at", "denied_at", "answered_at")


def _lately() -> ColumnElement[Any]:
    """Null for nearly everybody."""
    each = func.json_build_array(*(getattr(Payment, name) for name in (*FACTS, *TIMES)))
    rows = select(func.json_agg(each)).where(
        Payment.phone_index == PHONE, Payment.created_at > LATELY_SINCE
    )
    return rows.scalar_subquery()


def _locking() -> Select[Any]:
    """The seller's bucket, then the open invoice; no row where one of them is not to be had."""
    taken = _taking().cte("taken")
    mine = (Invoice.id == INVOICE, Invoice.paid_at.is_(None), Invoice.voided_at.is_(None))
    rows = select(Invoice.amount).select_from(taken.join(Invoice, and_(*mine)))
    return rows.with_for_update(key_share=True, of=Invoice)


def _free() -> Select[Any]:
    """Whether the invoice, which is locked, may be asked for, from whatever phone."""
    mine, window = Payment.invoice_id == INVOICE, limits.INVOICE_WINDOW
    full = _some(window, mine, SINCE) >= window.most
    return select(not_(or_(exists().where(mine, LIVE_SQL), full)).label("free"))


def _taking() -> ReturningInsert[tuple[str]]:
    bucket: ColumnElement[str] = bindparam("bucket", type_=String)
    return buckets.taking(bucket, limits.merchants_rate(), NOW)


def _writing() -> Select[Any]:
    """All rows, each from the ids of those before it; none where the seller's bucket is empty."""
    person = _person(_taking().cte("taken")).cte("person")
    subscribed = _subscription(person).cte("subscribed")
    runs = func.coalesce(subscribed.c.id, RUNNING)
    invoiced = _invoice(runs, person.outerjoin(subscribed, true())).cte("invoiced")
    asked = _payment(invoiced.c.id, invoiced).cte("asked")
    ids = (
        subscribed.c.id.label("subscription"),
        invoiced.c.id.label("invoice"),
        asked.c.id.label("payment"),
    )
    rows = asked.join(invoiced, true()).outerjoin(subscribed, true())
    return select(*ids).select_from(rows)


def _asking_again() -> Select[Any]:
    """Another payment for the open invoice of somebody known."""
    one = select(literal(1)).cte("one")
    person = _person(one).cte("person")
    asked = _payment(INVOICE, person).cte("asked")
    none = null().label("subscription"), null().label("invoice")
    return select(*none, asked.c.id.label("payment"))


def _person(taken: FromClause) -> ReturningInsert[tuple[int]]:
    row: Values = {
        "merchant_id": MERCHANT,
        "token": bindparam("person_token", type_=String),
        "phone_index": PHONE,
        "phone_sealed": bindparam("person_sealed", type_=LargeBinary),
        "language": bindparam("language", type_=String),
        "created_at": NOW,
    }
    made = upsert(Subscriber).from_select([*row], select(*row.values()).select_from(taken))
    spoken = func.coalesce(made.excluded.language, Subscriber.language)
    known = made.on_conflict_do_update(
        index_elements=["merchant_id", "phone_index"], set_={"language": spoken}
    )
    return known.returning(Subscriber.id)


def _subscription(person: FromClause) -> ReturningInsert[tuple[int]]:
    row: Values = {
        "merchant_id": MERCHANT,
        "token": bindparam("subscription_token", type_=String),
        "subscriber_id": person.c.id,
        "plan_id": PLAN,
        "created_at": NOW,
    }
    return _made(Subscription, row, select(*row.values()).where(RUNNING.is_(None)))


def _invoice(runs: ColumnElement[int], source: FromClause) -> ReturningInsert[tuple[int]]:
    row: Values = {
        "merchant_id": MERCHANT,
        "subscription_id": runs,
        "reference": bindparam("reference", type_=String),
        "amount": _of_payment("amount"),
        "created_at": NOW,
    }
    return _made(Invoice, row, select(*row.values()).select_from(source))


OF_PAYER = (
    *("token", "attempt", "phone_index", "phone_sealed", "address_index", "ref", "return_url"),
    *("consent_version", "consent_language"),
)


def _payment(invoice: ColumnElement[int], source: FromClause) -> ReturningInsert[tuple[int]]:
    row: Values = {
        "merchant_id": MERCHANT,
        "invoice_id": invoice,
        "plan_id": PLAN,
        "amount": _of_payment("amount"),
        **{name: _of_payment(name) for name in OF_PAYER},
        "created_at": NOW,
    }
    row = _defaults(Payment, row) | row
    return _made(Payment, row, select(*row.values()).select_from(source))


def _defaults(model: type[Model], given: Values) -> Values:
    """The constants that the model gives to a new row."""
    return {
        column.key: literal(column.default.arg, column.type)
        for column in model.__table__.c
        if column.default is not None and column.default.is_scalar and column.key not in given
    }


def _made(model: type[Model], row: Values, rows: Select[Any]) -> ReturningInsert[tuple[int]]:
    made = insert(model).from_select([*row], rows, include_defaults=False)
    return made.returning(model.__table__.c.id)


ASK = direct.Statement(_asking())
LOCK = direct.Statement(_locking())
FREE = direct.Statement(_free())
WRITE = direct.Statement(_writing())
WRITE_AGAIN = direct.Statement(_asking_again())
