"""What only the network can tell. No transaction is open here, and no address but our settings' is asked."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app import clock, crypto
from app.daraja import Asked, Client, Seen, probe
from app.extensions import db
from app.payments.models import Callback, body_place

HEALTH = "/healthz"
PROOF = "proof"
HOOK = "/hooks/v1/d/"


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


def send_message(public_base_url: str, marker: str) -> Seen:
    """A message like Safaricom's, to an address of nobody's payment: it is kept for a day as a stranger's."""
    return probe.post(public_base_url + HOOK + crypto.new_hook_token(), {"doctor": marker})


def arrived(marker: str, since: datetime) -> Callback | None:
    """That message in our inbox: it came through the proxy, into this database."""
    strangers = select(Callback).where(
        Callback.payment_id.is_(None),
        Callback.received_at >= since,
        Callback.body_sealed.is_not(None),
    )
    return next((one for one in db.session.scalars(strangers) if _holds(one, marker)), None)


def _holds(callback: Callback, marker: str) -> bool:
    try:
        return marker.encode() in crypto.unseal(
            callback.body_sealed or b"", body_place(callback.uid)
        )
    except crypto.CannotOpen:
        return False
