"""What an owner sets, what is kept of it, and what is never seen again."""

import pytest
from sqlalchemy import select, text

from app import crypto, merchants
from app.audit import AuditEvent
from app.errors import Refused
from app.extensions import db
from app.merchants import mpesa, verification
from app.merchants.mpesa import Number
from tests import factories

OWNER = "staff:1"
CANARY = "Canary+Secret/8842"


@pytest.fixture
def duka(app):
    return factories.merchant()


def stored():
    return db.session.execute(text("select * from merchant where slug = 'duka'")).mappings().one()


def events():
    return {e.action: e.details for e in db.session.scalars(select(AuditEvent))}


def test_a_secret_is_sealed_and_shows_its_end_and_its_day(duka):
    mpesa.set_secret(duka, "passkey", f"  {CANARY}\n", actor=OWNER)
    db.session.commit()
    assert duka.credentials().passkey == CANARY
    fact = duka.secret_facts["passkey"]
    assert fact["last4"] == "8842"
    assert fact["set_at"].endswith("+00:00")
    assert CANARY not in str(dict(stored()))


def test_the_end_of_a_short_secret_would_tell_too_much(duka):
    mpesa.set_secret(duka, "consumer_key", "elevenchars", actor=OWNER)
    assert duka.secret_facts["consumer_key"]["last4"] == ""
    mpesa.set_secret(duka, "consumer_key", "twelve-chars", actor=OWNER)
    assert duka.secret_facts["consumer_key"]["last4"] == "hars"
    mpesa.set_initiator(duka, "api", "a long password 2026", actor=OWNER)
    assert duka.secret_facts["initiator_password"]["last4"] == ""
    db.session.commit()


def test_a_value_sealed_for_one_merchant_does_not_open_at_another(duka):
    mpesa.set_initiator(duka, "api", CANARY, actor=OWNER)
    other = factories.merchant("other")
    other.initiator_password = duka.initiator_password
    with pytest.raises(crypto.CannotOpen):
        other.secret("initiator_password")
    assert duka.secret("initiator_password") == CANARY
    db.session.rollback()


@pytest.mark.parametrize("value", ["", "   ", "abc", "two words", "a\nb" * 3, "é" * 12, "x" * 513])
def test_a_bad_secret_is_refused_without_repeating_it(duka, value):
    with pytest.raises(Refused, match="The consumer secret is one word") as refused:
        mpesa.set_secret(duka, "consumer_secret", value, actor=OWNER)
    assert not value.strip() or value not in str(refused.value)
    assert duka.credentials().consumer_secret == "s2"


def test_only_the_three_secrets_are_secrets(duka):
    with pytest.raises(Refused):
        mpesa.set_secret(duka, "slug", "something", actor=OWNER)


def test_what_is_audited_holds_names_and_no_values(duka):
    for name in merchants.SECRETS:
        mpesa.set_secret(duka, name, CANARY, actor=OWNER)
    mpesa.set_initiator(duka, "canaryuser", CANARY, actor=OWNER)
    mpesa.set_number(duka, Number("600124", "5432100"), actor=OWNER)
    db.session.commit()
    said = str([e.details for e in db.session.scalars(select(AuditEvent))])
    assert CANARY not in said
    assert "8842" not in said
    assert "canaryuser" not in said
    assert events()["merchant.number_set"] == {"shortcode": "600124", "till": "5432100"}
    assert events()["merchant.secret_set"] == {"name": "passkey"}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: mpesa.set_number(m, Number("600124"), actor=OWNER),
        lambda m: mpesa.set_secret(m, "passkey", "another-passkey", actor=OWNER),
        lambda m: mpesa.use_platform(m, on=True, actor=OWNER),
    ],
)
def test_a_change_makes_the_settings_untried(duka, change):
    verification.note(duka, duka.credentials(), "verified", "It worked.", actor=OWNER)
    db.session.commit()
    assert verification.of(duka).state == "verified"
    change(duka)
    db.session.commit()
    assert verification.of(duka).state == stored()["verification"] == "pending"
    assert stored()["verified_at"] is None


def test_a_verdict_is_about_the_credentials_that_were_tried(duka):
    """They were changed while Safaricom thought."""
    tried = duka.credentials()
    mpesa.set_secret(duka, "passkey", "another-passkey", actor="staff:2")
    verification.note(duka, tried, "verified", "It worked.", actor=OWNER)
    db.session.commit()
    assert verification.of(duka).state == "pending"


