"""HTTP: one request, one answer or one honest error. The only module that imports requests."""

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from app.daraja.errors import NoAnswer, NotSent, Unreadable
from app.daraja.strict import strict_json
from app.daraja.words import Timeouts

LONGEST_ANSWER = 64 * 1024
CHUNK = 8 * 1024
CONNECTIONS = 64
SECONDS = re.compile(r"[0-9]{1,6}")
PRINTABLE_CODE = re.compile(r"[A-Za-z0-9._-]{1,80}")
LONG_NUMBER = re.compile(r"[0-9]{9,}")
LONGEST_MESSAGE = 200


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    auth: AuthBase = field(repr=False)
    params: Mapping[str, str] | None = None
    body: Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Reply:
    """`data` is empty unless the body is a JSON object."""

    status: int
    data: Mapping[str, object] = field(repr=False)
    retry_after: float = 0.0
    date: str = ""  # its clock, as the header says it

    @property
    def code(self) -> str:
        """Of Safaricom's envelope, or of its gateway's (daraja.md §1); empty when there is none."""
        code = self.data.get("errorCode") or _at(self._fault.get("detail"), "errorcode")
        return code if isinstance(code, str) and PRINTABLE_CODE.fullmatch(code) else ""

    @property
    def message(self) -> str:
        """For matching; `shown()` is for people and logs."""
        message = self.data.get("errorMessage") or self._fault.get("faultstring")
        return message if isinstance(message, str) else ""

    @property
    def _fault(self) -> Mapping[str, object]:
        fault = self.data.get("fault")
        return fault if isinstance(fault, dict) else {}

    def shown(self) -> str:
        """The message without what could be somebody's phone or could break a log line."""
        plain = "".join(c if c.isprintable() else " " for c in self.message[:LONGEST_MESSAGE])
        return f"HTTP {self.status} {LONG_NUMBER.sub('…', plain)}".rstrip()


class Bearer(AuthBase):
    """An auth object and not a header, because requests lets a ~/.netrc replace the header."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Stranger(AuthBase):
    """Nobody's name. Without an auth object requests would look for one in a ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a push follows no redirect, and its body is not read to the end for one."""


def new_session() -> requests.Session:
    """Resends nothing, remembers no cookies, serves many threads."""
    session = _Session()
    adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, pool_block=False, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def exchange(session: requests.Session, call: Call, timeouts: Timeouts) -> Reply:
    """Raises NotSent when the request certainly never left, NoAnswer when nobody can know."""
    try:
        with session.request(
            call.method,
            call.url,
            params=call.params,
            json=call.body,
            auth=call.auth,
            timeout=(timeouts.connect, timeouts.read),
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = _read(response, timeouts.read)
            date = response.headers.get("Date", "")
            return Reply(response.status_code, _object(raw), _retry_after(response), date)
    # OSError is the parent of all that requests raises; urllib3's own come from reading the body.
    except (OSError, urllib3.exceptions.HTTPError) as error:
        kind = type(error).__name__
        if _before_sending(error):
            raise NotSent(f"could not connect ({kind})") from error
        raise NoAnswer(None, f"no answer ({kind})") from error


def _read(response: requests.Response, seconds: float) -> bytes:
    """At most 64 KiB, and not for ever: the read time-out alone would start anew with each byte."""
    deadline = time.monotonic() + seconds
    raw = b""
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        raw += chunk
        if len(raw) > LONGEST_ANSWER:
            raise NoAnswer(None, f"HTTP {response.status_code}, longer than an answer can be")
        if time.monotonic() > deadline:
            raise NoAnswer(None, f"HTTP {response.status_code}, too slow to read")
    return raw


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        value = strict_json(raw)
    except Unreadable:
        return {}
    return value if isinstance(value, dict) else {}


def _retry_after(response: requests.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if SECONDS.fullmatch(value) else 0.0


def _before_sending(error: Exception) -> bool:
    """Only what fails while connecting. A reset, or a broken TLS record, may come after the body."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _at(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
