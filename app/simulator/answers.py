"""The shapes in which Safaricom, its gateway and its firewall answer."""

from random import Random

from flask import Response, g, jsonify
from werkzeug.exceptions import HTTPException

from app.simulator.books import merchant_request_id

SPIKE = (
    "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, "
    "periodInMicroseconds=60000000, maxBurstMessageCount=1.0}"
)
HTML = """<html><head><title>{title}</title></head>
<body><h1>{title}</h1><p>Request unsuccessful. Incapsula incident ID: 0-0</p></body></html>
"""
TITLES = {200: "Request unsuccessful", 502: "502 Bad Gateway", 503: "503 Service Unavailable"}

_random = Random()  # noqa: S311  # a number for a pretend log, not a secret


class Refusal(Exception):
    """Safaricom's answer to a request that goes no further."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def invalid(field: str) -> Refusal:
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {field}")


def invalid_token() -> Refusal:
    return Refusal(404, "404.001.03", "Invalid Access Token")


def wrong_credentials() -> Refusal:
    return Refusal(500, "500.001.1001", "Wrong credentials")


def refused(refusal: Refusal) -> Response:
    tell(f"{refusal.status} {refusal.code} {refusal.message}")
    response = jsonify(
        requestId=merchant_request_id(_random),
        errorCode=refusal.code,
        errorMessage=refusal.message,
    )
    response.status_code = refusal.status
    return response


def routing(error: HTTPException) -> Response:
    """Flask's own 404, 405 and the like, in Safaricom's words."""
    if error.code == 405:  # noqa: PLR2004
        return refused(Refusal(405, "405.001", "Method Not Allowed"))
    return refused(Refusal(404, "404.001.01", "Resource not found"))


def spike_arrest() -> Response:
    tell("429 spike arrest")
    response = jsonify(
        fault={
            "faultstring": SPIKE,
            "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
        }
    )
    response.status_code = 429
    return response


def html(status: int) -> Response:
    tell(f"{status} with HTML")
    page = HTML.format(title=TITLES[status])
    return Response(page, status=status, content_type="text/html; charset=utf-8")


def empty(status: int) -> Response:
    tell(f"{status} with an empty body")
    return Response(b"", status=status, content_type="text/html")


def tell(story: str) -> None:
    """What the journal shall say of this request."""
    g.story = story
