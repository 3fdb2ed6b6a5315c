"""Safaricom's end of the wire, for these tests: what it answers, and what it was asked."""

import json
from typing import Any

import requests
import responses

from app.daraja import Client, Credentials, Prompt, Tokens

BASE = "https://sandbox.safaricom.co.ke"
OAUTH = BASE + "/oauth/v1/generate"
PUSH = BASE + "/mpesa/stkpush/v1/processrequest"
QUERY = BASE + "/mpesa/stkpushquery/v1/query"
CHECKOUT = "ws_CO_021120261430151230712345678"

PAYBILL = Credentials(BASE, "key", "secret", "passkey", "174379")
PROMPT = Prompt(
    "254712345678", 20, "INV-7", "Subscription", "https://malipo.example/hooks/v1/d/t0ken"
)
ACCEPTED = {
    "MerchantRequestID": "29115-34620561-1",
    "CheckoutRequestID": CHECKOUT,
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
EXPIRED_TOKEN = {
    "requestId": "11728-2929992-1",
    "errorCode": "404.001.03",
    "errorMessage": "Invalid Access Token",
}
HTML = "<html><head><title>Incapsula</title></head></html>"


def client(credentials: Credentials = PAYBILL, tokens: Tokens | None = None) -> Client:
    return Client(credentials, tokens or Tokens())


def gives_token(word: str = "t1", **extra: Any) -> None:
    responses.get(OAUTH, json={"access_token": word, "expires_in": "3599"} | extra)


def answers(url: str, answer: Any, status: int = 200, **extra: Any) -> None:
    """A dict is sent as JSON, a text as it is; an exception happens instead of an answer."""
    if isinstance(answer, dict | list):
        answer = json.dumps(answer)
    responses.add(
        responses.GET if url == OAUTH else responses.POST, url, body=answer, status=status, **extra
    )


def error(code: str, message: str = "") -> dict[str, str]:
    return {"requestId": "1-2-3", "errorCode": code, "errorMessage": message}


def fault(code: str, message: str = "") -> dict[str, Any]:
    return {"fault": {"faultstring": message, "detail": {"errorcode": code}}}


def result(code: object, message: str = "", **extra: Any) -> dict[str, Any]:
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": CHECKOUT,
        "ResultCode": code,
        "ResultDesc": message,
    } | extra


def asked(url: str) -> list[requests.PreparedRequest]:
    return [call.request for call in responses.calls if (call.request.url or "").startswith(url)]


def sent(url: str) -> dict[str, Any]:
    """The body of the only request to this address."""
    (request,) = asked(url)
    body: dict[str, Any] = json.loads(request.body or "")
    return body
