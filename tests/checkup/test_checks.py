"""The go-live checklist: what it finds right, wrong, doubtful, and what it says then."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app import checkup, clock
from app.checkup import BAD, OK, UNKNOWN, WARN, Live, Look
from app.daraja import Asked, Asking, Credentials, Seen
from app.merchants.verification import UNTRIED, Verdict

PASSKEY = "0123456789abcdef" * 4
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
PAYBILL = Credentials(
    "https://api.safaricom.co.ke", "key", "canary-secret", PASSKEY, shortcode="600123"
)
LIVE = Live(
    own_address=Seen(200, 0.04, data={"status": "ok"}),
    is_ours=True,
    safaricom=Seen(404, 0.1),
    drift=timedelta(seconds=2),
    asking=Asked(Asking.ALLOWED),
)
READY = Look(
    environment="production",
    public_base_url="https://pay.example.co.ke",
    credentials=PAYBILL,
    verdict=Verdict("verified", clock.now(), "Safaricom took key, secret and number."),
    heard_at=clock.now(),
    sent=3,
    live=LIVE,
)


def of(name, look):
    [found] = [check for check in checkup.checklist(look) if check.name == name]
    return found


def with_credentials(**changes):
    return replace(READY, credentials=replace(PAYBILL, **changes))


def live(**changes):
    return replace(READY, live=replace(LIVE, **changes))


def test_who_is_ready_is_told_so():
    checks = checkup.checklist(READY)
    assert {check.state for check in checks} == {OK}
    assert {check.mend for check in checks} == {""}
    assert len({check.name for check in checks}) == len(checks) == 12


def test_what_was_not_asked_is_unknown():
    checks = checkup.checklist(replace(READY, live=None))
    assert len(checks) == 12
    assert [check.state for check in checks[-3:]] == [UNKNOWN] * 3


@pytest.mark.parametrize(
    ("name", "look", "state", "says"),
    [
        ("Environment", replace(READY, environment="sandbox"), WARN, "sandbox"),
        ("Environment", replace(READY, environment="simulator"), WARN, "simulator"),
        ("Address", replace(READY, public_base_url="http://pay.example.co.ke"), BAD, "https"),
        ("Address", replace(READY, public_base_url="https://localhost"), BAD, "cannot reach"),
        ("Address", replace(READY, public_base_url="https://10.0.0.7"), BAD, "cannot reach"),
        ("Address", replace(READY, public_base_url="https://[::1]"), BAD, "cannot reach"),
        ("Address", replace(READY, public_base_url="https://pay.local"), BAD, "cannot reach"),
        ("Address", replace(READY, public_base_url="https://196.201.214.200"), OK, "public"),
        (
            "Address",
            replace(READY, environment="simulator", public_base_url="http://localhost"),
            OK,
            "simulator",
        ),
        (
            "Words in the address",
            replace(READY, public_base_url="https://Mpesa.example.co.ke"),
            BAD,
            "“mpesa”",
        ),
        (
            "Words in the address",
            replace(READY, public_base_url="https://x.ngrok-free.app"),
            BAD,
            "tunnel",
        ),
        (
            "Words in the address",
            replace(READY, environment="sandbox", public_base_url="https://x.ngrok-free.app"),
            WARN,
            "tunnel",
        ),
        ("Passkey", with_credentials(passkey=""), BAD, "none"),
        ("Passkey", with_credentials(passkey=SANDBOX_PASSKEY), BAD, "sandbox"),
        ("Passkey", with_credentials(passkey=PASSKEY[:63]), WARN, "63 characters"),
        ("Passkey", with_credentials(passkey="g" * 64), WARN, "64 characters"),
        ("Passkey", with_credentials(passkey=PASSKEY.upper()), OK, "looks like"),
        ("Till and store number", with_credentials(shortcode="174379"), BAD, "sandbox"),
        ("Till and store number", with_credentials(till="600123"), WARN, "the same"),
        ("Till and store number", with_credentials(till="5432100"), OK, "5432100"),
        ("Till and store number", replace(READY, mixed_up=2), BAD, "do not fit: 2"),
        ("Consumer key and secret", replace(READY, verdict=UNTRIED), UNKNOWN, "Not tried"),
        (
            "Consumer key and secret",
            replace(READY, verdict=Verdict("failed", clock.now(), "Refused.")),
            BAD,
            "Refused.",
        ),
        ("Messages from M-PESA", replace(READY, heard_at=None), BAD, "in 30 days: 3"),
        ("Messages from M-PESA", replace(READY, heard_at=None, sent=0), UNKNOWN, "No prompt"),
        ("Whose number", replace(READY, on_others_number=True), WARN, "The platform collects"),
        ("Whose number", replace(READY, sharers=1), WARN, "same number: 1"),
        ("Initiator and certificate", replace(READY, has_initiator=True), BAD, "no certificate"),
        (
            "Initiator and certificate",
            replace(READY, has_initiator=True, certificate_until=clock.now() + timedelta(days=20)),
            WARN,
            "ends on",
        ),
        (
            "Initiator and certificate",
            replace(READY, has_initiator=True, certificate_until=clock.now() - timedelta(days=1)),
            BAD,
            "has ended",
        ),
        (
            "Initiator and certificate",
            replace(READY, has_initiator=True, certificate_until=clock.now() + timedelta(days=90)),
            OK,
            "good until",
        ),
        (
            "Reached from outside",
            live(own_address=Seen(None, 3, error="could not connect (ConnectTimeout)")),
            BAD,
            "ConnectTimeout",
        ),
        ("Reached from outside", live(is_ours=False), BAD, "Somebody else answers"),
        ("Clock", live(drift=timedelta(seconds=-31)), WARN, "31 s behind"),
        ("Clock", live(drift=timedelta(minutes=6)), BAD, "360 s ahead of"),
        ("Clock", live(drift=None), UNKNOWN, "did not tell"),
        ("Asking about payments", live(asking=Asked(Asking.NOT_ALLOWED, "HTTP 401")), BAD, "401"),
        ("Asking about payments", live(asking=Asked(Asking.WRONG, "HTTP 500")), BAD, "passkey"),
        ("Asking about payments", live(asking=Asked(Asking.UNKNOWN)), UNKNOWN, "nothing"),
    ],
)
def test_what_is_wrong_is_said(name, look, state, says):
    check = of(name, look)
    assert check.state == state
    assert says in check.says
    assert bool(check.mend) == (state != OK)


def test_no_secret_is_in_what_is_said():
    said = str(checkup.checklist(READY)) + repr(READY)
    for secret in (PASSKEY, "canary-secret"):
        assert secret not in said
