"""A merchant that an operator makes on the page."""

import pytest

from app import merchants
from app.errors import Refused
from app.extensions import db
from app.merchants.mpesa import Number
from app.merchants.opening import open_merchant


def test_with_a_number_its_secrets_come_later(app):
    made = open_merchant("duka", " Duka  Mbili ", Number("600123", "5432100"), actor="staff:1")
    db.session.commit()
    assert (made.name, made.number, made.till) == ("Duka Mbili", "600123", "5432100")
    assert not made.uses_platform_shortcode
    assert made.credentials().passkey == ""


def test_without_one_it_is_paid_through_the_platform(app):
    open_merchant("duka", "Duka", None, actor="staff:1")
    db.session.commit()
    assert merchants.named("duka").number == "174379"
    assert merchants.named("duka").credentials().consumer_key == "key"


@pytest.mark.parametrize(
    ("slug", "name", "number", "sentence"),
    [
        ("D", "Duka", None, "The address is"),
        ("default", "Duka", None, "There is a merchant 'default' already"),
        ("duka", " ", None, "The name is one line"),
        ("duka", "Duka", Number("1"), "The paybill number"),
    ],
)
def test_what_is_wrong_is_said(app, slug, name, number, sentence):
    with pytest.raises(Refused, match=sentence):
        open_merchant(slug, name, number, actor="staff:1")
    db.session.commit()
    assert merchants.named("duka") is None
