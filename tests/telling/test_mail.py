"""Against a real SMTP server in this process."""

import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.telling import mail
from app.telling.errors import Undelivered
from app.telling.mail import Mailbox
from tests.telling import places
from tests.telling.places import Kept

WHO = {"sender": "malipo@example.co.ke", "recipients": ("amina@example.co.ke", "b@example.co.ke")}


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def post_office(kept):
    with ExitStack() as open_ones:
        yield lambda **more: open_ones.enter_context(places.post_office(kept, **more))


@pytest.fixture
def nobodys_certificate(tmp_path):
    """For the right name, signed by nobody that we know."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)  # noqa: TID251 - the wire's own time
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = signed.public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(serialization.Encoding.PEM, *plain)
    path = tmp_path / "certificate.pem"
    path.write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def test_a_message_arrives_whole(post_office, kept):
    port = post_office()
    mail.send(Mailbox(f"smtp://127.0.0.1:{port}", **WHO), "Page: X", "Zwölf Zahlungen.\n", key="k1")
    [envelope] = kept.envelopes
    text = envelope.content.decode()
    assert (envelope.mail_from, tuple(envelope.rcpt_tos)) == (WHO["sender"], WHO["recipients"])
    assert "Subject: Page: X\r\n" in text
    assert "X-Malipo-Message: k1\r\n" in text
    assert "Zw" in text


@pytest.mark.parametrize("answer", ["451 later", "550 no"])
def test_a_refusal_is_no_delivery_and_says_nothing_of_the_answer(post_office, kept, answer):
    kept.answer = answer
    port = post_office()
    with pytest.raises(Undelivered, match=r"^SMTPDataError$"):
        mail.send(Mailbox(f"smtp://127.0.0.1:{port}", **WHO), "x", "y", key="k")


def test_nobody_there_is_no_delivery():
    with pytest.raises(Undelivered, match="ConnectionRefused"):
        mail.send(Mailbox("smtp://127.0.0.1:9", **WHO), "x", "y", key="k")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_told_only_to_a_server_that_proves_its_name(
    post_office, kept, nobodys_certificate, scheme
):
    options = {
        "smtp": {"tls_context": nobodys_certificate},
        "smtps": {"ssl_context": nobodys_certificate},
    }[scheme]
    port = post_office(authenticator=kept.authenticate, auth_require_tls=False, **options)
    box = Mailbox(f"{scheme}://amina:hunter2@localhost:{port}", **WHO)
    with pytest.raises(Undelivered, match="SSL"):
        mail.send(box, "x", "y", key="k")
    assert (kept.passwords, kept.envelopes) == ([], [])


def test_a_password_is_not_told_where_there_is_no_tls(post_office, kept):
    port = post_office(authenticator=kept.authenticate, auth_require_tls=False)
    with pytest.raises(Undelivered, match="NotSupported"):
        mail.send(Mailbox(f"smtp://amina:hunter2@127.0.0.1:{port}", **WHO), "x", "y", key="k")
    assert kept.passwords == []
