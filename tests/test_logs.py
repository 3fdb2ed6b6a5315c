"""Nothing leaves through the log that belongs to a person or opens a door (M14)."""

import io
import json
import logging
import sys

import pytest

from app import logs
from app.logs import log, masked

DIGITS = "712345678"


AROUND = (
    "{}",
    "phone={}",
    "phone: {}, next",
    '{{"PhoneNumber": {}}}',
    '{{"PhoneNumber": "{}"}}',
    "for '{}'.",
    "[{}]",
    "({})",
    "/x?msisdn={}&a=b",
    "phone_{}_x",
)


def left_of(phone):
    """The lines in which the whole number can still be read."""
    lines = [masked(around.format(phone)) for around in AROUND]
    digits = ("".join(c for c in line if c.isdigit()) for line in lines)
    return [line for line, d in zip(lines, digits, strict=True) if "12345678" in d]


@pytest.mark.parametrize(
    "phone",
    ["0712345678", "254712345678", "+254712345678", "0112345678", "254112345678", "+254112345678"],
)
def test_no_number_as_we_and_safaricom_write_it_is_left(phone):
    assert left_of(phone) == []


@pytest.mark.parametrize(
    "phone",
    [
        "0712 345 678",
        "0712-345-678",
        "0712.345.678",
        "(0712) 345 678",
        "254 712 345 678",
        "+254 712 345 678",
        "+254 (712) 345-678",
        "0712\N{NO-BREAK SPACE}345\N{NO-BREAK SPACE}678",
        "%2B254712345678",  # as a URL spells it
        "712345678",
        "712 345 678",
    ],
)
def test_no_number_as_people_type_it_is_left(phone):
    assert left_of(phone) == []


def test_a_masked_number_still_tells_two_customers_apart():
    assert masked("to 254712345678") == "to 254712***678"
    assert masked("to 0712345678") == "to 0712***678"


def test_two_numbers_in_a_line_are_both_masked():
    assert masked("0712345678,0722000111") == "0712***678,0722***111"


@pytest.mark.parametrize(
    "text",
    [
        "ws_CO_021120261430151230712345678",
        "CheckoutRequestID=ws_CO_021120261430151230712345678 is known",
        '"ws_CO_021120261430151230712345678"',
    ],
)
def test_a_request_id_ends_in_a_phone_and_is_not_shown(text):
    assert "ws_CO_…" in masked(text)
    assert DIGITS not in masked(text)
    assert "0211202614" not in masked(text)


@pytest.mark.parametrize("door", ["d", "c", "r", "t"])
def test_safaricoms_token_is_not_shown(door):
    for token in ("9f86d081884c7d659a2feaa0c55ad015", "f0e4c2f76c58916ec258f246851bea09"):
        line = masked(f"POST https://pay.example.co.ke/hooks/v1/{door}/{token}/confirm 200")
        assert line == f"POST https://pay.example.co.ke/hooks/v1/{door}/…/confirm 200"


def test_a_token_that_begins_like_a_phone_is_not_shown_either():
    """One hook token in 5,500 does."""
    assert masked("POST /hooks/v1/d/0712345678abcdef0123456789abcdef") == "POST /hooks/v1/d/…"
    assert masked("GET /pay/0712345678abcdefghijkl") == "GET /pay/07123456…"


def test_a_payment_page_is_recognised_but_cannot_be_opened():
    line = masked("GET /pay/AbCd-_1234567890xyzXYZ/status?v=1 200")
    assert line == "GET /pay/AbCd-_12…/status?v=1 200"


@pytest.mark.parametrize(
    "text",
    [
        "receipt TKL4H7Q2MX joined",
        "receipt TKL0712345",
        "KSh 250000 of 1499",
        "2026-11-21T06:01:25.874003Z",
        "at 20261121144300",
        "epoch 1763700000 and 1763700000.123456",
        "payment 712345, callback 1234567",
        "shortcode 174379, till 5432100",
        "merchant request 29115-34620561-1",
        "code 500.001.1001",
        "took 0.712 s",
        "reference MA-7K3Q9DX",
        "transfer 123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_what_belongs_to_nobody_stays_readable(text):
    assert masked(text) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def door(monkeypatch):
    """Configures the logs for a stream of ours; the real door is put back as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def open_to(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure("INFO")
        return stream

    yield open_to
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def lines(door):
    stream = door(io.StringIO())
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_with_its_level_and_time(lines):
    log().warning("callback not settled", callback=7, phone="0712345678")
    [line] = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "callback not settled",
        "level": "warning",
        "callback": 7,
        "phone": "0712***678",
    }


def test_an_exception_is_told_without_its_number(lines):
    try:
        int("phone 254712345678")
    except ValueError:
        log().exception("went wrong")
        logging.getLogger("other.library").exception("also there")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert "ValueError" in line["exception"]
        assert "254712***678" in line["exception"]
        assert DIGITS not in str(line)


def test_other_libraries_are_masked_too(lines):
    logging.getLogger("other.library").error("no route to %s", "+254712345678")
    assert lines()[0]["event"] == "no route to +254712***678"


@pytest.mark.parametrize(
    "value",
    [
        254712345678,
        ["254712345678"],
        {"phone": "254712345678"},
        ValueError("254712345678"),
        b"254712345678",
    ],
    ids=["a number", "a list", "a dict", "an exception", "bytes"],
)
def test_a_number_inside_another_value_is_masked_too(lines, value):
    log().error("odd", value=value)
    assert DIGITS not in str(lines())


def test_what_is_below_the_level_is_not_written(lines):
    log().debug("quiet")
    logging.getLogger("werkzeug").info("127.0.0.1 GET /")
    logging.getLogger("rq.worker").info("job")
    assert lines() == []


def test_a_terminal_gets_readable_lines(door):
    stream = door(Terminal())
    log().info("prompt sent", phone="0712345678")
    line = stream.getvalue()
    assert "prompt sent" in line
    assert "0712***678" in line
    assert not line.startswith("{")
