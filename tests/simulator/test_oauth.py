from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.support import QUICK, Shop, simulated

URL = "/oauth/v1/generate?grant_type=client_credentials"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def test_right_credentials_buy_a_token_for_an_hour(shop):
    answer = shop.client.get(URL, auth=("key", "secret"))
    assert answer.status_code == 200
    assert answer.get_json()["expires_in"] == "3599"
    assert shop.push(answer.get_json()["access_token"]).status_code == 200


@pytest.mark.parametrize("pair", [("key", "wrong"), ("wrong", "secret"), ("", "")])
def test_wrong_credentials_meet_an_empty_400(shop, pair):
    answer = shop.client.get(URL, auth=pair)
    assert (answer.status_code, answer.data) == (400, b"")


def test_any_credentials_will_do_when_told_so():
    with simulated(replace(QUICK, accept_any_credentials=True)) as shop:
        assert shop.client.get(URL, auth=("who", "knows")).status_code == 200


@pytest.mark.parametrize(
    "url, headers, code",
    [
        ("/oauth/v1/generate", {"Authorization": "Basic a2V5OnNlY3JldA=="}, "400.008.02"),
        ("/oauth/v1/generate?grant_type=password", {}, "400.008.02"),
        (URL, {}, "400.008.01"),
        (URL, {"Authorization": "Bearer a2V5OnNlY3JldA"}, "400.008.01"),
    ],
)
def test_a_wrong_grant_or_scheme_is_named(shop, url, headers, code):
    answer = shop.client.get(url, headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["errorCode"] == code


def test_tokens_live_side_by_side_unless_they_rotate(shop):
    first, second = shop.new_token(), shop.new_token()
    assert shop.push(first, PhoneNumber="254711111111").status_code == 200
    shop.control("faults", {"rotate_tokens": True})
    third = shop.new_token()
    assert shop.push(first).status_code == 404
    assert shop.push(second).status_code == 404
    assert shop.push(third).status_code == 200


def test_rotation_leaves_other_merchants_alone(shop):
    shop.control("faults", {"rotate_tokens": True})
    other = {"consumer_key": "k2", "consumer_secret": "s2", "shortcode": "600000", "passkey": "p"}
    shop.control("merchants", other)
    token = shop.new_token()
    shop.new_token("k2", "s2")
    assert shop.push(token).status_code == 200


def test_tokens_can_be_invalidated(shop):
    token = shop.token()
    shop.control("invalidate-tokens")
    answer = shop.push(token)
    assert answer.status_code == 404
    assert answer.get_json()["errorCode"] == "404.001.03"
    assert answer.get_json()["errorMessage"] == "Invalid Access Token"


def test_a_token_runs_out(shop, monkeypatch):
    monkeypatch.setattr("app.simulator.merchants.TOKEN_SECONDS", 0)
    assert shop.push().status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic a2V5OnNlY3JldA=="}])
def test_no_bearer_no_push(shop, headers):
    answer = shop.client.post("/mpesa/stkpush/v1/processrequest", json={}, headers=headers)
    # The body is read first here, so it must be a good enough one to reach the token.
    assert answer.status_code == 404
    assert set(answer.get_json()) == {"requestId", "errorCode", "errorMessage"}


@pytest.mark.parametrize(
    "fault, status, body",
    [("empty_400", 400, b""), ("html_503", 503, b"<html>"), ("hang", 503, b"")],
)
def test_oauth_can_be_out_of_order(shop, fault, status, body):
    token = shop.token()
    shop.control("faults", {"oauth": fault})
    answer = shop.client.get(URL, auth=("key", "secret"))
    assert answer.status_code == status
    assert answer.data.startswith(body)
    assert shop.push(token).status_code == 200
