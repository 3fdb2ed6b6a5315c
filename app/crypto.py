"""Secrets at rest: AES-256-GCM under a ring of keys, and keyed indexes to find them by.

A sealed value is `version | length of key id | key id | nonce | ciphertext`. Its *place* (table,
column and row) is bound to it as associated data, so a value moved to another row does not open.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache, lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from app.settings import settings

VERSION = b"\x01"
NONCE_BYTES = 12
HIDDEN = "~"  # how a hidden token begins, and no other


class CannotOpen(Exception):
    """The key is not in the ring, or the value was changed or moved."""


def seal(value: bytes, place: str) -> bytes:
    _, key = settings().encryption_keys[0]
    header = newest_header()
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + _cipher(key).encrypt(nonce, value, header + place.encode())


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def newest_header() -> bytes:
    """How everything begins that lies under the first key."""
    kid, _ = settings().encryption_keys[0]
    return VERSION + bytes([len(kid)]) + kid.encode()


def unseal(sealed: bytes, place: str) -> bytes:
    header = sealed[: 2 + _length(sealed)]
    key = dict(settings().encryption_keys).get(key_id(sealed))
    if key is None:
        raise CannotOpen(f"{place}: key {key_id(sealed)!r} is not in ENCRYPTION_KEYS")
    nonce, body = sealed[len(header) :][:NONCE_BYTES], sealed[len(header) + NONCE_BYTES :]
    try:
        return _cipher(key).decrypt(nonce, body, header + place.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise CannotOpen(f"{place}: changed, or moved from another row") from error


def opened(sealed: bytes | None, place: str) -> str | None:
    """A text that may not be there, or not any more."""
    return None if sealed is None else unseal(sealed, place).decode()


def key_id(sealed: bytes) -> str:
    return sealed[2 : 2 + _length(sealed)].decode(errors="replace")


def _length(sealed: bytes) -> int:
    """Of the key's id; 0 where nothing was ever sealed."""
    return int.from_bytes(sealed[1:2], "big")


def blind_index(value: str, purpose: str) -> bytes:
    """Equal values of one purpose have equal indexes; nothing else can be read off them."""
    return hmac.digest(settings().phone_index_key, f"{purpose}|{value}".encode(), "sha256")


def hide(value: str, purpose: str) -> str:
    """As the database keeps a token: equal ones are equal there, so that one can be looked up.

    Whoever holds the database without PHONE_INDEX_KEY can neither read it nor make one.
    """
    found = _siv(settings().phone_index_key).encrypt(value.encode(), [purpose.encode()])
    return HIDDEN + urlsafe_b64encode(found).decode()


def reveal(hidden: str, purpose: str) -> str:
    body = urlsafe_b64decode(hidden.removeprefix(HIDDEN))
    try:
        return _siv(settings().phone_index_key).decrypt(body, [purpose.encode()]).decode()
    except InvalidTag as error:
        raise CannotOpen(f"{purpose}: hidden under another PHONE_INDEX_KEY") from error


@cache
def _siv(index_key: bytes) -> AESSIV:
    return AESSIV(hmac.digest(index_key, b"hidden tokens", "sha256"))


def new_token() -> str:
    """For browsers: 128 random bits, safe in a URL."""
    return secrets.token_hex(16)


def new_hook_token() -> str:
    """For Safaricom: hex, because base64 spells a forbidden word once in 400 (design.md §7)."""
    return secrets.token_hex(16)


def token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
