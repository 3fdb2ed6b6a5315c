"""Are the settings right? Asked of Safaricom, of a phone, and of our own address."""

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug import Response

from app import checkup, crypto, msisdn
from app.checkup import connection
from app.daraja import Credentials
from app.errors import BadPhone, MustWait
from app.extensions import db
from app.jobs import bell, trying
from app.merchants import mpesa, verification
from app.merchants.verification import FAILED
from app.payments import buckets, gate
from app.payments.charging import Payer
from app.settings import settings
from app.staff import OWNER
from app.web import visitor
from app.web.admin import desk, mpesa_page
from app.web.admin.access import allow

blueprint = Blueprint("connection", __name__)
RATE = buckets.Rate(5, 5 / 300)  # of questions to Safaricom, which counts them
Page = Response | str | tuple[str, int]


@blueprint.post("/test")
@allow(OWNER)
def test() -> Page:
    """Commits before it asks: no transaction is held while Safaricom thinks."""
    if problem := _not_now():
        return _home(problem, "bad")
    merchant, actor = desk.merchant(), desk.actor()
    credentials = _credentials()
    tried = connection.try_keys(trying.client(credentials))
    verification.note(merchant, credentials, tried.state, tried.reason, actor=actor)
    db.session.commit()
    return _home(tried.reason, "bad" if tried.state == FAILED else "ok")


@blueprint.post("/checklist")
@allow(OWNER)
def checklist() -> Page:
    """Shown in the answer itself: how things are now is true now."""
    if problem := _not_now():
        return _home(problem, "bad")
    client, ours = trying.client(_credentials()), settings()
    return mpesa_page.render(checkup.ask(client, ours.public_base_url, ours.mpesa_base_url))


def _credentials() -> Credentials:
    credentials = desk.merchant().credentials()
    db.session.commit()
    return credentials


def _not_now() -> str | None:
    merchant = desk.merchant()
    missing = [] if merchant.on_platform else mpesa.missing_of_own(merchant)
    if missing:
        return f"Set the {missing[0]} first."
    allowed = buckets.take(f"trials:{merchant.id}", RATE)
    db.session.commit()
    return None if allowed else "Safaricom was asked often enough. Please wait a minute."


def _home(text: str, kind: str) -> Response:
    flash(text, kind)
    return redirect(url_for("admin.settings.index"), 303)


@blueprint.post("/prompt")
@allow(OWNER)
def prompt() -> Page:
    """An ordinary payment: its page shows live what becomes of it."""
    try:
        phone = msisdn.parse(request.form.get("phone", ""))
        payer = Payer(phone, visitor.address(), insists=True)
        attempt = request.form.get("attempt", "")[:64] or crypto.new_token()
        payment = connection.prompt(desk.merchant(), payer, attempt, actor=desk.actor())
        token = payment.token
        db.session.commit()
    except BadPhone:
        return mpesa_page.render(error="Enter a Safaricom number, like 0712 345 678."), 422
    except MustWait as wait:
        db.session.rollback()
        busy = wait.rule in (gate.BUSY, gate.PAUSED)
        why = (
            "M-PESA is very busy, or requests are paused"
            if busy
            else "That phone had a prompt a moment ago"
        )
        text = f"{why}. Please wait {wait.seconds} seconds."
        return mpesa_page.render(error=text), 429
    bell.ring(bell.SEND)
    visitor.remember(token)
    return redirect(url_for("payment.page", token=token), 303)
