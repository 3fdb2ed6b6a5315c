"""A shop that talks to the simulator, and a door for the callbacks. No fixtures: plain functions."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.clock import NAIROBI, now
from app.simulator import SimulatorSettings, create_simulator
from app.simulator.mpesa import Mpesa

PHONE = "254712345678"
QUICK = SimulatorSettings(
    consumer_key="key",
    consumer_secret="secret",
    shortcode="174379",
    passkey="passkey",
    till="5123456",
    seed=7,
    prompt_delay=0.0,
    callback_delay=0.0,
    early_seconds=0.0,
    hang_seconds=0.2,
)
NOWHERE = "http://127.0.0.1:9/hooks/v1/d/0123456789abcdef0123456789abcdef"


class Shop:
    def __init__(self, client: FlaskClient, mpesa: Mpesa) -> None:
        self.client = client
        self.mpesa = mpesa
        self.callback_url = NOWHERE
        self._token = ""

    def token(self) -> str:
        self._token = self._token or self.new_token()
        return self._token

    def new_token(self, key: str = "key", secret: str = "secret") -> str:  # noqa: S107
        url = "/oauth/v1/generate?grant_type=client_credentials"
        return str(self.client.get(url, auth=(key, secret)).get_json()["access_token"])

    def push(self, token: str | None = None, **changes: Any) -> TestResponse:
        body = signed() | order(self.callback_url) | changes
        body = {name: value for name, value in body.items() if value is not None}
        return self.send("/mpesa/stkpush/v1/processrequest", body, token)

    def pushed(self, **changes: Any) -> str:
        response = self.push(**changes)
        assert response.status_code == 200, response.text
        return str(response.get_json()["CheckoutRequestID"])

    def query(self, checkout_request_id: str, token: str | None = None, **changes: Any) -> Any:
        body = signed() | {"CheckoutRequestID": checkout_request_id} | changes
        return self.send("/mpesa/stkpushquery/v1/query", body, token)

    def send(self, path: str, body: Any, token: str | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return self.client.post(path, json=body, headers=headers)

    def control(self, path: str, body: Any = None, status: int = 204) -> TestResponse:
        response = self.client.post(f"/control/{path}", json=body)
        assert response.status_code == status, response.text
        return response

    def script(self, **words: Any) -> None:
        self.control("script", words)

    def answer(self, pin: str = "1234", phone: str = PHONE) -> None:
        self.until_prompted(phone)
        self.control(f"phones/{phone}/answer", {"pin": pin})

    def until_prompted(self, phone: str = PHONE) -> None:
        eventually(lambda: self.mpesa.prompt_on(phone))

    def payment(self, checkout_request_id: str) -> Any:
        url = f"/control/payments?checkout_request_id={checkout_request_id}"
        [facts] = self.client.get(url).get_json()
        return facts

    def ended(self, checkout_request_id: str) -> Any:
        eventually(lambda: self.payment(checkout_request_id)["state"] != "open")
        return self.payment(checkout_request_id)

    def told(self, checkout_request_id: str, times: int = 1) -> Any:
        """The payment, once so many callbacks have been answered."""
        eventually(lambda: len(self.payment(checkout_request_id)["callback_statuses"]) >= times)
        return self.payment(checkout_request_id)


@contextmanager
def simulated(settings: SimulatorSettings = QUICK) -> Iterator[Shop]:
    simulator = create_simulator(settings)
    mpesa: Mpesa = simulator.extensions["simulator"]
    try:
        yield Shop(simulator.test_client(), mpesa)
    finally:
        mpesa.stop()


def signed(timestamp: str | None = None, passkey: str = "passkey") -> dict[str, Any]:
    timestamp = timestamp or now().astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
    return {
        "BusinessShortCode": "174379",
        "Password": base64.b64encode(f"174379{passkey}{timestamp}".encode()).decode(),
        "Timestamp": timestamp,
    }


def order(callback_url: str = NOWHERE) -> dict[str, Any]:
    return {
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1499,
        "PartyA": PHONE,
        "PartyB": "174379",
        "PhoneNumber": PHONE,
        "CallBackURL": callback_url,
        "AccountReference": "MW-0042",
        "TransactionDesc": "Monthly",
    }


class Door:
    """Where the shop hears callbacks."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.status = 200

    def news(self, index: int = 0) -> Any:
        return json.loads(self.bodies[index])["Body"]["stkCallback"]

    def codes(self) -> list[Any]:
        return [self.news(index)["ResultCode"] for index in range(len(self.bodies))]


@contextmanager
def opened_door() -> Iterator[Door]:
    door = Door()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Doorman, door))
    door.url = f"http://127.0.0.1:{server.server_port}/hooks/v1/d/0123456789abcdef"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Doorman(BaseHTTPRequestHandler):
    def __init__(self, door: Door, *args: Any) -> None:
        self.door = door
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.door.bodies.append(body)
        self.send_response(self.door.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