def test_new_settings_in_the_environment_are_untried(app, set_setting):
    default = merchants.named("default")
    verification.note(default, default.credentials(), "verified", "It worked.", actor=OWNER)
    assert verification.of(default).reason == "It worked."
    set_setting(mpesa_consumer_secret="rolled")
    assert verification.of(default) == verification.UNTRIED
    db.session.rollback()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (Number("1234"), "The paybill number is 5 to 7 digits."),
        (Number("12345678"), "The paybill number"),
        (Number("60012x", "5432100"), "The store number is 5 to 7 digits."),
        (Number("٦٠٠١٢٣"), "The paybill number"),
        (Number("600123", ""), "The till number is 5 to 8 digits."),
        (Number("600123", "123456789"), "The till number"),
        (Number("600123\n"), "The paybill number"),
    ],
)
def test_a_bad_number_is_refused(duka, number, sentence):
    with pytest.raises(Refused, match=sentence):
        mpesa.set_number(duka, number, actor=OWNER)


def test_the_platforms_number_is_a_switch_and_not_a_number_where_money_is_real(duka, set_setting):
    mpesa.set_number(duka, Number("174379"), actor=OWNER)  # everybody's number in the sandbox
    set_setting(mpesa_environment="production")
    with pytest.raises(Refused, match="is a switch of its own"):
        mpesa.set_number(duka, Number("174379"), actor=OWNER)
    db.session.rollback()


def test_two_merchants_may_have_one_number_and_it_is_seen(duka):
    assert mpesa.sharers(duka) == 0
    factories.merchant("other")
    assert mpesa.sharers(duka) == 1
    assert mpesa.sharers(merchants.named("default")) == 0


def test_being_paid_through_the_platform_is_a_switch(duka):
    own = duka.credentials()
    mpesa.use_platform(duka, on=True, actor=OWNER)
    db.session.commit()
    assert duka.credentials() == merchants.named("default").credentials()
    assert duka.number == "174379"
    mpesa.use_platform(duka, on=True, actor=OWNER)
    mpesa.use_platform(duka, on=False, actor=OWNER)
    db.session.commit()
    assert duka.credentials() == own
    acts = select(AuditEvent.action).order_by(AuditEvent.seq)
    said = [e for e in db.session.scalars(acts) if "platform" in e]
    assert said == ["merchant.platform_number_used", "merchant.platform_number_left"]


def test_the_switch_stays_on_until_the_merchant_can_be_paid_itself(duka):
    mpesa.use_platform(duka, on=True, actor=OWNER)
    duka.passkey = None
    with pytest.raises(Refused, match="Set its own passkey first"):
        mpesa.use_platform(duka, on=False, actor=OWNER)
    db.session.rollback()


def test_the_default_merchants_settings_are_the_environments(app):
    default = merchants.named("default")
    for change in (
        lambda: mpesa.set_number(default, Number("600124"), actor=OWNER),
        lambda: mpesa.set_secret(default, "passkey", CANARY, actor=OWNER),
        lambda: mpesa.use_platform(default, on=True, actor=OWNER),
    ):
        with pytest.raises(Refused, match="MPESA_"):
            change()
    db.session.rollback()


def test_the_default_merchant_may_have_an_initiator(app):
    default = merchants.named("default")
    mpesa.set_initiator(default, "api", CANARY, actor=OWNER)
    db.session.commit()
    assert default.initiator == "api"


def test_an_initiator_is_a_name_and_a_password(duka):
    for name, password in (("api", ""), ("", CANARY)):
        with pytest.raises(Refused, match="Give both"):
            mpesa.set_initiator(duka, name, password, actor=OWNER)
    with pytest.raises(Refused, match="The initiator is the user name"):
        mpesa.set_initiator(duka, "two words", CANARY, actor=OWNER)
    with pytest.raises(Refused, match="one line"):
        mpesa.set_initiator(duka, "api", "x" * 129, actor=OWNER)
    mpesa.set_initiator(duka, "api", CANARY, actor=OWNER)
    mpesa.set_initiator(duka, "api", "", actor=OWNER)  # the password stays
    assert duka.secret("initiator_password") == CANARY
    with pytest.raises(Refused, match="Give both"):
        mpesa.set_initiator(duka, "another", "", actor=OWNER)
    mpesa.set_initiator(duka, "", "", actor=OWNER)
    assert (duka.initiator, duka.initiator_password) == (None, None)
    assert "initiator_password" not in duka.secret_facts
    db.session.commit()


def test_a_number_is_said_as_people_say_it():
    assert mpesa.said("600123", None) == "Paybill 600123"
    assert mpesa.said("600123", "5432100") == "Till 5432100 (store 600123)"
