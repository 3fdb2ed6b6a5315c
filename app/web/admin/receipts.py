"""One receipt: where its money is, and moving it between suspense and balances."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import crypto
from app.billing.models import Invoice, Subscriber
from app.errors import Refused
from app.extensions import db
from app.payments import reallocating, statements
from app.payments.models import Payment, Receipt
from app.payments.reallocating import SUSPENSE, Order
from app.payments.staff_models import Reallocation
from app.web.admin import access, hands, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import MOVERS

blueprint = Blueprint("receipts", __name__, url_prefix="/reconciliation/receipts/<int:receipt_id>")
NOWHERE = 0  # suspense, in an address
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Step:
    """A move that somebody is asked about. None is suspense."""

    receipt: Receipt
    source: Subscriber | None
    target: Subscriber | None

    @property
    def left(self) -> int:
        return reallocating.there(self.receipt, self.source.id if self.source else SUSPENSE)

    @property
    def owed(self) -> list[Invoice]:
        """What the target owes: one that is covered is paid at once, and stays so."""
        return reallocating.owed_by(self.target.id) if self.target else []

    def order(self, amount: int) -> Order:
        ends = [one.id if one else SUSPENSE for one in (self.source, self.target)]
        return Order(ends[0], ends[1], amount)


@blueprint.get("/")
@allow(ANY)
def one(receipt_id: int) -> Page:
    return _page(access.mine(Receipt, receipt_id))


def _page(receipt: Receipt, error: str | None = None) -> str:
    history = reallocating.history(receipt)
    return render_template(
        "admin/reconciliation/receipt.html",
        receipt=receipt,
        payment=db.session.get(Payment, receipt.payment_id) if receipt.payment_id else None,
        account=statements.account_of(receipt),
        suspense=reallocating.there(receipt, SUSPENSE),
        balances=reallocating.on_balances(receipt),
        invoices=reallocating.on_invoices(receipt),
        history=history,
        undone={row.undoes_id for row in history},
        people=_people(history),
        names=hands.names(row.staff_id for row in history),
        error=error,
    )


def _people(history: list[Reallocation]) -> dict[int, Subscriber]:
    ids = {place for row in history for place in (row.from_subscriber_id, row.to_subscriber_id)}
    found = access.scoped(Subscriber).where(Subscriber.id.in_(ids - {None}))
    return {person.id: person for person in db.session.scalars(found)}


@blueprint.post("/to/<int:source>")
@allow(*MOVERS)
def choose(receipt_id: int, source: int) -> Page:
    """Whose it is, by phone or account number: neither gets into an address (M14)."""
    receipt = access.mine(Receipt, receipt_id)
    person = reallocating.whose(receipt.merchant_id, request.form.get(f"customer{source}", ""))
    if person is None:
        said = "No customer of yours has this phone or account number."
        return _page(receipt, said), 422
    url = url_for("admin.receipts.ask", receipt_id=receipt.id, source=source, target=person.id)
    return redirect(url, 303)


@blueprint.get("/move/<int:source>/<int:target>")
@allow(*MOVERS, proved=True)
def ask(receipt_id: int, source: int, target: int) -> Page:
    return _ask_page(_step(receipt_id, source, target))


def _step(receipt_id: int, source: int, target: int) -> Step:
    receipt = access.mine(Receipt, receipt_id)
    ends = [
        None if place == NOWHERE else access.mine(Subscriber, place) for place in (source, target)
    ]
    return Step(receipt, ends[0], ends[1])


def _ask_page(step: Step, error: str | None = None) -> str:
    template = "admin/reconciliation/move.html"
    attempt = request.form.get("attempt") or crypto.new_token()
    return render_template(template, step=step, attempt=attempt, error=error)


@blueprint.post("/move/<int:source>/<int:target>")
@allow(*MOVERS, proved=True)
def move(receipt_id: int, source: int, target: int) -> Page:
    step = _step(receipt_id, source, target)
    if error := saving.refusal(lambda: _move(step)):
        return _ask_page(step, error), 422
    flash("The money is moved.")
    return redirect(url_for("admin.receipts.one", receipt_id=receipt_id), 303)


def _move(step: Step) -> None:
    amount = hands.shillings("amount")
    reallocating.move(step.receipt.id, step.order(amount), hands.act())


@blueprint.get("/undo/<int:reallocation_id>")
@allow(*MOVERS, proved=True)
def ask_undo(receipt_id: int, reallocation_id: int) -> Page:
    return _undo_page(_theirs(receipt_id, reallocation_id))


def _theirs(receipt_id: int, reallocation_id: int) -> Reallocation:
    row = access.mine(Reallocation, reallocation_id)
    return row if row.receipt_id == receipt_id else abort(404)


def _undo_page(row: Reallocation, error: str | None = None) -> str:
    receipt = access.mine(Receipt, row.receipt_id)
    return render_template(
        "admin/reconciliation/undo.html",
        row=row,
        receipt=receipt,
        people=_people([row]),
        left=min(row.amount, reallocating.there(receipt, row.to_subscriber_id)),
        attempt=request.form.get("attempt") or crypto.new_token(),
        error=error,
    )


@blueprint.post("/undo/<int:reallocation_id>")
@allow(*MOVERS, proved=True)
def undo(receipt_id: int, reallocation_id: int) -> Page:
    row = _theirs(receipt_id, reallocation_id)
    try:
        undone = reallocating.undo(row.id, hands.act())
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _undo_page(row, str(refusal)), 422
    flash(f"KSh {undone.amount:,} are back where they were.")
    return redirect(url_for("admin.receipts.one", receipt_id=receipt_id), 303)
