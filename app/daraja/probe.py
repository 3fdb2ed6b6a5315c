"""What can be learned without asking anybody for money: who answers, what time it is there, who may ask."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum, auto

from requests import PreparedRequest

from app.daraja import answers, codes, wire
from app.daraja.client import Client
from app.daraja.errors import NoAnswer, Refused
from app.daraja.words import Timeouts

PATIENCE = Timeouts(connect=3.0, read=5.0)  # a person waits for it
# Of the shape that Safaricom gives (daraja.md §1.2), of a day and a phone that there never were.
NOBODYS_ID = "ws_CO_010120000000000000254700000000"
NOBODYS_ADDRESS = "203.0.113.9"  # of a network for examples (RFC 5737)


@dataclass(frozen=True)
class Seen:
    """What an address answered; `error` when it did not."""

    status: int | None
    seconds: float
    at: datetime | None = None  # its own clock
    data: Mapping[str, object] = field(default_factory=dict, repr=False)
    error: str = ""


def get(url: str, params: Mapping[str, str] | None = None) -> Seen:
    """Only ever of addresses from our own settings. No redirect is followed, at most 64 KiB are read."""
    return _seen(wire.Call("GET", url, wire.Stranger(), params))


class Pretender(wire.Stranger):
    """Says that it speaks for somebody else, as anybody on the internet can."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Forwarded-For"] = NOBODYS_ADDRESS
        return request


def post(url: str, body: Mapping[str, object]) -> Seen:
    """As Safaricom does it, but from a forged address; the same holds as for `get`."""
    return _seen(wire.Call("POST", url, Pretender(), body=body))


def _seen(call: wire.Call) -> Seen:
    began = time.monotonic()
    try:
        with wire.new_session() as session:
            reply = wire.exchange(session, call, PATIENCE)
    except (NoAnswer, Refused) as error:
        return Seen(None, time.monotonic() - began, error=error.message)
    seconds = time.monotonic() - began
    return Seen(reply.status, seconds, _time(reply.date), reply.data)


def _time(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Asking(StrEnum):
    """Whether this app may ask about its payments (daraja.md §3)."""

    ALLOWED = auto()
    NOT_ALLOWED = auto()  # the product is not on the app
    WRONG = auto()  # number and passkey do not belong together
    UNKNOWN = auto()


@dataclass(frozen=True)
class Asked:
    result: Asking
    shown: str = ""  # Safaricom's words, without what could be somebody's phone


# Code, what its message contains (lower case), what it means. The first that fits.
MEANINGS = (
    (codes.CATCH_ALL, "merchant does not exist", Asking.WRONG),
    (codes.CATCH_ALL, "wrong credentials", Asking.WRONG),
    (codes.CATCH_ALL, "does not exist", Asking.ALLOWED),
    (codes.CATCH_ALL, "being processed", Asking.ALLOWED),
    ("400.002.02", "checkoutrequestid", Asking.ALLOWED),
    ("400.002.02", "businessshortcode", Asking.WRONG),
    ("404.002.02", "", Asking.ALLOWED),
)


def may_ask(client: Client) -> Asked:
    """Asks about a payment that there never was: only whoever may ask is told that it does not exist."""
    try:
        reply = client.ask_about_nothing(NOBODYS_ID)
    except (NoAnswer, Refused) as error:
        return Asked(Asking.UNKNOWN, error.message)
    return Asked(_meaning(reply), reply.shown())


def _meaning(reply: wire.Reply) -> Asking:
    if answers.throttled(reply):
        return Asking.UNKNOWN
    said = reply.message.lower()
    for code, words, meaning in MEANINGS:
        if reply.code == code and words in said:
            return meaning
    if answers.token_refused(reply):  # with a token that was fetched a moment ago
        return Asking.NOT_ALLOWED
    return Asking.ALLOWED if reply.status == answers.OK and reply.data else Asking.UNKNOWN
