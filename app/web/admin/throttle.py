"""Five wrong tries in five minutes, per account and per address. In PostgreSQL: it works without Redis."""

from ipaddress import IPv6Address, ip_address, ip_network

from app import crypto
from app.extensions import db
from app.logs import log
from app.payments import buckets
from app.web import visitor

TRIES, TRIES_SECONDS = 5, 300  # design.md §6, "staff login"
RATE = buckets.Rate(TRIES, TRIES / TRIES_SECONDS)


class Try:
    """One try of a kind, of an account that may not exist."""

    def __init__(self, kind: str, account: str) -> None:
        self._kind = kind
        names = (f"account|{account}", f"address|{_source(visitor.address())}")
        self._keys = [f"{kind}:{crypto.blind_index(name, kind).hex()}" for name in names]

    def is_allowed(self) -> bool:
        """Commits: a try counts, whatever comes of it."""
        taken = [buckets.take(key, RATE) for key in self._keys]
        db.session.commit()
        if not all(taken):
            log().warning("too many tries", kind=self._kind)
        return all(taken)

    def succeeded(self) -> None:
        """Only wrong tries count: a shop whose staff share an address signs in as it likes."""
        for key in self._keys:
            buckets.give_back(key, RATE)


def _source(address: str | None) -> str:
    """A network of IPv6 is one guest: it has more addresses than tries would last for."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return "nowhere"
    return str(ip_network((known, 64), strict=False) if isinstance(known, IPv6Address) else known)
