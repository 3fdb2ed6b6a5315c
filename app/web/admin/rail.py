"""The rail: every page of the admin, in its order. A page that is not built yet is not shown."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import request, url_for


@dataclass(frozen=True)
class Entry:
    endpoint: str
    title: str
    icon: str

    @property
    def room(self) -> str:
        return self.endpoint.rpartition(".")[0]


@dataclass(frozen=True)
class Link:
    url: str
    title: str
    icon: str
    here: bool
    badge: int


ENTRIES = (
    Entry("admin.overview.index", "Overview", "home"),
    Entry("admin.payments.index", "Payments", "list"),
    Entry("admin.failed.index", "Failed payments", "failed"),
    Entry("admin.reconciliation.index", "Reconciliation", "swap"),
    Entry("admin.disputes.index", "Disputes", "speech"),
    Entry("admin.analytics.index", "Analytics", "chart"),
    Entry("admin.subscriptions.index", "Subscriptions", "again"),
    Entry("admin.customers.index", "Customers", "person"),
    Entry("admin.plans.index", "Plans", "tag"),
    Entry("admin.settings.index", "M-PESA settings", "gear"),
    Entry("admin.people.index", "People", "people"),
    Entry("admin.audit.index", "Audit log", "page"),
    Entry("admin.merchants.index", "Merchants", "shop"),
)
LAST_RESORT = "admin.account.browsers"  # everybody has it
# Rooms put in how many of a merchant's things want a person: BADGES["admin.failed.index"] = count.
BADGES: dict[str, Callable[[int], int]] = {}

May = Callable[[str], bool]


def links(may: May, merchant_id: int) -> list[Link]:
    return [_link(entry, merchant_id) for entry in ENTRIES if may(entry.endpoint)]


def _link(entry: Entry, merchant_id: int) -> Link:
    count, url = BADGES.get(entry.endpoint), url_for(entry.endpoint)
    return Link(
        url=url,
        title=entry.title,
        icon=entry.icon,
        here=_is_here(entry, url),
        badge=count(merchant_id) if count else 0,
    )


def _is_here(entry: Entry, url: str) -> bool:
    """In its room, or on a page below it; everything is below the first page."""
    first_page = url_for("admin.door.login").removesuffix("login")
    below = url != first_page and request.path.startswith(url)
    return below or (request.endpoint or "").rpartition(".")[0] == entry.room


def first(may: May) -> str:
    return next((entry.endpoint for entry in ENTRIES if may(entry.endpoint)), LAST_RESORT)
