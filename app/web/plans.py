"""What a merchant sells."""

from collections.abc import Callable

from flask import Blueprint, abort, url_for
from sqlalchemy import select

from app import merchants
from app.billing.models import Plan
from app.extensions import db
from app.merchants import Merchant
from app.web import linking

blueprint = Blueprint("plans", __name__)


@blueprint.get("/")
def index() -> str:
    return of_merchant(merchants.DEFAULT)


@blueprint.get("/m/<merchant>")
def of_merchant(merchant: str) -> str:
    seller = merchants.named(merchant) or abort(404)
    query = select(Plan).where(Plan.merchant_id == seller.id, Plan.retired_at.is_(None))
    plans = db.session.scalars(query.order_by(Plan.price, Plan.id)).all()
    return linking.render(
        "plans/index.html", merchant=seller, plans=plans, subscribe_url=subscribe_url(seller)
    )


def sold(slug: str, code: str) -> Plan:
    """404 for what never was, 410 for what is not sold any more."""
    merchant = merchants.named(slug) or abort(404)
    mine = (Plan.merchant_id == merchant.id, Plan.code == code)
    plan = db.session.scalar(select(Plan).where(*mine)) or abort(404)
    return abort(410) if plan.retired_at else plan


def subscribe_url(seller: Merchant) -> Callable[[Plan], str]:
    def url(plan: Plan) -> str:
        if seller.slug == merchants.DEFAULT:
            return url_for("checkout.subscribe", plan=plan.code)
        return url_for("checkout.subscribe_at", merchant=seller.slug, plan=plan.code)

    return url
