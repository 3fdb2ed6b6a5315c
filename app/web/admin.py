"""Staff: log in, see the merchant's newest payments and what wants a person. More comes with issue 5."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from sqlalchemy import Row, select
from werkzeug import Response

from app import audit, crypto, msisdn, staff
from app.billing.models import Invoice
from app.extensions import db
from app.payments import buckets
from app.payments.alerts import Alert
from app.payments.models import Payment, Receipt
from app.staff import Staff
from app.web import visitor

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
blueprint.add_app_template_filter(msisdn.masked, "masked")
PERSON, STAMP = "staff", "stamp"
TRIES, TRIES_SECONDS = 5, 300  # design.md §6, "staff login"
NEWEST = 50

View = Callable[[], Response | str]


def for_staff(view: View) -> View:
    """Nobody passes without an account that is as it was at log-in: a new password ends old sessions."""

    @wraps(view)
    def guarded() -> Response | str:
        person = db.session.get(Staff, session.get(PERSON, 0))
        if person is None or person.disabled_at or session.get(STAMP) != _stamp(person):
            return redirect(url_for("admin.login"), 303)
        g.staff = person
        return view()

    return guarded


def _stamp(person: Staff) -> str:
    return crypto.blind_index(person.password_hash, "session").hex()[:16]


@blueprint.get("/")
@for_staff
def index() -> str:
    return render_template("admin/payments.html", payments=_newest(), alerts=_open_alerts())


def _newest() -> list[Row[*tuple[Any, ...]]]:
    query = (
        select(Payment, Invoice.reference, Receipt.code.label("receipt"))
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .where(Payment.merchant_id == g.staff.merchant_id)
    )
    return list(db.session.execute(query.order_by(Payment.id.desc()).limit(NEWEST)))


def _open_alerts() -> list[Alert]:
    mine = (Alert.merchant_id == g.staff.merchant_id, Alert.resolved_at.is_(None))
    return list(
        db.session.scalars(select(Alert).where(*mine).order_by(Alert.id.desc()).limit(NEWEST))
    )


@blueprint.get("/login")
def login() -> str:
    return render_template("admin/login.html", email="", error=None)


@blueprint.post("/login")
def log_in() -> Response | tuple[str, int]:
    email = request.form.get("email", "").strip().lower()
    if not _may_try(email):
        return _again(email, _("Too many tries. Please wait five minutes.")), 429
    person = db.session.scalar(
        select(Staff).where(Staff.email == email, Staff.disabled_at.is_(None))
    )
    if not staff.password_fits(person, request.form.get("password", "")) or person is None:
        return _again(email, _("The e-mail or the password is not right.")), 422
    session.clear()
    session[PERSON], session[STAMP] = person.id, _stamp(person)
    audit.record(person, "staff.logged_in", actor=f"staff:{person.id}")
    db.session.commit()
    return redirect(url_for("admin.index"), 303)


def _may_try(email: str) -> bool:
    """Per account and per address, in PostgreSQL: it works without Redis, and for unknown accounts."""
    names = (f"account|{email}", f"address|{visitor.address()}")
    keys = [f"login:{crypto.blind_index(name, 'login').hex()}" for name in names]
    rate = buckets.Rate(TRIES, TRIES / TRIES_SECONDS)
    allowed = [buckets.take(key, rate) for key in keys]
    db.session.commit()
    return all(allowed)


def _again(email: str, error: str) -> str:
    return render_template("admin/login.html", email=email, error=error)


@blueprint.post("/logout")
def log_out() -> Response:
    session.clear()
    return redirect(url_for("admin.login"), 303)
