"""Whether a merchant's M-PESA settings were tried, and what came of it.

A verdict is about the credentials that were tried: it keeps a keyed index of them. When they are
others now, by a change here or in the environment, nothing has been tried.
"""

from dataclasses import dataclass
from datetime import datetime

from app import audit, clock, crypto
from app.daraja import Credentials
from app.merchants import Merchant

PENDING, VERIFIED, FAILED = "pending", "verified", "failed"


@dataclass(frozen=True)
class Verdict:
    state: str  # pending | verified | failed
    at: datetime | None = None
    reason: str | None = None


UNTRIED = Verdict(PENDING)


def of(merchant: Merchant) -> Verdict:
    """What is known of the credentials as they are now. Raises crypto.CannotOpen."""
    if not is_of(merchant, merchant.credentials()):
        return UNTRIED
    return Verdict(merchant.verification, merchant.verified_at, merchant.verification_reason)


def is_of(merchant: Merchant, credentials: Credentials) -> bool:
    return merchant.verification_of == _index(credentials)


def note(merchant: Merchant, tried: Credentials, state: str, reason: str, *, actor: str) -> None:
    """Of the credentials that were really tried: they may have been changed meanwhile."""
    merchant.verification = state
    merchant.verification_reason = reason
    merchant.verification_of = _index(tried)
    merchant.verified_at = clock.now()
    audit.record(merchant, "merchant.connection_tried", actor=actor, state=state)


def forget(merchant: Merchant) -> None:
    merchant.verification = PENDING
    merchant.verified_at = merchant.verification_reason = merchant.verification_of = None


def _index(credentials: Credentials) -> bytes:
    ours = credentials
    number = (ours.base_url, ours.shortcode, ours.till or "")
    secrets = (ours.consumer_key, ours.consumer_secret, ours.passkey)
    return crypto.blind_index("\n".join(number + secrets), "credentials")
