"""How a merchant looks to customers: name, colour, logo, and where they go back to."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit
from xml.etree import ElementTree as ET

from app import audit
from app.errors import Refused
from app.merchants import Merchant

LEAST_CONTRAST = 4.5  # of white letters on the colour: WCAG 2.2 AA, 1.4.3
LONGEST_NAME = 60
LARGEST_LOGO = 2_000  # characters: it is part of each page, on slow networks
HEX = re.compile("#[0-9a-f]{6}")
CHANNELS = (0.2126, 0.7152, 0.0722)


def set_name(merchant: Merchant, text: str, *, actor: str) -> None:
    merchant.name = checked_name(text)
    audit.record(merchant, "merchant.renamed", actor=actor)


def checked_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(f"The name is one line of 1 to {LONGEST_NAME} characters.")
    return name


def set_colour(merchant: Merchant, text: str, *, actor: str) -> None:
    """Empty: ours. Raises Refused with what to do."""
    colour = text.strip().lower()
    if colour and not HEX.fullmatch(colour):
        raise Refused("The colour must look like #0a6b3d.")
    if colour and (found := contrast_with_white(colour)) < LEAST_CONTRAST:
        raise Refused(
            f"White letters on {colour} are too faint (contrast {found:.1f}, "
            f"{LEAST_CONTRAST} is needed): choose a darker colour."
        )
    merchant.colour = colour or None
    audit.record(merchant, "merchant.colour_set", actor=actor, colour=colour)


def contrast_with_white(colour: str) -> float:
    """From 1 (white on white) to 21 (on black); WCAG's relative luminance of `#rrggbb`."""
    luminance = sum(
        share * _linear(part) for share, part in zip(CHANNELS, parts(colour), strict=True)
    )
    return 1.05 / (luminance + 0.05)


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004


def parts(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def set_logo(merchant: Merchant, svg: str, *, actor: str) -> None:
    """Empty: the first letter of the name. Shown as an image only, where no script of it runs."""
    svg = svg.strip()
    if svg:
        _check_logo(svg)
    merchant.logo = svg or None
    audit.record(merchant, "merchant.logo_set", actor=actor, size=len(svg))


def _check_logo(svg: str) -> None:
    if len(svg) > LARGEST_LOGO:
        raise Refused(
            f"The logo has {len(svg)} characters; at most {LARGEST_LOGO} are good for 2G."
        )
    if "<!" in svg.replace("<!--", ""):  # no document types: entities can grow without end
        raise Refused("The logo must be a plain SVG, without a document type.")
    try:
        root = ET.fromstring(svg)  # noqa: S314 # no entities: checked above
    except ET.ParseError as error:
        raise Refused(f"The logo is not an SVG: {error}.") from error
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise Refused('The logo must begin with <svg xmlns="http://www.w3.org/2000/svg">.')


def set_support(merchant: Merchant, text: str, *, actor: str) -> None:
    """Whom customers turn to: a phone number, an e-mail address, or words."""
    text = " ".join(text.split())
    if len(text) > 100 or not text.isprintable():  # noqa: PLR2004
        raise Refused("The support contact is one line of at most 100 characters.")
    merchant.support = text or None
    audit.record(merchant, "merchant.support_set", actor=actor)


def set_return_urls(merchant: Merchant, urls: list[str], *, actor: str) -> None:
    """Where customers may go after they paid; the first one is where they go by themselves."""
    for url in urls:
        _check_return_url(url)
    merchant.return_urls = list(dict.fromkeys(urls))
    audit.record(merchant, "merchant.return_urls_set", actor=actor, urls=merchant.return_urls)


def _check_return_url(url: str) -> None:
    found = _split(url)
    if found is None or found.query or found.fragment:
        raise Refused(f"{url!r} cannot be returned to: give https://… without ? and #.")
    if found.scheme != "https" and found.hostname not in ("localhost", "127.0.0.1"):
        raise Refused(f"{url!r} cannot be returned to: it must begin with https://.")


def return_url(merchants: Sequence[str], wanted: str) -> str | None:
    """`wanted` where the merchant's allow it, else the first of them; None where there is none."""
    if any(_below(wanted, allowed) for allowed in merchants):
        return wanted
    return merchants[0] if merchants else None


def _below(wanted: str, allowed: str) -> bool:
    """The same place or below it. `..` and backslashes are how browsers would leave it."""
    here, there = _split(wanted), _split(allowed)
    if here is None or there is None or (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return False
    base = there.path.rstrip("/")
    return here.path.rstrip("/") == base or here.path.startswith(base + "/")


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or len(url) > 500:  # noqa: PLR2004
        return None
    if re.search(r"[\s\\]|/\.\.?(/|$)|%2e|%5c", url, re.IGNORECASE):
        return None
    try:
        found = urlsplit(url)
    except ValueError:
        return None
    plain = found.scheme in ("http", "https") and found.hostname and "@" not in found.netloc
    return found if plain else None
