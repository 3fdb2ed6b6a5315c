"""English or Kiswahili, as the customer likes; staff read English. Times on pages are Nairobi's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import urlencode

from babel import Locale
from babel.support import NullTranslations, Translations
from flask import Flask, current_app, g, has_request_context, request, url_for
from sqlalchemy import bindparam, select
from werkzeug import Response
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app import direct
from app.billing.models import Invoice, Subscriber, Subscription
from app.payments.models import Payment
from app.settings import settings
from app.web.extensions import babel

ENGLISH = "en"
NAMES = {ENGLISH: "English", "sw": "Kiswahili"}
LANG = "lang"  # in a link, and as a cookie
HOST_ONLY = "__Host-"  # of a cookie: no other name of the domain can set it
COOKIE_LIFE = timedelta(days=365)
TEXTS = Path(__file__).parents[1] / "translations"
FOR_STAFF = re.compile(r"/admin(/|$)")
POLL = "payment.status"
# What stays in a page's address, in its other language.
KEPT = {"checkout": ("ref", "return"), "help": ("m",), "payment": ("number",)}
NO_PAGES = (204, 303)
OF_SUBSCRIBER = direct.Statement(
    select(Subscriber.language)
    .join(Subscription, Subscription.subscriber_id == Subscriber.id)
    .join(Invoice, Invoice.subscription_id == Subscription.id)
    .join(Payment, Payment.invoice_id == Invoice.id)
    .where(Payment.token == bindparam("token"))
)


def init_app(app: Flask) -> None:
    babel.init_app(
        app,
        default_locale=ENGLISH,
        default_timezone="Africa/Nairobi",
        default_translation_directories="translations",
        locale_selector=selected,
    )
    app.before_request(look_up)
    app.after_request(tell)
    app.jinja_env.globals.update(
        language=current, other_language=other_language, language_of_polls=of_polls
    )


def selected() -> str:
    """What the link says, or the cookie, or the subscriber's last payment, or the browser."""
    if not _for_customers():
        return ENGLISH
    return _chosen() or g.get("subscribers_language") or _browsers()


def _for_customers() -> bool:
    return has_request_context() and not FOR_STAFF.match(request.path)


def _chosen() -> str | None:
    if (said := request.args.get(LANG)) in NAMES:
        return said
    kept = request.cookies.get(cookie_name())
    return kept if kept in NAMES else None


def _browsers() -> str:
    return _preferred(request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=256)  # there are few browsers, and to take it apart costs as much as a statement
def _preferred(said_by_browser: str) -> str:
    """The first that we speak, in the browser's order: `sw-KE, en;q=0.9` is Kiswahili."""
    order = parse_accept_header(said_by_browser, LanguageAccept)
    wanted = (re.split("[-_]", tag)[0].lower() for tag, quality in order if quality)
    return next((code for code in wanted if code in NAMES), ENGLISH)


def look_up() -> None:
    """Before the view: a page that says the database is away must not need it for its language.

    Polls are spared: see `of_polls`.
    """
    if request.blueprint != "payment" or request.endpoint == POLL or _chosen():
        return
    found = OF_SUBSCRIBER.one(token=(request.view_args or {})["token"])
    g.subscribers_language = found and found.language


def of_polls() -> str | None:
    """For the addresses that a page polls: its language, where no cookie tells it anyway."""
    return None if request.cookies.get(cookie_name()) == current() else current()


def cookie_name() -> str:
    return HOST_ONLY + LANG if current_app.config["SESSION_COOKIE_SECURE"] else LANG


def current() -> str:
    if not has_request_context():
        return ENGLISH
    known: str | None = g.get("language")
    if known is None:
        known = g.language = selected()
    return known


def said(msgid: str, code: str | None = None) -> str:
    """In a language, or in the visitor's."""
    return _catalogue(code or current()).gettext(msgid)


@cache
def _catalogue(code: str) -> NullTranslations:
    return Translations.load(TEXTS, [code])


def locale() -> Locale:
    return _locale(current())


_locale = cache(Locale.parse)


def tell(response: Response) -> Response:
    page = response.mimetype in ("text/html", "application/pdf")
    if not page or response.status_code in NO_PAGES:
        return response
    response.headers["Content-Language"] = current()
    if _for_customers():
        response.vary.update(("Accept-Language", "Cookie"))
        _keep_choice(response)
    return response


def _keep_choice(response: Response) -> None:
    """A choice is a link that was followed; what a poll carries is not."""
    code = request.args.get(LANG)
    if request.method != "GET" or request.endpoint == POLL or code not in NAMES:
        return
    response.set_cookie(
        cookie_name(),
        code,
        max_age=COOKIE_LIFE,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
    )


@dataclass(frozen=True)
class Other:
    code: str
    name: str
    href: str


def other_language(more: Mapping[str, str] | None = None) -> Other | None:
    """The header's link; `more` is what a form carried. None where there is English only."""
    if not _for_customers():
        return None
    code = next(code for code in NAMES if code != current())
    carried = {name: value for name, value in (more or {}).items() if value}
    query = urlencode({**_kept(), **carried, LANG: code})
    return Other(code, NAMES[code], f"{_here()}?{query}")


def _kept() -> dict[str, str]:
    names = KEPT.get(request.blueprint or "", ())
    return {name: request.args[name] for name in names if request.args.get(name)}


def _here() -> str:
    """Empty, for the address that the browser shows: after the checkout that is the payment's,
    although the header is still the form's. The payment's buttons have no page at their own."""
    if request.method == "GET" or request.blueprint != "payment":
        return ""
    return url_for("payment.page", token=(request.view_args or {})["token"])
