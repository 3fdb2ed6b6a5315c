"""Reconciliation: what is not known, what has no owner, what wants a second person; statements."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import Row, Select, func, select
from werkzeug import Response

from app import clock
from app.billing.models import Invoice
from app.desk import acts
from app.errors import Refused
from app.extensions import db
from app.jobs import bell
from app.payments import booking, closing, matching, statement_file, statements
from app.payments.locking import locked
from app.payments.models import Payment
from app.payments.staff_models import Statement
from app.payments.states import UNCONFIRMED
from app.web.admin import access, desk, hands, rail, report, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS, MOVERS

blueprint = Blueprint("reconciliation", __name__, url_prefix="/reconciliation")
MOST = 50  # rows of one list
SILENT_FOR = timedelta(minutes=5)  # longer than that, and somebody should look
DAYS = 7
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    merchant = desk.merchant()
    proposals = matching.waiting(merchant.id)
    days = closing.last_days(DAYS)
    return render_template(
        "admin/reconciliation/index.html",
        proposals=[(one, db.session.get_one(Payment, one.payment_id)) for one in proposals],
        silent=_silent(),
        silent_count=_count_silent(),
        suspense=booking.in_suspense(merchant.id, MOST),
        suspense_count=booking.suspended_count(merchant.id),
        most=MOST,
        days=days,
        signed=closing.signed_of(merchant, days),
        names=hands.names(one.proposed_by for one in proposals),
    )


def _silent() -> list[Row[Any]]:
    """Payments that nobody has told us the end of, the oldest first."""
    query = select(Payment, Invoice.reference).join(Invoice, Invoice.id == Payment.invoice_id)
    mine = query.where(Payment.merchant_id == desk.merchant().id, Payment.status == UNCONFIRMED)
    return list(db.session.execute(mine.order_by(Payment.created_at, Payment.id).limit(MOST)))


def _count_silent() -> int:
    return db.session.scalar(_unconfirmed(desk.merchant().id)) or 0


def _unconfirmed(merchant_id: int) -> Select[int]:
    mine = (Payment.merchant_id == merchant_id, Payment.status == UNCONFIRMED)
    return select(func.count()).select_from(Payment).where(*mine)


def wanting(merchant_id: int) -> int:
    """How many things here want a person."""
    old = Payment.created_at < clock.now() - SILENT_FOR
    silent = db.session.scalar(_unconfirmed(merchant_id).where(old)) or 0
    return silent + len(matching.waiting(merchant_id)) + booking.suspended_count(merchant_id)


rail.BADGES["admin.reconciliation.index"] = wanting


@blueprint.post("/ask/<int:payment_id>")
@allow(*HELPERS)
def ask(payment_id: int) -> Page:
    """Safaricom is asked about it before all others."""
    payment = access.mine(Payment, payment_id)
    error = saving.refusal(lambda: acts.ask_now(locked(payment.id), desk.actor()))
    bell.ring(bell.ASK)
    flash(
        error or "M-PESA is being asked. Reload the page in some seconds.", "bad" if error else "ok"
    )
    return redirect(url_for("admin.reconciliation.index"), 303)


@blueprint.get("/statements")
@allow(ANY)
def list_statements() -> Page:
    return _statements_page()


def _statements_page(error: str | None = None) -> str:
    found = statements.newest(desk.merchant(), MOST)
    return render_template(
        "admin/reconciliation/statements.html",
        statements=found,
        names=hands.names(one.staff_id for one in found),
        error=error,
    )


@blueprint.url_value_preprocessor
def make_room_for_a_statement(endpoint: str | None, _: dict[str, Any] | None) -> None:
    """Before the form's token is looked for, which reads the body; strangers get no more than usual."""
    if endpoint == "admin.reconciliation.upload" and desk.here() is not None:
        request.max_content_length = statement_file.LARGEST + 64 * 1024


@blueprint.post("/statements")
@allow(*MOVERS)
def upload() -> Page:
    try:
        taken = _take_in()
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _statements_page(str(refusal)), 422
    flash(_said(taken))
    statement_id = taken.statement.id
    return redirect(url_for("admin.reconciliation.of_statement", statement_id=statement_id), 303)


def _take_in() -> statements.Taken:
    file = request.files.get("file")
    content = file.read() if file else b""
    if file is None or not content:
        raise Refused("Choose the CSV file that you exported from M-PESA's portal.")
    return statements.take_in(desk.merchant(), desk.person().id, file.filename or "", content)


def _said(taken: statements.Taken) -> str:
    parts = [f"{taken.new:,} new lines"]
    if taken.known:
        parts.append(f"{taken.known:,} that were here already")
    if taken.left_out:
        parts.append(f"{taken.left_out:,} left out, because M-PESA has not completed them")
    said = ", ".join(parts) + "."
    if taken.disagree:
        said += f" {taken.disagree:,} are not as an earlier statement has them: look at the alerts."
    return said


@blueprint.get("/statements/<int:statement_id>")
@allow(ANY)
def of_statement(statement_id: int) -> Page:
    """The report over what the statement covers."""
    statement = access.mine(Statement, statement_id)
    return redirect(report.url(statement.first_at, statement.last_at), 303)


for shown in (hands.age, hands.left, hands.long_day, hands.told_by):
    blueprint.add_app_template_filter(shown)
