"""The life of a payment, as a table (design.md §5). Only `Payment.move_to` may walk it.

The database holds the same table in a trigger (migration 0001), so that no other door leads past it.
"""

from enum import StrEnum


class Status(StrEnum):
    CREATED = "created"  # written down, Safaricom not yet asked
    SENDING = "sending"  # committed before the push leaves: from here on it is never sent again
    PENDING = "pending"  # Safaricom has accepted it: the prompt is on the phone, or will be
    UNCONFIRMED = "unconfirmed"  # nobody has told us, or the push's answer was lost
    PAID = "paid"
    FAILED = "failed"  # by Safaricom's own definite word, or never sent


CREATED, SENDING, PENDING, UNCONFIRMED, PAID, FAILED = Status

TRANSITIONS: dict[Status, set[Status]] = {
    CREATED: {SENDING, FAILED},
    SENDING: {PENDING, UNCONFIRMED, FAILED},
    PENDING: {PAID, FAILED, UNCONFIRMED},
    UNCONFIRMED: {PAID, FAILED},
    FAILED: {PAID},  # late money is still money
    PAID: set(),
}

LIVE = (CREATED, SENDING, PENDING)  # a prompt is on the phone, or on its way there
UNDECIDED = (SENDING, PENDING, UNCONFIRMED)
