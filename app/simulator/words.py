"""Safaricom's codes and sentences."""

PAID = "0"
NO_MONEY = "1"
LOCKED = "1001"
CANCELLED = "1032"
UNREACHABLE = "1037"
WRONG_PIN = "2001"
MISROUTED = "2002"

SUBSCRIBER_LOCKED = (
    "Unable to lock subscriber, a transaction is already in process for the current subscriber"
)
NO_ANSWER = "No response from user."

RESULTS = {
    PAID: "The service request is processed successfully.",
    NO_MONEY: "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed the daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "10": "The short code is not active.",
    "11": "The debit party is in an invalid state.",
    "17": "System internal error.",
    "26": "System busy. Traffic is blocked at the moment.",
    LOCKED: SUBSCRIBER_LOCKED,
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1031": "The STK request timed out without a PIN.",
    CANCELLED: "Request Cancelled by user.",
    UNREACHABLE: "DS timeout user cannot be reached.",
    WRONG_PIN: "The initiator information is invalid.",
    MISROUTED: "Agent number and Store number entered do not match.",
    "2028": "The request is not permitted according to product assignment.",
    "2029": "Unresolved reason type.",
    "4999": "The transaction is still under processing",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request.",
}


def describe(code: str) -> str:
    return RESULTS.get(code, f"Result {code}.")


def money(amount: int) -> str:
    return f"Ksh{amount:,}.00"
