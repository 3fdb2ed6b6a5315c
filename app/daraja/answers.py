"""What Safaricom's answers to our calls mean."""

import re

from app.daraja import codes
from app.daraja.errors import BadCredentials, NoAnswer, NotSent, Refused, Throttled
from app.daraja.strict import code_in, identifier_in
from app.daraja.wire import Reply
from app.daraja.words import Accepted, Answer, Reason, Verdict

TOKEN = re.compile(r"[!-~]{1,4096}")
DIGITS = re.compile(r"[0-9]{1,9}")
OK = 200
SHORTEST_WAIT, LONGEST_WAIT = 60.0, 3600.0
LONGEST_LIFE = 3600.0
ASSUMED_LIFE = 600.0  # of a token that comes without one


def token_refused(reply: Reply) -> bool:
    """Refused at the gateway, before M-PESA saw anything: may be sent once more (daraja.md §1.1)."""
    return reply.status == 401 or reply.code in codes.REFUSED_TOKEN  # noqa: PLR2004


def throttled(reply: Reply) -> bool:
    return reply.status == 429 or codes.throttling(reply.code)  # noqa: PLR2004


def read_push(reply: Reply) -> Accepted:
    """Accepted, or raises Refused or NoAnswer (daraja.md §1.2, §4.2)."""
    code = code_in(reply.data.get("ResponseCode"))
    if reply.status == OK and code == codes.SUCCESS:
        return _accepted(reply)
    if reason := codes.push_refusal(reply.status, reply.code, reply.message):
        raise Refused(reason, reply.code, reply.shown())
    # No list says what another ResponseCode means: not known yet (M6).
    raise NoAnswer(reply.code or code, reply.shown())


def _accepted(reply: Reply) -> Accepted:
    checkout = identifier_in(reply.data.get("CheckoutRequestID"))
    if checkout is None:
        raise NoAnswer(None, "accepted without a CheckoutRequestID")
    return Accepted(identifier_in(reply.data.get("MerchantRequestID")) or "", checkout)


def read_query(reply: Reply, checkout_request_id: str) -> Answer:
    """Raises Throttled. Whatever is not clearly an answer to this question is UNKNOWN (daraja.md §3)."""
    if throttled(reply):
        raise Throttled(min(max(SHORTEST_WAIT, reply.retry_after), LONGEST_WAIT))
    if reply.code:
        return codes.classify_query_error(reply.code, reply.message)
    code = code_in(reply.data.get("ResultCode"))
    if code is None or not _answers(reply, checkout_request_id):
        return Answer(Verdict.UNKNOWN, f"HTTP {reply.status}")
    message = reply.data.get("ResultDesc")
    return codes.classify_query(code, message if isinstance(message, str) else "")


def _answers(reply: Reply, checkout_request_id: str) -> bool:
    accepted = code_in(reply.data.get("ResponseCode")) == codes.SUCCESS
    ours = reply.data.get("CheckoutRequestID", checkout_request_id) == checkout_request_id
    return reply.status == OK and accepted and ours


def read_token(reply: Reply, base_url: str) -> tuple[str, float]:
    """The token and its life in seconds. Nothing was sent yet, so every failure is a Refused."""
    token = reply.data.get("access_token")
    if reply.status == OK and isinstance(token, str) and TOKEN.fullmatch(token):
        return token, _life(reply.data.get("expires_in"))
    if throttled(reply):
        raise Refused(Reason.BUSY, reply.code, f"no token: {reply.shown()}")
    if reply.status in (400, 401):
        raise BadCredentials(reply.code, _advice(reply, base_url))
    raise NotSent(f"no token: {reply.shown()}")


def _life(value: object) -> float:
    text = str(value) if type(value) in (int, str) else ""
    return min(float(text), LONGEST_LIFE) if DIGITS.fullmatch(text) else ASSUMED_LIFE


def _advice(reply: Reply, base_url: str) -> str:
    """An empty 400 is how Safaricom says it (daraja.md §1.1)."""
    return (
        f"{base_url} refused the consumer key and secret ({reply.shown()}). Copy both again from the app "
        "on the Daraja portal, and see that they belong to this address: a sandbox app's keys "
        "open only the sandbox, a production app's only production."
    )
