"""People type their number in many ways; one comes out, or none."""

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import msisdn
from app.errors import BadPhone

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    "typed",
    [
        "0712345678",
        "712345678",
        "254712345678",
        "+254712345678",
        "0712 345 678",
        "0712-345-678",
        "0712.345.678",
        "(0712) 345 678",
        "0712 (345) 678",
        "+254 712 345 678",
        "+254 (0) 712 345 678",
        "+254-712-345-678",
        "254 (712) 345-678",
        "(+254) 712 345 678",
        "  0712345678  ",
        f"0712{NBSP}345{NBSP}678",
    ],
)
def test_every_usual_way_to_write_a_number_is_the_same_number(typed):
    assert msisdn.parse(typed) == "254712345678"


@pytest.mark.parametrize("typed", ["0110345678", "110345678", "254110345678", "+254 110 345 678"])
def test_the_newer_numbers_begin_with_01(typed):
    assert msisdn.parse(typed) == "254110345678"


@pytest.mark.parametrize("start", ["0700", "0722", "0733", "0757", "0768", "0777", "0790", "0799"])
def test_no_operator_is_guessed(start):
    assert msisdn.parse(f"{start}123456") == f"254{start[1:]}123456"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "0",
        "07123",
        "071234567",
        "07123456789",
        "25471234567",
        "2547123456789",
        "0712 345 678 " * 3,
        "0" * 30,
        "020 2223334",  # a landline in Nairobi
        "+254 20 222 3334",
        "0800 720 021",  # toll-free
        "0900 123 456",
        "+255 712 345 678",  # Tanzania
        "+256712345678",  # Uganda
        "+1 202 555 0123",
        "+44 7911 123456",
        "+999 1234 567",  # no country at all
        "999",
        "0712O45678",  # a letter O
        "o712345678",
        "0712345678a",
        "0712345678 ext 5",
        "tel:0712345678",
        "0712345678;phone-context=x",
        "0712/345678",
        "0712345678,0722345678",
        "0712\n345678",
        "0712345\r\n678",
        "0712\t345678",
        "0712\x00345678",
        "++254712345678",
        "254+712345678",
        "-0712345678",
        "٠٧١٢٣٤٥٦٧٨",  # Arabic-Indic digits
        "०७१२३४५६७८",  # Devanagari
        "".join(chr(ord(c) + 0xFEE0) for c in "0712345678"),  # full-width
        "0712345٦78",
        "\N{FULLWIDTH PLUS SIGN}254712345678",
        "07\N{ZERO WIDTH SPACE}12345678",
        "'; drop table payment; --",
    ],
)
def test_what_is_no_kenyan_mobile_number_is_refused(typed):
    with pytest.raises(BadPhone):
        msisdn.parse(typed)


@given(st.text() | st.text("+0123456789 ().-\u00a0", max_size=30))
def test_no_text_surprises(text):
    try:
        parsed = msisdn.parse(text)
    except BadPhone:
        return
    assert re.fullmatch(r"254[17][0-9]{8}", parsed)
    assert msisdn.parse(parsed) == parsed


@given(st.from_regex(r"(\+254|254|0|)(7[0-9]|11)[0-9]{7}", fullmatch=True))
def test_what_is_read_is_what_was_typed(typed):
    try:
        parsed = msisdn.parse(typed)
    except BadPhone:
        return  # not every block of numbers is in use
    assert typed.endswith(parsed[3:])


def test_a_number_is_shown_as_people_read_it():
    assert msisdn.pretty("254712345678") == f"0712{NBSP}345{NBSP}678"
    assert msisdn.pretty("254110345678") == f"0110{NBSP}345{NBSP}678"


def test_a_masked_number_is_enough_for_its_owner_only():
    assert msisdn.masked("254712345678") == f"0712{NBSP}•••{NBSP}678"
    assert msisdn.masked("254712345678") == msisdn.masked("254712999678")


SPELLINGS = ("{}{}{}", "0{}{}{}", "254{}{}{}", "+254{}{}{}", "0{} {} {}", "+254 {}-{}-{}")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_is_read_quickly_is_what_the_library_reads(spelling):
    for prefix in (*range(100, 200), *range(700, 800)):
        typed = spelling.format(prefix, "345", "678")
        quick = msisdn.PLAIN.fullmatch(typed) and msisdn.MOBILE.fullmatch(f"{prefix}345678")
        number = phonenumbers.parse(typed, "KE")
        mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        assert bool(quick) == mobile
        if mobile:
            assert msisdn.parse(typed) == f"{number.country_code}{number.national_number}"
