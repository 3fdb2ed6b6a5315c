"""The part of the checklist that needs no network: plain functions of what was looked at."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from app import clock
from app.checkup.check import BAD, OK, UNKNOWN, WARN, Check
from app.checkup.look import Look
from app.merchants.verification import FAILED, VERIFIED
from config import FORBIDDEN_WORDS

PASSKEY = re.compile("[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
# Both are published, and mean the sandbox (daraja.md §1.2).
SANDBOX_NUMBER = "174379"
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
# Safaricom refuses public tunnels in production (daraja.md §1.8).
TUNNELS = ("ngrok", "mockbin", "requestbin", "localtunnel", "loca.lt", "serveo", "trycloudflare")
CERTIFICATE_ENDS_SOON = timedelta(days=30)


def environment(look: Look) -> Check:
    texts = {
        "production": (OK, "M-PESA live: real money moves."),
        "sandbox": (WARN, "Safaricom's sandbox: no real money moves."),
        "simulator": (WARN, "The simulator: no real money moves."),
    }
    state, says = texts[look.environment]
    mend = "" if state == OK else "Set MPESA_ENVIRONMENT=production and the production app's keys."
    return Check("Environment", state, says, mend)


def https(look: Look) -> Check:
    name, url = "Address", urlsplit(look.public_base_url)
    if look.environment == "simulator":
        return Check(name, OK, "The simulator reaches any address of this machine.")
    if url.scheme != "https":
        return Check(
            name, BAD, "Safaricom wants https.", "Set PUBLIC_BASE_URL to an https address."
        )
    if _is_private(url.hostname or ""):
        return Check(
            name,
            BAD,
            "Safaricom cannot reach this machine by that address.",
            "Set PUBLIC_BASE_URL to a name that the public internet knows.",
        )
    return Check(name, OK, "https, and a public name.")


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".test"))


def words(look: Look) -> Check:
    name, url = "Words in the address", look.public_base_url.lower()
    if found := [word for word in FORBIDDEN_WORDS if word in url]:
        return Check(
            name, BAD, f"Safaricom refuses addresses with “{found[0]}”.", "Choose another address."
        )
    if found := [word for word in TUNNELS if word in url]:
        state = BAD if look.environment == "production" else WARN
        return Check(
            name, state, f"“{found[0]}” is a public tunnel.", "Use an address of your own."
        )
    return Check(name, OK, "None that Safaricom refuses.")


def passkey(look: Look) -> Check:
    name, value = "Passkey", look.credentials.passkey
    if not value:
        return Check(name, BAD, "There is none.", "Copy it from the mail about your go-live.")
    if look.environment == "production" and value == SANDBOX_PASSKEY:
        return Check(
            name, BAD, "That is the sandbox's passkey.", "Copy it from the mail about your go-live."
        )
    if not PASSKEY.fullmatch(value) and look.environment != "simulator":
        says = f"It has {len(value)} characters; Safaricom's have 64, of 0-9 and a-f."
        return Check(name, WARN, says, "Copy it again, whole.")
    return Check(name, OK, "It looks like one of Safaricom's.")


def number(look: Look) -> Check:
    name, ours = "Till and store number", look.credentials
    if look.environment == "production" and ours.shortcode == SANDBOX_NUMBER:
        return Check(name, BAD, "That is the sandbox's number.", "Set your own paybill or till.")
    if look.mixed_up:
        return Check(
            name,
            BAD,
            f"Payments of which M-PESA says that till and store do not fit: {look.mixed_up}.",
            "A till needs both: the till that customers know, and the store number of the go-live.",
        )
    if ours.till == ours.shortcode:
        return Check(
            name,
            WARN,
            "Till and store number are the same: Safaricom gives two different ones.",
            "The store (head office) number is in the mail about your go-live.",
        )
    return Check(name, OK, f"Till {ours.till}." if ours.till else "A paybill needs no till.")


def credentials(look: Look) -> Check:
    name, verdict = "Consumer key and secret", look.verdict
    if verdict.state == VERIFIED:
        return Check(name, OK, verdict.reason or "They were tried.")
    if verdict.state == FAILED:
        return Check(name, BAD, verdict.reason or "They were refused.", "Set them again.")
    return Check(name, UNKNOWN, "Not tried since they were set.", "Test the connection.")


def callback(look: Look) -> Check:
    name = "Messages from M-PESA"
    if look.heard_at:
        return Check(name, OK, "They arrive.")
    if look.sent:
        return Check(
            name,
            BAD,
            f"Prompts went out in 30 days: {look.sent}. No message came back.",
            "See that the proxy lets POST /hooks/v1/ through, whoever asks.",
        )
    return Check(name, UNKNOWN, "No prompt was sent yet.", "Send yourself a 1-shilling prompt.")


def others_number(look: Look) -> Check:
    name = "Whose number"
    if look.on_others_number:
        return Check(
            name,
            WARN,
            "The platform collects this merchant's money. The pay page says so.",
            "Collecting for others may need the Central Bank's authorisation: ask a lawyer.",
        )
    if look.sharers:
        return Check(
            name,
            WARN,
            f"Other merchants here with the same number: {look.sharers}.",
            "Statements of that number hold the money of all of them.",
        )
    return Check(name, OK, "The merchant's own.")


def certificate(look: Look) -> Check:
    name, until = "Initiator and certificate", look.certificate_until
    if not look.has_initiator:
        return Check(name, OK, "None. Only reversals and refunds by M-PESA need them.")
    if until is None or until <= clock.now():
        says = "The certificate has ended." if until else "There is an initiator, no certificate."
        return Check(name, BAD, says, "Upload today's from Daraja's portal.")
    if until - clock.now() < CERTIFICATE_ENDS_SOON:
        return Check(name, WARN, f"It ends on {until:%d %B %Y}.", "Upload the next one in time.")
    return Check(name, OK, f"The certificate is good until {until:%d %B %Y}.")


ALWAYS: tuple[Callable[[Look], Check], ...] = (
    *(environment, credentials, number, passkey, https, words, callback),
    *(others_number, certificate),
)
