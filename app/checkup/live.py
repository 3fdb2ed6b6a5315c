"""What only the network can tell. No transaction is open here, and no address but our settings' is asked."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from app import clock, crypto
from app.daraja import Asked, Client, Seen, probe

HEALTH = "/healthz"
PROOF = "proof"


@dataclass(frozen=True)
class Live:
    own_address: Seen
    is_ours: bool  # the answer came from this installation, not from whatever else lives there
    safaricom: Seen
    drift: timedelta | None  # how far our clock is ahead of theirs
    asking: Asked


def ask(client: Client, public_base_url: str, safaricom_url: str) -> Live:
    nonce = secrets.token_hex(16)
    own = probe.get(public_base_url + HEALTH, {"nonce": nonce})
    safaricom = probe.get(safaricom_url + "/")
    return Live(
        own_address=own,
        is_ours=own.data.get(PROOF) == proof(nonce),
        safaricom=safaricom,
        drift=_drift(safaricom),
        asking=probe.may_ask(client),
    )


def proof(nonce: str) -> str:
    """Only who has our keys can answer so."""
    return crypto.blind_index(nonce, "probe").hex()


def _drift(seen: Seen) -> timedelta | None:
    """Half of the time that it took is the way back; their header has whole seconds."""
    if seen.at is None:
        return None
    return clock.now() - timedelta(seconds=seen.seconds / 2) - seen.at
