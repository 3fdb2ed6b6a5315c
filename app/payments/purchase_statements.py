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
SINCE, ADDRESS_SINCE = (
    bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "address_since")
)


def _of_payment(name: str) -> ColumnElement[Any]:
    """A value of this column, by its name."""
    return bindparam(name, type_=Payment.__table__.c[name].type)


def _asking() -> Select[Any]:
    """Whether all is plain, and the subscription that runs, if one does."""
    theirs = (Subscriber.merchant_id == Plan.merchant_id, Subscriber.phone_index == PHONE)
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
    odd = or_(*_odd(), Subscription.ends_at.is_not(None), Invoice.id.is_not(None))
    rows = select(not_(odd).label("plain"), Subscription.id.label("running")).select_from(Plan)
    joined = rows.outerjoin(Subscriber, and_(*theirs)).outerjoin(Subscription, and_(*runs))
    return joined.outerjoin(Invoice, and_(*owed)).where(Plan.id == PLAN)


def _odd() -> tuple[ColumnElement[bool], ...]:
    mine = Payment.phone_index == PHONE
    attempt = Payment.attempt == _of_payment("attempt")
    return (
        exists().where(OptOut.phone_index == PHONE),
        exists().where(mine, LIVE_SQL),
        exists().where(mine, Payment.created_at > SINCE),
        exists().where(Payment.merchant_id == MERCHANT, attempt),
        exists().where(Outage.shortcode == bindparam("number", type_=String), OPEN_SQL),
        _from_there() >= limits.ADDRESS_WINDOW.most,
    )


def _from_there() -> ColumnElement[int]:
    """How many payments the address has asked for lately, as far as it matters."""
    there = select(Payment.id).where(
        Payment.address_index == _of_payment("address_index"),
        Payment.created_at > ADDRESS_SINCE,
        limits.may_have_prompted(),
    )
    counted = there.limit(limits.ADDRESS_WINDOW.most).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


def _writing() -> Select[Any]:
    """All rows, each from the ids of those before it; none where the seller's bucket is empty."""
    bucket: ColumnElement[str] = bindparam("bucket", type_=String)
    taken = buckets.taking(bucket, limits.merchants_rate(), NOW).cte("taken")
    person = _person(taken).cte("person")
    subscribed = _subscription(person).cte("subscribed")
    runs = func.coalesce(subscribed.c.id, RUNNING)
    invoiced = _invoice(runs, person.outerjoin(subscribed, true())).cte("invoiced")
    asked = _payment(invoiced).cte("asked")
    ids = (
        subscribed.c.id.label("subscription"),
        invoiced.c.id.label("invoice"),
        asked.c.id.label("payment"),
    )
    rows = asked.join(invoiced, true()).outerjoin(subscribed, true())
    return select(*ids).select_from(rows)


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


def _payment(invoiced: FromClause) -> ReturningInsert[tuple[int]]:
    row: Values = {
        "merchant_id": MERCHANT,
        "invoice_id": invoiced.c.id,
        "plan_id": PLAN,
        "amount": _of_payment("amount"),
        **{name: _of_payment(name) for name in OF_PAYER},
        "created_at": NOW,
    }
    row = _defaults(Payment, row) | row
    return _made(Payment, row, select(*row.values()).select_from(invoiced))


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
WRITE = direct.Statement(_writing())
