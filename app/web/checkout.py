"""A customer picks a plan and types a phone number."""

import re
from collections.abc import Mapping
from contextlib import suppress

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug import Response

from app import crypto, direct, merchants, msisdn
from app.billing import subscriptions
from app.billing.models import Plan
from app.errors import BadPhone, MustWait
from app.extensions import db
from app.jobs import bell, note
from app.logs import log
from app.merchants import face
from app.payments import charging, gate, offers, plain_purchase
from app.payments.models import Payment
from app.payments.offers import Offer
from app.payments.states import LIVE
from app.web import language, linking, privacy, visitor
from app.web.errors import BadLink

blueprint = Blueprint("checkout", __name__)
STAY = {"HX-Push-Url": "false"}  # a refusal is no new place in the browser's history
LONGEST_REF = 64
ATTEMPT = re.compile(r"[A-Za-z0-9_-]{8,64}")

Page = str | tuple[str, int] | tuple[str, int, dict[str, str]]


@blueprint.get("/subscribe/<plan>")
def subscribe(plan: str) -> Page:
    return _form(_offer(merchants.DEFAULT, plan))


@blueprint.get("/m/<merchant>/subscribe/<plan>")
def subscribe_at(merchant: str, plan: str) -> Page:
    return _form(_offer(merchant, plan))


@blueprint.post("/subscribe/<plan>")
def pay(plan: str) -> Response | Page:
    return _pay(_offer(merchants.DEFAULT, plan))


@blueprint.post("/m/<merchant>/subscribe/<plan>")
def pay_at(merchant: str, plan: str) -> Response | Page:
    return _pay(_offer(merchant, plan))


def _offer(merchant: str, plan: str) -> Offer:
    """404 for what never was, 410 for what is not sold any more."""
    offer = offers.of(merchant, plan) or abort(404)
    return abort(410) if offer.retired_at else offer


def _pay(offer: Offer) -> Response | Page:
    try:
        phone = msisdn.parse(request.form.get("phone", ""))
    except BadPhone:
        page = _form(offer, error=_("Enter a Safaricom number, like 0712 345 678"))
        return page, 422, STAY
    payer, attempt = _payer(offer, phone), _attempt()
    try:
        token = _sell(offer, payer, attempt)
    except MustWait as refusal:
        db.session.rollback()
        note.refusal(refusal.rule)
        return _wait(offer, phone, refusal)
    bell.ring(bell.SEND)
    visitor.remember(token)
    return redirect(url_for("payment.page", token=token), 303)


def _sell(offer: Offer, payer: charging.Payer, attempt: str) -> str:
    """The token of this attempt's payment, committed: plainly, or by all the rules. Raises MustWait."""
    locks = plain_purchase.locks(offer, payer, attempt)
    with suppress(plain_purchase.Odd), direct.transaction(locks) as rows:
        return plain_purchase.buy(rows, offer, payer, attempt)
    token = charging.buy(db.session.get_one(Plan, offer.plan_id), payer, attempt).token
    db.session.commit()
    return token


def _payer(offer: Offer, phone: str) -> charging.Payer:
    return charging.Payer(
        phone,
        visitor.address(),
        ref=_ref(request.form) or None,
        return_url=face.return_url(offer.seller.return_urls, request.form.get("return", "")),
        insists="anyway" in request.form,  # they were told that M-PESA is busy
        language=language.current(),
        consent=privacy.read(),
    )


def _ref(given: Mapping[str, str]) -> str:
    """The merchant's own word for what is paid, from the pay link. Staff and customer see it again."""
    ref = " ".join(given.get("ref", "").split())
    if len(ref) > LONGEST_REF or not ref.isprintable():
        raise BadLink
    return ref


def _attempt() -> str:
    """Made when the form was rendered. A request without one is an attempt of its own."""
    typed = request.form.get("attempt", "")
    return typed if ATTEMPT.fullmatch(typed) else crypto.new_token()


def _wait(offer: Offer, phone: str, refusal: MustWait) -> Response | Page:
    """A second click in the same browser lands on the payment that is under way."""
    log().info("must wait", rule=refusal.rule, merchant=offer.seller.id)
    if token := _live_payment_of_this_browser(phone):
        return redirect(url_for("payment.page", token=token), 303)
    if refusal.rule in (gate.BUSY, gate.PAUSED):
        page = _form(_offer(offer.seller.slug, offer.code), refused=True)  # the outage as it is now
        return page, 429, {"Retry-After": str(refusal.seconds), **STAY}
    page = _form(offer, error=_("Please wait a moment before you try again."), wait=refusal.seconds)
    return page, 429, {"Retry-After": str(refusal.seconds), **STAY}


def _live_payment_of_this_browser(phone: str) -> str | None:
    index = subscriptions.phone_index(phone)
    mine = (Payment.token.in_(visitor.newest()), Payment.status.in_(LIVE))
    return db.session.scalar(select(Payment.token).where(*mine, Payment.phone_index == index))


def _form(
    offer: Offer, *, error: str | None = None, wait: int | None = None, refused: bool = False
) -> str:
    return linking.render(
        "checkout/subscribe.html",
        merchant=offer.seller,
        plan=offer,
        through=offer.seller.through,
        attempt=crypto.new_token(),
        terms=privacy.VERSION,
        phone=request.form.get("phone", ""),
        ref=_ref(visitor.given()),
        back=visitor.given().get("return", ""),
        error=error,
        wait=wait,
        busy=offer.shut,
        refused=refused,
    )
