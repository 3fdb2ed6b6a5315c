"""The settings: those that stop the start, and those that only look wrong."""

from collections.abc import Callable

from app.checkup import BAD, OK, WARN, Check
from app.settings import settings
from config import Settings

SHORTEST_SECRET = 32  # characters


def checks() -> list[Check]:
    return [check(settings()) for check in LOOKED_AT]


def secret_key(ours: Settings) -> Check:
    if len(ours.secret_key) < SHORTEST_SECRET and ours.mpesa_environment != "simulator":
        says = f"SECRET_KEY has fewer than {SHORTEST_SECRET} characters: sessions could be forged."
        return Check("Session key", BAD, says, "Make one: openssl rand -hex 32.")
    return Check("Session key", OK, "Long enough.")


def different_keys(ours: Settings) -> Check:
    name, keys = "Keys of their own", [key for _, key in ours.encryption_keys]
    if ours.phone_index_key in keys or len(set(keys)) < len(keys):
        says = "One key serves two purposes in ENCRYPTION_KEYS and PHONE_INDEX_KEY."
        return Check(name, BAD, says, "Make another: openssl rand -hex 32.")
    return Check(name, OK, "No key is used twice.")


def proxies(ours: Settings) -> Check:
    name = "Proxies"
    if ours.https and not ours.trusted_proxy_hops:
        says = "TRUSTED_PROXY_HOPS is 0: behind a proxy all visitors look like one, and share its limits."
        return Check(name, WARN, says, "Set it to the number of your own proxies.")
    return Check(name, OK, f"{ours.trusted_proxy_hops} of our own.")


def log(ours: Settings) -> Check:
    if ours.log_level == "DEBUG" and ours.mpesa_environment == "production":
        return Check("Log", WARN, "LOG_LEVEL is DEBUG.", "Set LOG_LEVEL=INFO.")
    return Check("Log", OK, f"LOG_LEVEL is {ours.log_level}.")


LOOKED_AT: tuple[Callable[[Settings], Check], ...] = (secret_key, different_keys, proxies, log)
