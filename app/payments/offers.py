"""What a customer who comes to the form is offered: the plan, its seller, and whether M-PESA is well.

In one read, without the ORM: nearly everybody who pays comes through here twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, select

from app import direct, merchants
from app.billing.models import Plan
from app.direct import Row
from app.merchants import Merchant
from app.payments import gate
from app.payments.outage_models import OPEN_SQL, Outage


@dataclass(frozen=True)
class Seller:
    id: int
    slug: str
    name: str
    number: str  # the shortcode that Safaricom books its money under
    through: str | None  # whoever collects for it: M-PESA's message has their name
    support: str | None
    colour: str | None
    logo: str | None
    return_urls: Sequence[str]


@dataclass(frozen=True)
class Offer:
    """A plan as it was just now."""

    plan_id: int
    code: str
    name: str
    price: int  # whole shillings
    unit: str
    every: int
    retired_at: datetime | None
    seller: Seller
    shut: gate.Shut | None  # None: prompts go out


PLATFORM = select(Merchant.name.label("platform")).where(Merchant.slug == merchants.DEFAULT)
OF_PLAN = ("code", "name", "price", "unit", "every", "retired_at")
OF_SELLER = ("slug", "support", "colour", "logo", "return_urls")
READ = direct.Statement(
    select(
        Plan.id.label("plan_id"),
        *(getattr(Plan, name) for name in OF_PLAN),
        Plan.merchant_id,
        Merchant.name.label("seller"),
        *(getattr(Merchant, name) for name in OF_SELLER),
        merchants.number_column().label("number"),
        case((Merchant.uses_platform_shortcode, PLATFORM.scalar_subquery())).label("through"),
        Outage.by_hand,
        Outage.look_at,
    )
    .select_from(Merchant)
    .join(Plan, Plan.merchant_id == Merchant.id)
    .outerjoin(Outage, and_(Outage.shortcode == merchants.number_column(), OPEN_SQL))
    .where(Merchant.slug == bindparam("seller_slug"), Plan.code == bindparam("plan_code"))
)


def of(slug: str, code: str) -> Offer | None:
    row = READ.one(seller_slug=slug, plan_code=code)
    return None if row is None else _offer(row)


def _offer(row: Row) -> Offer:
    seller = Seller(
        id=row.merchant_id,
        name=row.seller,
        number=row.number or "",
        through=row.through,
        **{name: getattr(row, name) for name in OF_SELLER},
    )
    told = {name: getattr(row, name) for name in OF_PLAN}
    shut = None if row.look_at is None else gate.shut(row.look_at, by_hand=row.by_hand)
    return Offer(plan_id=row.plan_id, seller=seller, shut=shut, **told)
