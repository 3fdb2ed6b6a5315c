"""Ask for a queued invoice in a few statements, where nothing forbids it: as plain_purchase.py sells.

Its locks and statements are that module's, and so are its rules; the row of the queue, which nobody
waits for, is locked after the phone. Whatever is odd is left, with nothing done, to renewing.ask, which
does the same by object, and says why not. The payment and the row's end share the commit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import BigInteger, DateTime, bindparam, exists, select, update

from app import clock, crypto, direct
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.billing.subscriptions import phone_place
from app.extensions import db
from app.merchants import Merchant
from app.payments import offers, plain_purchase
from app.payments.charging import Payer
from app.payments.models import Payment
from app.payments.offers import Offer
from app.payments.plain_purchase import Odd
from app.payments.renewal_models import ASKED, WAITS_SQL, Renewal
from app.payments.renewing import ACTOR, LIFE, attempt
from app.payments.states import UNCONFIRMED

ID = bindparam("id", type_=BigInteger)
NOW = bindparam("now", type_=DateTime(timezone=True))
MAY_BE_PAID = exists().where(
    Payment.invoice_id == Renewal.invoice_id, Payment.status == UNCONFIRMED
)
TAKE = direct.Statement(
    select(Renewal.invoice_id)
    .where(
        Renewal.id == ID,
        WAITS_SQL,
        Renewal.queued_at >= bindparam("since", type_=DateTime(timezone=True)),
        ~MAY_BE_PAID,
    )
    .with_for_update(skip_locked=True, key_share=True, of=Renewal)
)
END = direct.Statement(
    update(Renewal)
    .where(Renewal.id == ID)
    .values(payment_id=bindparam("payment", type_=BigInteger), outcome=ASKED, done_at=NOW)
    .returning(Renewal.id)
)


@dataclass(frozen=True)
class Queued:
    """A row of the queue, and what is asked for, of whom."""

    id: int
    offer: Offer
    token: str
    sealed: bytes | None

    @cached_property
    def payer(self) -> Payer:
        """Raises Odd, or crypto.CannotOpen."""
        phone = crypto.opened(self.sealed, phone_place(self.token))
        if phone is None:
            raise Odd
        return Payer(phone, None, asked_by=ACTOR)

    @property
    def locks(self) -> list[int]:
        """To be held before `ask`, in this order."""
        return plain_purchase.locks(self.offer, self.payer, attempt(self.id))


def queued(renewal_ids: Sequence[int]) -> Iterator[Queued]:
    """In the order of the ids that were given."""
    columns = (Renewal.id, Merchant.slug, Plan.code, Subscriber.token, Subscriber.phone_sealed)
    query = (
        select(*columns)
        .join(Invoice, Invoice.id == Renewal.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Merchant, Merchant.id == Plan.merchant_id)
    )
    rows = {row.id: row for row in db.session.execute(query.where(Renewal.id.in_(renewal_ids)))}
    offered = {(row.slug, row.code): offers.of(row.slug, row.code) for row in rows.values()}
    for renewal_id in renewal_ids:
        row = rows[renewal_id]
        if (offer := offered[row.slug, row.code]) is not None:
            yield Queued(row.id, offer, row.token, row.phone_sealed)


def ask(rows: direct.Transaction, one: Queued) -> None:
    """Raises Odd. The caller has the locks, and commits."""
    now = clock.now()
    taken = rows.one(TAKE, id=one.id, since=now - LIFE)
    if taken is None:
        raise Odd
    made = plain_purchase.write(rows, one.offer, one.payer, attempt(one.id), only=taken.invoice_id)
    rows.one(END, id=one.id, payment=made.payment, now=now)
    plain_purchase.tell(rows, one.offer, one.payer, made)
