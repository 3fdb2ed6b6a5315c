"""An e-mail, handed to the operator's mail server. The standard library knows how."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from app.telling.errors import Undelivered

SECONDS = 10.0  # for each step of the talk
PORTS = {"smtp": 587, "smtps": 465}
HERE = ("localhost", "127.0.0.1", "::1")  # what is said to this machine passes no wire


@dataclass(frozen=True)
class Mailbox:
    """`smtps://` speaks TLS from the start, `smtp://` changes to it, and refuses to go on without."""

    url: str = field(repr=False)
    sender: str
    recipients: tuple[str, ...]


def send(mailbox: Mailbox, subject: str, text: str, *, key: str) -> None:
    """Raises Undelivered. `key` names what it is about: the same message twice has the same name."""
    message = EmailMessage()
    message["From"], message["To"] = mailbox.sender, ", ".join(mailbox.recipients)
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(key, domain=mailbox.sender.rpartition("@")[2])
    message["X-Malipo-Message"] = key
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _connected(mailbox.url) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(type(error).__name__) from error


def _connected(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=SECONDS)
    try:
        _introduced(server, url, context)
    except BaseException:
        server.close()
        raise
    return server


def _introduced(server: smtplib.SMTP, url: str, context: ssl.SSLContext) -> None:
    parts = urlsplit(url)
    if parts.scheme == "smtp" and (parts.username or parts.hostname not in HERE):
        server.starttls(context=context)  # raises where the server cannot: no password in the clear
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
