"""What the page with the list of payments shows, and what it asks for again while it is open."""

from collections.abc import Mapping
from hashlib import sha256

from flask import abort, request, url_for
from sqlalchemy import Select, select

from app import clock
from app.billing.models import Plan
from app.desk import cursor, days, listing, saved, words
from app.desk.asked import Asked
from app.desk.cursor import Cursor
from app.desk.filters import TABS
from app.desk.models import LONGEST_NAME
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.web.admin import desk
from app.web.admin.paging import AFTER, BEFORE

LIVE_MINUTES = 30  # a forgotten tab stops asking, and keeps its session awake no longer
MOST_CHOICES = 200
DAYS = {
    "": "All days",
    "today": "Today",
    "yesterday": "Yesterday",
    "7": "Last 7 days",
    "30": "Last 30 days",
}
TITLES = {
    "": "All",
    "paid": "Paid",
    "failed": "Failed",
    "waiting": "Waiting",
    "unconfirmed": "Unconfirmed",
}


def address(typed: Mapping[str, str]) -> str:
    return url_for("admin.payments.index", **typed)  # type: ignore[arg-type]


def around(wanted: Asked, whose: Merchant) -> dict[str, object]:
    """Tabs, filters and views. Without a list: of a wrong filter any list would mislead."""
    plans = select(Plan.code, Plan.name).where(Plan.merchant_id == whose.id).order_by(Plan.name)
    return {
        "asked": wanted,
        "page": None,
        "whose": whose,
        "elsewhere": whose != desk.merchant(),
        "plans": _choices(plans),
        "merchants": _merchants(),
        "tabs": [(tab, TITLES[tab], address({**wanted.typed, "status": tab})) for tab in TABS],
        "counts": {},
        "days": DAYS,
        "causes": words.CAUSES,
        "views": saved.of(owner()),
        "longest_name": LONGEST_NAME,
        "today": days.today(),
    }


def _choices(query: Select[str, str]) -> dict[str, str]:
    return {row[0]: row[1] for row in db.session.execute(query.limit(MOST_CHOICES))}


def _merchants() -> dict[str, str]:
    """For operators only: everybody else has one."""
    if not desk.is_operator():
        return {}
    return _choices(select(Merchant.slug, Merchant.name).order_by(Merchant.name))


def owner() -> saved.Owner:
    """Of views: the person, for the merchant that they act for."""
    return saved.Owner(desk.person().id, desk.merchant().id)


def rows(wanted: Asked) -> dict[str, object]:
    place = _place()
    page = listing.page(wanted.filters, place)
    version = sha256(repr(page).encode()).hexdigest()[:12]
    return {
        "asked": wanted,
        "page": page,
        "elsewhere": wanted.filters.merchant_id != desk.merchant().id,
        "causes": words.CAUSES,
        "beginning": address(wanted.typed),
        "newer_url": _beside(wanted, AFTER, page.newer),
        "older_url": _beside(wanted, BEFORE, page.older),
        "live_url": _live(wanted, version) if place is None else None,
        "version": version,
    }


def _place() -> Cursor | None:
    for name in (BEFORE, AFTER):
        if name in request.args:
            try:
                return cursor.read(request.args[name], newer=name == AFTER)
            except Refused:
                abort(400)
    return None


def _beside(wanted: Asked, side: str, place: Cursor | None) -> str | None:
    return address({**wanted.typed, side: str(place)}) if place else None


def _live(wanted: Asked, version: str) -> str | None:
    """What the newest page asks for every ten seconds; None once nobody has clicked for long."""
    now = int(clock.now().timestamp()) // 60
    since = request.args.get("since", default=now, type=int)
    if not 0 <= now - since < LIVE_MINUTES:
        return None
    return address({**wanted.typed, "since": str(since), "v": version})
