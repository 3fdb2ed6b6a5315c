"""The merchant's payments: a list to find one in, its file for a spreadsheet, and lists under a name."""

from collections.abc import Mapping

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
)
from werkzeug import Response

from app import audit, merchants
from app.desk import asked, days, export, listing, saved
from app.desk.asked import Asked
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.staff import OWNER
from app.web import visitor
from app.web.admin import access, desk, payment_list
from app.web.admin.access import ANY, allow

blueprint = Blueprint("payments", __name__, url_prefix="/payments")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    typed = asked.clean(request.args)
    whose = _whose(typed)
    settled = asked.without_number(typed, whose.id)
    if settled != typed:  # an address that somebody wrote: ours hold no number
        return redirect(payment_list.address(settled), 303)
    wanted = asked.read(typed, whose.id)
    if wanted.errors:
        return _wrong(wanted, whose)
    return _news(wanted) if visitor.wants_fragment() else _page(wanted, whose)


def _whose(typed: Mapping[str, str]) -> Merchant:
    """Whom the request acts for. An operator may look over another's list, without acting for them."""
    here, slug = desk.merchant(), typed.get("merchant")
    if slug is None or slug == here.slug:
        return here
    found = merchants.named(slug) if desk.is_operator() else None
    return found or abort(404)


def _wrong(wanted: Asked, whose: Merchant) -> Page:
    around = payment_list.around(wanted, whose)
    return render_template("admin/payments/index.html", **around), 400


def _news(wanted: Asked) -> Page:
    """For the page that is open: the rows, or that nothing has changed."""
    shown = payment_list.rows(wanted)
    if shown["live_url"] and request.args.get("v") == shown["version"]:
        return "", 204
    return render_template("admin/payments/_rows.html", **shown)


def _page(wanted: Asked, whose: Merchant) -> Page:
    if whose != desk.merchant():  # as when an operator comes: the merchant's own log says so
        audit.record(whose, "merchant.operator_looked", actor=desk.actor())
        db.session.commit()
    shown = payment_list.around(wanted, whose) | payment_list.rows(wanted)
    counts = listing.counts(wanted.filters)
    return render_template("admin/payments/index.html", **shown | {"counts": counts})


@blueprint.post("/find")
@allow(ANY)
def find() -> Page:
    """The filters, as an address that can be kept and shared."""
    typed = asked.clean(request.form)
    if "q" in typed:
        typed.pop("phone", None)
    settled = asked.without_number(typed, _whose(typed).id)
    return redirect(payment_list.address(settled), 303)


@blueprint.post("/export.csv")
@allow("finance", OWNER)
def export_csv() -> Page:
    typed = asked.clean(request.args)
    whose = _whose(typed)
    wanted = asked.read(typed, whose.id)
    if wanted.errors:
        return _wrong(wanted, whose)
    _note_export(wanted, whose)
    lines = stream_with_context(export.lines(wanted.filters))
    answer = Response(lines, content_type="text/csv; charset=utf-8")
    name = f"payments-{days.today():%Y-%m-%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _note_export(wanted: Asked, whose: Merchant) -> None:
    """Which payments left the house; not what was searched for, which may be a person."""
    known = {name: value for name, value in wanted.typed.items() if name != "q"}
    searched = {"searched": True} if "q" in wanted.typed else {}
    audit.record(whose, "payments.exported", actor=desk.actor(), filters=known, **searched)
    db.session.commit()


@blueprint.post("/views")
@allow(ANY)
def save_view() -> Page:
    query = request.form.get("query", "")
    try:
        saved.save(payment_list.owner(), request.form.get("name", ""), query)
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        flash(str(refusal), "bad")
    else:
        flash("The view is saved.")
    kept = asked.clean_query(query, desk.merchant().id)
    return redirect(f"{payment_list.address({})}?{kept}", 303)


@blueprint.post("/views/<int:view_id>/delete")
@allow(ANY)
def delete_view(view_id: int) -> Page:
    if not saved.remove(payment_list.owner(), access.possible(view_id)):
        abort(404)
    db.session.commit()
    flash("The view is deleted.")
    return redirect(payment_list.address({}), 303)
