"""The settings of the demonstration: made once, kept in instance/demo.env."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from app.local.lock import Lock

SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_hex(32),
    "ENCRYPTION_KEYS": lambda: f"k1:{secrets.token_hex(32)}",
    "PHONE_INDEX_KEY": lambda: secrets.token_hex(32),
}
# What the simulator accepts. Shortcode and passkey are those of Safaricom's public sandbox.
FIXED = {
    "MPESA_ENVIRONMENT": "simulator",
    "MPESA_BASE_URL": "http://127.0.0.1:8001",
    "MPESA_CONSUMER_KEY": "demo-key",
    "MPESA_CONSUMER_SECRET": "demo-secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_TYPE": "paybill",
    "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
}


def demo_environment(instance: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """All that the demonstration needs; a variable that is set always wins."""
    given = {name: value for name, value in environment.items() if value.strip()}
    demo = kept(instance) | _addresses(given)
    if given.get("MPESA_ENVIRONMENT", "simulator") != "simulator":
        demo = {name: demo[name] for name in SECRETS}  # no pretended shop beside a real Safaricom
    return {name: given.get(name, value) for name, value in demo.items()}


def _addresses(given: Mapping[str, str]) -> dict[str, str]:
    ports = {"PUBLIC_BASE_URL": "PORT", "MPESA_BASE_URL": "SIMULATOR_PORT"}
    return {
        name: f"http://127.0.0.1:{given[port]}" for name, port in ports.items() if port in given
    }


def kept(instance: Path) -> dict[str, str]:
    lock = Lock(instance / "demo.lock")  # two commands that start at once shall have the same keys
    lock.take(seconds=10)
    try:
        return _kept(instance / "demo.env")
    finally:
        lock.release()


def _kept(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    have = dict(line.split("=", 1) for line in lines if "=" in line)
    new = FIXED | {name: make() for name, make in SECRETS.items()} | have
    if new != have:
        _write(file, new)
    return new


def _write(file: Path, values: Mapping[str, str]) -> None:
    """Whole or not at all: half of the keys would lock us out of our own rows."""
    making = file.with_name(f"{file.name}.new")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.writelines(f"{name}={value}\n" for name, value in values.items())
    making.replace(file)
