"""A new merchant, as an operator makes it on the page: its secrets come later, from its owner."""

from app import audit
from app.errors import Refused
from app.extensions import db
from app.merchants import SLUG, Merchant, face, mpesa, named
from app.merchants.mpesa import Number


def open_merchant(slug: str, name: str, number: Number | None, *, actor: str) -> Merchant:
    """Without a number of its own it is paid through the platform's. Raises Refused."""
    slug = slug.strip()
    if not SLUG.fullmatch(slug):
        raise Refused("The address is 2 to 40 of a-z, 0-9 and -.")
    if named(slug):
        raise Refused(f"There is a merchant {slug!r} already.")
    if number is not None:
        mpesa.checked(number)
    merchant = Merchant(slug=slug, name=face.checked_name(name), secret_facts={})
    merchant.uses_platform_shortcode = number is None
    if number is not None:
        merchant.shortcode, merchant.till = number.shortcode, number.till
    db.session.add(merchant)
    details = {"slug": slug, "shortcode": merchant.shortcode, "platform": number is None}
    audit.record(merchant, "merchant.created", actor=actor, **details)
    return merchant
