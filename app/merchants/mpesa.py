"""A merchant's M-PESA settings: typed in, sealed, and never shown again.

Every change makes the settings untried, and counts from the next prompt on in all processes: the
credentials are read with each prompt, and a token is kept under the very secrets that opened it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import ModuleType

from sqlalchemy import func, select

from app import audit
from app.errors import Refused
from app.extensions import db
from app.merchants import (
    DEFAULT,
    INITIATOR_PASSWORD,
    SECRETS,
    SHORTCODE,
    TILL,
    Merchant,
    verification,
)
from app.settings import settings

NAMES = {
    "consumer_key": "consumer key",
    "consumer_secret": "consumer secret",
    "passkey": "passkey",
    INITIATOR_PASSWORD: "initiator's password",
}
SECRET = re.compile(r"[!-~]{4,512}", re.ASCII)  # no spaces: they come along when one copies
INITIATOR = re.compile(r"[A-Za-z0-9._@-]{2,64}", re.ASCII)
LONGEST_PASSWORD = 128


@dataclass(frozen=True)
class Number:
    """A paybill; or a till, with the store number that M-PESA knows it by (daraja.md §1.2)."""

    shortcode: str
    till: str | None = None


def checked(number: Number) -> Number:
    """Raises Refused with a sentence."""
    what = "paybill" if number.till is None else "store"
    if not SHORTCODE.fullmatch(number.shortcode):
        raise Refused(f"The {what} number is 5 to 7 digits.")
    if number.till is not None and not TILL.fullmatch(number.till):
        raise Refused("The till number is 5 to 8 digits.")
    ours = settings()
    if number.shortcode == ours.mpesa_shortcode and ours.mpesa_environment == "production":
        raise Refused(
            "That is the number of whoever runs this installation: being paid through it is a "
            "switch of its own, which they turn on."
        )
    return number


def set_number(merchant: Merchant, number: Number, *, actor: str) -> None:
    _not_the_default(merchant)
    checked(number)
    _lock(merchant)
    merchant.shortcode, merchant.till = number.shortcode, number.till
    details = {"shortcode": number.shortcode, "till": number.till}
    _changed(merchant, "merchant.number_set", actor, **details)


def set_secret(merchant: Merchant, name: str, value: str, *, actor: str) -> None:
    """One of SECRETS. The sentence of a Refused never repeats what was typed."""
    _not_the_default(merchant)
    if name not in SECRETS:
        raise Refused("There is no such secret.")
    value = value.strip()
    if not SECRET.fullmatch(value):
        raise Refused(
            f"The {NAMES[name]} is one word of 4 to 512 letters, digits and signs: copy it again, "
            "without spaces or line breaks inside."
        )
    _lock(merchant)
    merchant.keep_secret(name, value)
    _changed(merchant, "merchant.secret_set", actor, name=name)


def set_initiator(merchant: Merchant, name: str, password: str, *, actor: str) -> None:
    """Both empty: none. An empty password keeps the one that is there, for the same name."""
    name = name.strip()
    _lock(merchant)
    if name and not INITIATOR.fullmatch(name):
        raise Refused("The initiator is the user name of M-PESA's portal: letters, digits, . _ - @")
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise Refused(f"The password is one line of at most {LONGEST_PASSWORD} characters.")
    if bool(name) != bool(password or (merchant.initiator_password and name == merchant.initiator)):
        raise Refused("Give both the initiator and the password, or leave both empty.")
    merchant.initiator = name or None
    if password:
        merchant.keep_secret(INITIATOR_PASSWORD, password)
    elif not name:
        merchant.drop_secret(INITIATOR_PASSWORD)
    audit.record(merchant, "merchant.initiator_set", actor=actor, there=bool(name))


def set_certificate(merchant: Merchant, file: bytes, *, actor: str) -> None:
    """Safaricom's, that the initiator's password is encrypted for. Empty: none."""
    found = _certificates().read(file) if file.strip() else None
    merchant.certificate = found.pem if found else None
    details = {"until": found.until.date().isoformat()} if found else {}
    audit.record(merchant, "merchant.certificate_set", actor=actor, **details)


def certificate_until(merchant: Merchant) -> datetime | None:
    return _certificates().until(merchant.certificate) if merchant.certificate else None


def _certificates() -> ModuleType:
    """Few merchants have one: no start waits for X.509."""
    return import_module("app.merchants.certificates")


def use_platform(merchant: Merchant, *, on: bool, actor: str, reason: str | None = None) -> None:
    """Being paid through the default merchant's number is explicit: it is collecting for others."""
    _not_the_default(merchant)
    _lock(merchant)
    if on == merchant.uses_platform_shortcode:
        return
    if not on and (missing := missing_of_own(merchant)):
        raise Refused(f"Set its own {missing[0]} first: without it nobody could pay.")
    merchant.uses_platform_shortcode = on
    action = "merchant.platform_number_used" if on else "merchant.platform_number_left"
    _changed(merchant, action, actor, **({"reason": reason} if reason else {}))


def missing_of_own(merchant: Merchant) -> list[str]:
    """What its own number still lacks, in words."""
    number = [] if merchant.shortcode else ["paybill or till"]
    return number + [NAMES[name] for name in SECRETS if getattr(merchant, name) is None]


def said(shortcode: str, till: str | None) -> str:
    """A number as people say it: `Paybill 600123`, `Till 5432100 (store 600123)`."""
    return f"Till {till} (store {shortcode})" if till else f"Paybill {shortcode}"


def sharers(merchant: Merchant) -> int:
    """How many other merchants have the same number of their own."""
    if merchant.shortcode is None:
        return 0
    others = (Merchant.shortcode == merchant.shortcode, Merchant.id != merchant.id)
    return db.session.scalar(select(func.count()).where(*others)) or 0


def _not_the_default(merchant: Merchant) -> None:
    if merchant.slug == DEFAULT:
        raise Refused("The default merchant's number and secrets are the MPESA_* settings.")


def _lock(merchant: Merchant) -> None:
    """Two who change at the same time would each write the facts of the secrets without the other's."""
    db.session.flush()
    db.session.refresh(merchant, with_for_update={"key_share": True})


def _changed(merchant: Merchant, action: str, actor: str, **details: str | None) -> None:
    verification.forget(merchant)
    audit.record(merchant, action, actor=actor, **details)
