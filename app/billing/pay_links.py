"""Links that sell a plan, for posters, messages and the merchant's own site."""

from urllib.parse import urlencode

from app.billing.models import Plan
from app.settings import settings


def pay_link(plan: Plan, carried: dict[str, str] | None = None) -> str:
    """The whole URL of the form (design.md §7); `carried`: ref, return."""
    path = f"/m/{plan.merchant.slug}/subscribe/{plan.code}"
    query = f"?{urlencode(carried)}" if carried else ""
    return f"{settings().public_base_url}{path}{query}"
