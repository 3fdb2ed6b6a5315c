"""Safaricom's certificate: what is one, what is not, and what is kept of a file."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from app import clock, merchants
from app.errors import Refused
from app.extensions import db
from app.merchants import certificates, mpesa

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def certificate(key, since=-1, until=365):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apigee.apicaller.safaricom.co.ke")])
    begin, end = (clock.now() + timedelta(days=days) for days in (since, until))
    building = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    return building.sign(key, hashes.SHA256())


@pytest.mark.parametrize("encoding", [PEM, DER])
def test_both_kinds_of_file_are_read_and_kept_as_text(app, key, encoding):
    file = certificate(key).public_bytes(encoding)
    default = merchants.named("default")
    mpesa.set_certificate(default, file, actor="staff:1")
    db.session.commit()
    assert default.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert mpesa.certificate_until(default) > clock.now() + timedelta(days=364)
    mpesa.set_certificate(default, b" ", actor="staff:1")
    assert mpesa.certificate_until(default) is None
    db.session.commit()


def test_only_the_certificate_of_a_file_is_kept(key):
    pem = certificate(key).public_bytes(PEM)
    found = certificates.read(b"Bag Attributes\n  friendlyName: x\n" + pem + b"and more\n")
    assert found.pem.encode() == pem


@pytest.mark.parametrize(
    "file",
    [
        b"hello",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"\x30\x03\x02\x01\x01",
        b"\x00" * 100,
        "é".encode(),
    ],
)
def test_what_is_no_certificate_is_refused(file):
    with pytest.raises(Refused, match=r"no X\.509 certificate"):
        certificates.read(file)


def test_a_private_key_is_not_taken_in(key):
    kind = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(PEM, kind, serialization.NoEncryption())
    with pytest.raises(Refused, match="private key"):
        certificates.read(certificate(key).public_bytes(PEM) + private)


def test_a_huge_file_is_not_read(key):
    with pytest.raises(Refused, match="too large"):
        certificates.read(certificate(key).public_bytes(PEM) + b"\n" * 20_000)


def test_one_that_ended_or_has_not_begun_is_refused(key):
    with pytest.raises(Refused, match=r"ended on \d\d \w+ \d{4}"):
        certificates.read(certificate(key, -20, -1).public_bytes(PEM))
    with pytest.raises(Refused, match="begins only on"):
        certificates.read(certificate(key, 1, 20).public_bytes(PEM))


def test_another_kind_of_key_is_refused(key):
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    for other in (ec.generate_private_key(ec.SECP256R1()), weak):
        with pytest.raises(Refused, match="RSA key of at least 2048 bits"):
            certificates.read(certificate(other).public_bytes(PEM))
