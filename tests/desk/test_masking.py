"""What staff see of a message."""

import json

import pytest

from app.desk import masking
from tests import factories


def test_a_message_keeps_its_shape_and_loses_its_number():
    shown = masking.masked(factories.success(checkout_id="ws_CO_211120261443712345678"))
    body = json.loads(shown)["Body"]["stkCallback"]
    items = {item["Name"]: item["Value"] for item in body["CallbackMetadata"]["Item"]}
    assert items["PhoneNumber"] == "2547•••••678"
    assert items["MpesaReceiptNumber"] == "TKL4H7Q2MX"
    assert items["TransactionDate"] == 20261121144300
    assert items["Amount"] == 500
    assert "12345" not in shown
    assert "ws_CO_21…" in shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": "call 0712345678 now"}', "call 07•••••678 now"),
        (b'{"254712345678": 1}', "2547•••••678"),
        (b'{"a": 712345678}', "7•••••678"),
        (b'{"a": [{"b": "+254112345678"}]}', "+2541•••••678"),
        (b'{"a": 1.5}', "1.5"),
        (b"<html>0712345678", "<html>07•••••678"),
        (b"\xff\xfe 0712345678", "07•••••678"),
        (b"[" * 500, "[["),
        (b'{"a": NaN}', "NaN"),
        (b"", ""),
        (b'{"a": "\\u0000\\u202e"}', "a"),
    ],
)
def test_whatever_came_is_shown_without_a_number(body, shown):
    text = masking.masked(body)
    assert shown in text
    assert "12345" not in text
    assert text.replace("\n", "").isprintable()


def test_nobody_reads_sixty_kilobytes():
    assert len(masking.masked(b'{"a": "' + b"b " * 30_000 + b'"}')) < 9_000


def test_details_of_events_are_masked_too():
    assert "2547•••••678" in masking.details({"why": "254712345678", "n": 3})
