"""Kenyan mobile numbers: read from whatever people type, kept as 2547… or 2541…."""

import re
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from app.errors import BadPhone

# What people put into a number besides its digits, in ASCII only: `\d` would take other alphabets'.
TYPED = re.compile(r"\(?\+?[0-9][0-9 ().\-]{7,24}")
# As nearly everybody does. The library reads these alike (tests/test_msisdn.py), in fifty times the time.
PLAIN = re.compile(r"(?:\+?254|0)?[ -]?([17][0-9]{2})[ -]?([0-9]{3})[ -]?([0-9]{3})")
KENYA: Any = PhoneMetadata.metadata_for_region("KE")
MOBILE = re.compile(KENYA.mobile.national_number_pattern)


def parse(text: str) -> str:
    """`0712 345 678` -> `254712345678`. No operator is guessed: numbers are portable."""
    typed = text.strip().replace("\N{NO-BREAK SPACE}", " ")
    if not TYPED.fullmatch(typed):
        raise BadPhone
    plain = PLAIN.fullmatch(typed)
    if plain and MOBILE.fullmatch(national := "".join(plain.groups())):
        return f"254{national}"
    return _read(typed)


def _read(typed: str) -> str:
    try:
        number = phonenumbers.parse(typed, "KE")
    except phonenumbers.NumberParseException as error:
        raise BadPhone from error
    mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    if number.country_code != 254 or not mobile:  # noqa: PLR2004
        raise BadPhone
    return f"254{number.national_number}"


def pretty(msisdn: str) -> str:
    """`0712 345 678`, with no-break spaces."""
    local = "0" + msisdn[3:]
    return "\N{NO-BREAK SPACE}".join((local[:4], local[4:7], local[7:]))


ERASED = "Erased"  # as staff read it where a number was


def masked(msisdn: str) -> str:
    """`0712 ••• 678`: enough for its owner, too little for anybody else."""
    local = "0" + msisdn[3:]
    return "\N{NO-BREAK SPACE}".join((local[:4], "•••", local[7:]))
