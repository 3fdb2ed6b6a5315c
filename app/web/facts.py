"""What a payment page shows, in one indexed read."""

from dataclasses import dataclass

from app import crypto, direct, merchants, msisdn
from app.billing.models import Invoice, Plan, Subscription
from app.direct import Row
from app.merchants import Merchant
from app.payments.models import Payment, phone_place
from app.settings import settings
from app.web import standing
from app.web.standing import Standing


@dataclass(frozen=True)
class Facts(Standing):
    amount: int  # whole shillings
    phone: str  # in full only for the browser that started the payment; empty when erased
    reference: str  # the account number
    plan: str
    plan_code: str
    unit: str
    every: int
    merchant: str
    through: str | None  # whoever collects for the merchant: M-PESA's message has their name
    slug: str
    support: str | None
    colour: str | None
    logo: str | None
    return_url: str | None
    ref: str | None  # the merchant's own, from the pay link


MORE = (
    Payment.phone_sealed,
    Payment.shortcode,
    Payment.return_url,
    Payment.ref,
    Invoice.reference,
    Plan.name.label("plan"),
    Plan.code.label("plan_code"),
    Plan.unit,
    Plan.every,
    Merchant.name.label("merchant"),
    Merchant.slug,
    Merchant.shortcode.label("own_number"),
    Merchant.uses_platform_shortcode,
    Merchant.support,
    Merchant.colour,
    Merchant.logo,
)
TAKEN = (
    *("amount", "return_url", "ref", "reference", "plan", "plan_code", "unit", "every"),
    *("merchant", "slug", "support", "colour", "logo"),
)
READ = direct.Statement(
    standing.BY_TOKEN.add_columns(*MORE)
    .join(Subscription, Subscription.id == Invoice.subscription_id)
    .join(Plan, Plan.id == Subscription.plan_id)
)


def of(token: str, *, owner: bool) -> Facts | None:
    """`owner`: this browser started the payment, and sees its number in full."""
    row = READ.one(token=token)
    return _facts(token, row, owner=owner) if row else None


def _facts(token: str, row: Row, *, owner: bool) -> Facts:
    shown = msisdn.pretty if owner else msisdn.masked
    phone = crypto.opened(row.phone_sealed, phone_place(token))
    return Facts(
        **standing.values(token, row),
        **{name: getattr(row, name) for name in TAKEN},
        phone=shown(phone) if phone else "",
        through=merchants.platform_name() if _through_platform(row) else None,
    )


def _through_platform(row: Row) -> bool:
    """As it was when the prompt was sent, else as it will be."""
    platform = settings().mpesa_shortcode
    if row.slug == merchants.DEFAULT or platform == row.own_number:
        return False
    return bool(
        row.shortcode == platform or (row.shortcode is None and row.uses_platform_shortcode)
    )
