"""Which code means what, per API; matched on the message too where one code means two things.

The tables are ux.md §4.2 over daraja.md §4. Only what they name ends a payment (design.md M6).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from app.daraja.words import Answer, Reason, Verdict

SUCCESS = "0"
IN_PROCESS = "4999"
CATCH_ALL = "500.001.1001"
REFUSED_TOKEN = frozenset({"404.001.03", "400.003.01", "401.002.01", "401.003.01"})
TOO_MANY = frozenset({"500.003.02", "500.003.03"})
RATE_LIMIT = "policies.ratelimit."
ERROR_CODE = re.compile(r"[0-9]{3}(\.[0-9]{1,6})+")

# STK results, by callback or by query.
RESULTS: Mapping[str, Reason] = MappingProxyType(
    {
        "1": Reason.INSUFFICIENT_FUNDS,
        "5": Reason.INSUFFICIENT_FUNDS,
        "2001": Reason.WRONG_PIN,
        "8006": Reason.PIN_LOCKED,
        "1031": Reason.CANCELLED,
        "1032": Reason.CANCELLED,
        "1019": Reason.EXPIRED,
        "1036": Reason.UNREACHABLE,
        "1037": Reason.UNREACHABLE,
        "1001": Reason.IN_PROGRESS,
        "17": Reason.BUSY,
        "26": Reason.BUSY,
        "1025": Reason.PUSH_FAILED,
        "9999": Reason.PUSH_FAILED,
        "3": Reason.LIMIT,
        "4": Reason.LIMIT,
        "6": Reason.NOT_REGISTERED,
        "10": Reason.NOT_REGISTERED,
        "11": Reason.NOT_REGISTERED,
        "13": Reason.NOT_REGISTERED,
        "2": Reason.MERCHANT_PROBLEM,
        "7": Reason.MERCHANT_PROBLEM,
        "8": Reason.MERCHANT_PROBLEM,
        "12": Reason.MERCHANT_PROBLEM,
        "14": Reason.MERCHANT_PROBLEM,
        "20": Reason.MERCHANT_PROBLEM,
        "2002": Reason.MERCHANT_PROBLEM,
        "2028": Reason.MERCHANT_PROBLEM,
        "SFC_IC0003": Reason.MERCHANT_PROBLEM,
    }
)
# One source reads 2028 as a limit of the payer's, the others as a missing product (daraja.md §4.1).
BY_MESSAGE = (("2028", "limit", Reason.LIMIT),)
# A query that comes too early is answered 2029 while the prompt still rings (daraja.md §4.1).
CALLBACK_ONLY = MappingProxyType({"2029": Reason.MERCHANT_PROBLEM})

# Errors of the push: code, what its message contains (lower case), what it means.
PUSH_ERRORS = (
    ("400.002.02", "invalid phonenumber", Reason.NOT_REGISTERED),
    ("400.002.02", "", Reason.MERCHANT_PROBLEM),
    ("400.002.05", "", Reason.MERCHANT_PROBLEM),
    (CATCH_ALL, "unable to lock subscriber", Reason.IN_PROGRESS),
    (CATCH_ALL, "already in process", Reason.IN_PROGRESS),
    (CATCH_ALL, "wrong credentials", Reason.MERCHANT_PROBLEM),
    (CATCH_ALL, "merchant does not exist", Reason.MERCHANT_PROBLEM),
)


def classify_callback(code: str, message: str = "") -> Answer:
    """A callback is Safaricom's last word: a code that we do not know is a failure too (ux.md §2)."""
    said = _classify(code, message)
    if said.verdict is not Verdict.UNKNOWN:
        return said
    return Answer(Verdict.FAILED, code, CALLBACK_ONLY.get(code, Reason.UNKNOWN))


def classify_query(code: str, message: str = "") -> Answer:
    """A query's code counts only when the closed list names it (daraja.md §3, rule 2)."""
    return _classify(code, message)


def _classify(code: str, message: str) -> Answer:
    if code == SUCCESS:
        return Answer(Verdict.PAID, code)
    if code == IN_PROCESS:
        return Answer(Verdict.PENDING, code)
    reason = _matching(BY_MESSAGE, code, message) or RESULTS.get(code)
    return Answer(Verdict.FAILED if reason else Verdict.UNKNOWN, code, reason)


def classify_query_error(code: str, message: str = "") -> Answer:
    """The catch-all counts only when it says that it is waiting; empty it says nothing (ux.md §2)."""
    waiting = code == CATCH_ALL and "being processed" in message.lower()
    return Answer(Verdict.PENDING if waiting else Verdict.UNKNOWN, code)


def push_refusal(status: int, code: str, message: str) -> Reason | None:
    """Why the push was refused for certain (daraja.md §4.2); None when it may have been sent."""
    if reason := _matching(PUSH_ERRORS, code, message):
        return reason
    if code == CATCH_ALL:
        return None
    if throttling(code):
        return Reason.BUSY
    return _refusal_by_status(status, code)


def _refusal_by_status(status: int, code: str) -> Reason | None:
    """The gateway's own no. A 503 is one only in Safaricom's envelope: Apigee's may follow the sending."""
    if status in (401, 404) or code in REFUSED_TOKEN:
        return Reason.MERCHANT_PROBLEM
    if (status == 429 and code) or (status == 503 and ERROR_CODE.fullmatch(code)):  # noqa: PLR2004
        return Reason.BUSY
    if status in range(400, 500) and status != 408 and code:  # noqa: PLR2004  a 408 is silence
        return Reason.MERCHANT_PROBLEM
    return None


def throttling(code: str) -> bool:
    return code in TOO_MANY or code.startswith(RATE_LIMIT)


def _matching(table: tuple[tuple[str, str, Reason], ...], code: str, message: str) -> Reason | None:
    said = message.lower()
    return next((why for known, words, why in table if code == known and words in said), None)
