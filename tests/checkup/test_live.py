"""Our own address, asked from where we are, and Safaricom's clock."""

import json
from datetime import timedelta

import responses
import time_machine

from app import checkup, merchants
from app.daraja import Asking, Client, Tokens
from tests.conftest import DARAJA

OURS = "https://pay.example.co.ke"
NOT_THERE = {"errorCode": "500.001.1001", "errorMessage": "The transaction does not Exist"}


def ask(wire):
    client = Client(merchants.named("default").credentials(), Tokens())
    wire.post(f"{DARAJA}/mpesa/stkpushquery/v1/query", json=NOT_THERE, status=500)
    return checkup.ask(client, OURS, DARAJA)


def answered_by(client):
    """Our own pages, through the wire."""

    def answer(request):
        response = client.get(request.url.removeprefix(OURS))
        return response.status_code, {}, response.text

    return answer


@time_machine.travel("2026-11-23T12:00:40Z", tick=False)
def test_our_own_address_proves_that_it_is_ours(safaricom, client):
    safaricom.add_callback(responses.GET, f"{OURS}/healthz", answered_by(client))
    safaricom.get(f"{DARAJA}/", status=404, headers={"Date": "Mon, 23 Nov 2026 12:00:00 GMT"})
    live = ask(safaricom)
    assert live.is_ours
    assert live.own_address.status == 200
    assert timedelta(seconds=39) < live.drift <= timedelta(seconds=40)
    assert live.asking.result is Asking.ALLOWED


def test_somebody_elses_health_proves_nothing(safaricom):
    safaricom.get(f"{OURS}/healthz", body=json.dumps({"status": "ok", "proof": "00"}))
    safaricom.get(f"{DARAJA}/", status=404)
    live = ask(safaricom)
    assert not live.is_ours
    assert live.drift is None


def test_a_redirect_proves_nothing(safaricom):
    safaricom.get(f"{OURS}/healthz", status=302, headers={"Location": "https://evil.example/"})
    safaricom.get(f"{DARAJA}/", status=404)
    live = ask(safaricom)
    assert (live.own_address.status, live.is_ours) == (302, False)


def test_health_signs_nonces_and_nothing_else(client):
    assert client.get("/healthz").json == {"status": "ok"}
    for odd in ("x", "0" * 31, "0" * 33, "G" * 32, "phone|254712345678"):
        assert client.get("/healthz", query_string={"nonce": odd}).json == {"status": "ok"}
    proved = client.get(f"/healthz?nonce={'0' * 32}").json
    assert proved == {"status": "ok", "proof": checkup.proof("0" * 32)}
