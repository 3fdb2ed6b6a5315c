"""Against a real HTTP server in this process."""

import hashlib
import hmac
import json
import re

import pytest

from app.telling import webhook
from app.telling.errors import Undelivered
from app.telling.webhook import SIGNATURE, Webhook
from tests.telling import places

SECRET = b"s" * 32


@pytest.fixture
def ear():
    with places.ear() as server:
        yield server


def test_the_message_is_signed_so_that_the_other_side_can_tell(ear):
    webhook.send(Webhook(ear.url, SECRET), {"text": "Page: X"})
    [(path, headers, body)] = ear.heard
    assert (path, json.loads(body)) == ("/in?key=1", {"text": "Page: X"})
    at, digest = re.fullmatch("t=([0-9]+),v1=([0-9a-f]{64})", headers[SIGNATURE]).groups()
    ours = hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, ours)


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_anything_but_yes_is_no_delivery_and_nothing_is_followed(ear, status):
    ear.status = status
    with pytest.raises(Undelivered, match=f"HTTP {status}"):
        webhook.send(Webhook(ear.url, SECRET), {})
    assert len(ear.heard) == 1


def test_nobody_there_is_no_delivery():
    with pytest.raises(Undelivered, match="Refused"):
        webhook.send(Webhook("http://127.0.0.1:9/in", SECRET), {})


def test_an_address_that_speaks_no_tls_is_told_nothing(ear):
    with pytest.raises(Undelivered, match="SSL"):
        webhook.send(Webhook(ear.url.replace("http:", "https:"), SECRET), {})
    assert ear.heard == []


def test_the_secret_and_the_address_are_in_no_repr():
    assert "sss" not in repr(Webhook("http://x/in", SECRET))
    assert "http" not in repr(Webhook("http://x/in", SECRET))
