"""Who is paid: the default merchant by the settings, the others by their own sealed keys."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import merchants
from app.audit import AuditEvent
from app.crypto import CannotOpen
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from tests import factories

SECRETS = {"consumer_key": "k2", "consumer_secret": "s2", "passkey": "p2"}


def create(slug="duka", name="Duka", shortcode="600123", till=None, secrets=SECRETS):
    return merchants.create(slug, name, shortcode, till, secrets)


def test_the_default_merchant_is_what_the_settings_say(app, set_setting):
    set_setting(mpesa_till="5432100")
    default = merchants.named("default")
    credentials = default.credentials()
    assert default.number == credentials.shortcode == "174379"
    assert credentials.till == "5432100"
    assert credentials.consumer_key == "key"
    assert (credentials.consumer_secret, credentials.passkey) == ("secret", "passkey")
    assert credentials.base_url == "http://daraja.test"


def test_the_default_merchants_secrets_are_not_in_the_database(app):
    row = db.session.execute(text("select * from merchant")).mappings().one()
    columns = (*merchants.SECRETS, "shortcode", "till")
    assert [row[name] for name in columns] == [None] * 5


def test_another_merchant_has_keys_and_a_number_of_its_own(app):
    made = factories.merchant(till="5432100")
    credentials = made.credentials()
    assert made.number == credentials.shortcode == "600123"
    assert credentials.till == "5432100"
    assert (credentials.consumer_key, credentials.consumer_secret) == ("k2", "s2")
    assert credentials.passkey == "p2"
    assert credentials.base_url == "http://daraja.test"


def test_its_secrets_are_sealed_where_they_lie(app):
    factories.merchant(slug="one")
    factories.merchant(slug="two")
    stored = db.session.execute(select(Merchant.passkey).where(Merchant.slug == "one")).scalar()
    assert b"p2" not in stored
    other = merchants.named("two")
    other.passkey = stored
    with pytest.raises(CannotOpen):
        other.credentials()
    db.session.rollback()


def test_a_secret_that_is_not_there_is_empty(app):
    made = factories.merchant()
    made.passkey = None
    assert made.credentials().passkey == ""
    db.session.rollback()


def test_a_new_secret_takes_the_old_ones_place(app):
    made = factories.merchant()
    made.keep_secret("passkey", "p3")
    db.session.commit()
    assert merchants.named("duka").credentials().passkey == "p3"


def test_whom_nobody_made_is_not_there(app):
    assert merchants.named("nobody") is None


def test_making_a_merchant_is_audited_without_its_secrets(app):
    made = factories.merchant()
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.action, event.subject_id) == ("merchant.created", made.id)
    assert event.details == {"slug": "duka", "shortcode": "600123"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"slug": ""}, "SLUG"),
        ({"slug": "d"}, "SLUG"),
        ({"slug": "Duka"}, "SLUG"),
        ({"slug": "-duka"}, "SLUG"),
        ({"slug": "duka ya mama"}, "SLUG"),
        ({"slug": "d" * 41}, "SLUG"),
        ({"slug": "duka\n"}, "SLUG"),
        ({"slug": "default"}, "'default' already"),
        ({"shortcode": "1234"}, "--shortcode"),
        ({"shortcode": "12345678"}, "--shortcode"),
        ({"shortcode": "60012x"}, "--shortcode"),
        ({"shortcode": "٦٠٠١٢٣"}, "--shortcode"),
        ({"till": "1234"}, "--till"),
        ({"till": "123456789"}, "--till"),
        ({"till": ""}, "--till"),
        ({"secrets": {}}, "consumer_key, consumer_secret, passkey missing"),
        ({"secrets": SECRETS | {"passkey": ""}}, "^passkey missing: give lines like passkey="),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(app, wrong, sentence):
    with pytest.raises(Refused, match=sentence):
        create(**wrong)
    db.session.commit()
    assert db.session.scalars(select(Merchant.slug)).all() == ["default"]


def test_the_same_name_twice_is_refused(app):
    create()
    with pytest.raises(Refused, match="There is a merchant 'duka' already"):
        create()
    db.session.rollback()


def test_only_the_default_merchant_can_do_without_a_number(app):
    with pytest.raises(DBAPIError, match="has_shortcode"):
        db.session.execute(
            text("insert into merchant (slug, name, created_at) values ('x', 'X', now())")
        )
    db.session.rollback()
