"""What staff read: statuses, causes, what happened and who did it."""

from collections.abc import Mapping
from typing import Any

from app.daraja import Reason

STATUSES: Mapping[str, str] = {
    "created": "Sending",
    "sending": "Sending",
    "pending": "Waiting for PIN",
    "unconfirmed": "Unconfirmed",
    "paid": "Paid",
    "failed": "Failed",
}
CAUSES: Mapping[str, str] = {
    Reason.INSUFFICIENT_FUNDS: "Not enough money",
    Reason.WRONG_PIN: "Wrong PIN",
    Reason.PIN_LOCKED: "PIN locked",
    Reason.CANCELLED: "Cancelled",
    Reason.EXPIRED: "Timed out",
    Reason.UNREACHABLE: "Phone not reached",
    Reason.IN_PROGRESS: "Another payment open",
    Reason.BUSY: "M-PESA busy",
    Reason.PUSH_FAILED: "Did not reach M-PESA",
    Reason.LIMIT: "Over the limit",
    Reason.NOT_REGISTERED: "Number has no M-PESA",
    Reason.MERCHANT_PROBLEM: "Our settings",
    Reason.NOT_SENT: "Not sent in time",
    Reason.NO_ANSWER: "M-PESA never said",
    Reason.UNKNOWN: "Unknown code",
}
# Machines and strangers by what they are; people by their name (timeline.py).
ACTORS: Mapping[str, str] = {
    "customer": "Customer",
    "safaricom": "M-PESA",
    "command": "Command line",
    "renewals": "Renewal run",
    "stranger": "A stranger",
}
MACHINE = "Malipo"
ACTIONS: Mapping[str, str] = {
    "payment.created": "Payment asked for",
    "payment.sending": "Request on its way to M-PESA",
    "payment.pending": "M-PESA took the request: the message is on the phone",
    "payment.unconfirmed": "Unconfirmed: nobody has told us",
    "payment.paid": "Paid",
    "payment.failed": "Failed",
    "payment.claimed": "“I have entered my PIN”",
    "payment.denied": "“I did not enter my PIN”",
    "payment.asked": "Wants M-PESA to be asked now",
    "question.answered": "M-PESA was asked",
    "question.throttled": "M-PESA says: ask later",
    "receipt.joined": "Receipt number joined",
    "payment.severed": "Its person was erased: number, notes and messages are gone",
    "payment.exported": "All that is held about its phone was given to its owner",
    "subscriber.erased": "The person was erased, the money stays",
    "subscriber.exported": "All that is held about them was given to them",
    "merchant.requests_paused": "Requests to phones paused",
    "merchant.requests_resumed": "Requests to phones go out again",
}
VERDICTS: Mapping[str, str] = {
    "paid": "it says paid",
    "failed": "it says failed",
    "pending": "it is not over yet",
    "unknown": "no answer that says anything",
}


def cause(reason: str | None) -> str:
    return CAUSES.get(reason or "", (reason or "").replace("_", " ").capitalize())


def action(name: str, details: Mapping[str, Any]) -> str:
    """A sentence for an event; one that nobody has found words for is shown by its name."""
    known = ACTIONS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()
    more = _more(name, details)
    return f"{known}: {more}" if more else known


def _more(name: str, details: Mapping[str, Any]) -> str:
    if name == "payment.failed":
        return cause(details.get("reason")).lower()
    if name == "question.answered":
        return VERDICTS.get(str(details.get("verdict")), "")
    if name == "payment.paid" and details.get("late"):
        return "after it had failed"
    return str(details.get("receipt", "")) if name == "receipt.joined" else ""


def actor(name: str, people: Mapping[int, str]) -> str:
    if name.startswith("staff:"):
        staff_id = name.removeprefix("staff:")
        return people.get(int(staff_id), "Somebody of the staff") if staff_id.isdecimal() else name
    return ACTORS.get(name, MACHINE)
