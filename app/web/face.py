"""A merchant's colour, logo, and the way back to their own pages."""

from urllib.parse import quote, urlencode

from flask import url_for

from app import merchants
from app.merchants.face import parts
from app.web.facts import Facts

DARKER, PANEL, WASH, PANEL_INK = 0.75, 0.85, 0.09, 0.16  # as in ours: ux.md §6


def face_css(colour: str | None) -> str:
    """The custom properties that pay.css is written in; empty for our own, which it has."""
    if colour is None:
        return ""
    shades = {
        "brand": colour,
        "brand-2": _mixed(colour, 0, DARKER),
        "brand-wash": _mixed(colour, 255, WASH),
        "panel": _mixed(colour, 0, PANEL),
        "panel-ink": _mixed(colour, 255, PANEL_INK),
    }
    return ":root{" + ";".join(f"--{name}:{shade}" for name, shade in shades.items()) + "}"


def _mixed(colour: str, with_grey: int, share: float) -> str:
    mixed = (round(part * share + with_grey * (1 - share)) for part in parts(colour))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def logo_url(svg: str) -> str:
    """As an image in the page itself: one request less, and its scripts never run."""
    return "data:image/svg+xml," + quote(svg, safe=" =:/(),")


def onward(facts: Facts) -> str:
    """Where "Continue" leads: to the merchant's page, with their word for this payment, or the plans."""
    if facts.return_url is None:
        return plans_url(facts.slug)
    if facts.ref is None:
        return facts.return_url
    joint = "&" if "?" in facts.return_url else "?"
    return f"{facts.return_url}{joint}{urlencode({'ref': facts.ref})}"


def privacy_url(slug: str) -> str:
    if slug == merchants.DEFAULT:
        return url_for("privacy.page")
    return url_for("privacy.page_at", merchant=slug)


def plans_url(slug: str) -> str:
    if slug == merchants.DEFAULT:
        return url_for("plans.index")
    return url_for("plans.of_merchant", merchant=slug)
