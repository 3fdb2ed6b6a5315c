"""The daily close: a day's figures, and a person's name under them."""

from collections.abc import Iterable
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug import Response

from app.payments import closing
from app.web.admin import desk, hands, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import MOVERS

blueprint = Blueprint("closing", __name__, url_prefix="/reconciliation/close/<day>")
Page = Response | str | tuple[str, int]
# Figures by their name, in the page's order; whether they are shillings.
MONEY = {
    "received": "Received",
    "received.callback": "by message",
    "received.query": "by answer",
    "received.statement": "by statement",
    "received.staff": "by two people",
    "on_invoices": "On invoices",
    "on_balances": "On balances",
    "in_suspense": "In suspense",
    "suspense_total": "In suspense, all days, when looked at",
}
COUNTS = {
    "receipts": "Receipts",
    "payments.paid": "Payments paid",
    "payments.failed": "Payments failed",
    "payments.unconfirmed": "Payments unconfirmed",
    "payments.pending": "Payments waiting for a PIN",
    "payments.sending": "Payments on their way",
    "payments.created": "Payments not sent yet",
    "differences": "Differences with M-PESA's statement",
    "alerts": "Open alerts, when looked at",
}
CHECKS = {
    "books_agree": "The books agree with the receipts",
    "statement_covers": "M-PESA's statement covers the day",
}
TITLES = MONEY | COUNTS | CHECKS


@blueprint.get("/")
@allow(ANY)
def one(day: str) -> Page:
    return _page(_day(day))


def _day(typed: str) -> date:
    day = hands.day(typed)
    return day if day is not None and day <= closing.today() else abort(404)


def _page(day: date, error: str | None = None) -> str:
    merchant = desk.merchant()
    now, close = closing.figures(merchant, day), closing.of(merchant, day)
    figures = close.figures if close else now
    return render_template(
        "admin/reconciliation/close.html",
        day=day,
        close=close,
        over=day < closing.today(),
        figures=figures,
        money=_rows(MONEY, figures),
        counts=_rows(COUNTS, figures),
        checks=_rows(CHECKS, figures),
        changes=closing.changes(close, now) if close else [],
        titles=TITLES,
        shillings=MONEY,
        digest=closing.digest(now),
        names=hands.names([close.staff_id] if close else []),
        error=error,
    )


def _rows(titles: dict[str, str], figures: closing.Figures) -> Iterable[tuple[str, int | bool]]:
    return [(title, figures[name]) for name, title in titles.items() if name in figures]


@blueprint.post("/")
@allow(*MOVERS, proved=True)
def sign(day: str) -> Page:
    that_day = _day(day)
    if error := saving.refusal(lambda: _sign(that_day)):
        return _page(that_day, error), 422
    flash("The day is signed.")
    return redirect(url_for("admin.closing.one", day=that_day.isoformat()), 303)


def _sign(day: date) -> None:
    seen, act = hands.text("seen"), hands.act(hands.text("note"))
    closing.sign(desk.merchant(), day, seen, act)
