"""Our books beside M-PESA's statement, and what is done about a line of it."""

from datetime import date, datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.clock import NAIROBI
from app.errors import Refused
from app.extensions import db
from app.payments import closing, comparing, statements
from app.payments.models import Payment, Receipt
from app.payments.staff_models import StatementLine
from app.web.admin import access, desk, hands, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import MOVERS

blueprint = Blueprint("report", __name__, url_prefix="/reconciliation")
USUAL, LONGEST = timedelta(days=7), timedelta(days=92)
Page = Response | str | tuple[str, int]


@blueprint.get("/report")
@allow(ANY)
def index() -> Page:
    first, last = _range()
    since, until = closing.bounds(first)[0], closing.bounds(last)[1]
    return render_template(
        "admin/reconciliation/report.html",
        found=comparing.compare(desk.merchant(), since, until),
        first=first,
        last=last,
        most=comparing.MOST,
    )


def _range() -> tuple[date, date]:
    """Both days are in it. The last week, where nothing or nonsense is asked for."""
    last = hands.day(request.args.get("to")) or closing.today()
    first = hands.day(request.args.get("from")) or last - USUAL
    first, last = sorted((first, min(last, closing.today())))
    return max(first, last - LONGEST), last


@blueprint.post("/report")
@allow(ANY)
def find() -> Page:
    days = {name: hands.day(request.form.get(name)) for name in ("from", "to")}
    chosen = {name: day.isoformat() for name, day in days.items() if day is not None}
    return redirect(url_for("admin.report.index", **chosen), 303)  # type: ignore[arg-type]


def url(since: datetime, until: datetime) -> str:
    first, last = (time.astimezone(NAIROBI).date().isoformat() for time in (since, until))
    return url_for("admin.report.index", **{"from": first, "to": last})  # type: ignore[arg-type]


@blueprint.post("/lines/<int:line_id>/book")
@allow(*MOVERS)
def book(line_id: int) -> Page:
    """The line is the evidence: nobody has to say why."""
    line = access.mine(StatementLine, line_id)
    back = url(line.completed_at, line.completed_at)
    try:
        receipt = statements.book(line, desk.person().id)
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        flash(str(refusal), "bad")
        return redirect(back, 303)
    flash(f"{receipt.code} is in the books. It waits for its owner.")
    return redirect(url_for("admin.receipts.one", receipt_id=receipt.id), 303)


@blueprint.get("/lines/<int:line_id>/number")
@allow(*MOVERS)
def ask_number(line_id: int) -> Page:
    return _number_page(access.mine(StatementLine, line_id))


def _number_page(line: StatementLine, error: str | None = None) -> str:
    found = comparing.look_up(desk.merchant(), line)
    paid = db.session.get(Payment, found.unnumbered_for) if found.unnumbered_for else None
    return render_template(
        "admin/reconciliation/number.html",
        line=line,
        found=found,
        payment=paid,
        back=url(line.completed_at, line.completed_at),
        error=error,
    )


@blueprint.post("/lines/<int:line_id>/number")
@allow(*MOVERS)
def give_number(line_id: int) -> Page:
    line = access.mine(StatementLine, line_id)
    receipt = access.mine(Receipt, hands.row_id("receipt"))
    said, back = (
        f"The receipt has its number: {line.code}.",
        url(line.completed_at, line.completed_at),
    )
    if error := saving.refusal(lambda: statements.give_number(line, receipt, hands.act())):
        return _number_page(line, error), 422
    flash(said)
    return redirect(back, 303)
