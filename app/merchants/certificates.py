"""Safaricom's certificate, which the initiator's password is encrypted for (daraja.md §5)."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from app import clock
from app.errors import Refused

LARGEST = 16 * 1024  # bytes
FEWEST_BITS = 2048
DER = b"\x30"  # how a certificate begins that is not text


@dataclass(frozen=True)
class Certificate:
    pem: str  # the certificate alone: whatever else the file held is not kept
    until: datetime


def read(file: bytes) -> Certificate:
    """Raises Refused with a sentence."""
    if len(file) > LARGEST or b"PRIVATE KEY" in file:
        raise Refused(
            "That is not Safaricom's certificate: it is too large, or holds a private key."
        )
    try:
        found = _parsed(file)
    except ValueError as error:
        raise Refused(
            "That is no X.509 certificate. It is the .cer file of Daraja's portal, and begins with "
            "-----BEGIN CERTIFICATE-----."
        ) from error
    _check_key(found)
    _check_dates(found)
    return Certificate(found.public_bytes(Encoding.PEM).decode(), found.not_valid_after_utc)


def _parsed(file: bytes) -> x509.Certificate:
    load = x509.load_der_x509_certificate if file[:1] == DER else x509.load_pem_x509_certificate
    return load(file)


def _check_key(found: x509.Certificate) -> None:
    try:
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused("The certificate's key cannot be read.") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < FEWEST_BITS:
        raise Refused(f"M-PESA's certificate has an RSA key of at least {FEWEST_BITS} bits.")


def _check_dates(found: x509.Certificate) -> None:
    now = clock.now()
    if found.not_valid_after_utc <= now:
        raise Refused(
            f"The certificate ended on {found.not_valid_after_utc:%d %B %Y}: M-PESA would answer "
            "that the initiator is wrong. Get today's from Daraja's portal."
        )
    if found.not_valid_before_utc > now:
        raise Refused(f"The certificate begins only on {found.not_valid_before_utc:%d %B %Y}.")


def until(pem: str) -> datetime:
    return _parsed(pem.encode()).not_valid_after_utc
