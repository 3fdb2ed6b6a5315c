"""What a merchant may look like, and where customers may be sent."""

import pytest

from app import merchants
from app.errors import Refused
from app.extensions import db
from app.merchants import face

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'


@pytest.fixture
def merchant(app):
    return merchants.named("default")


def test_a_dark_colour_is_taken(merchant):
    face.set_colour(merchant, " #7A1FA2 ", actor="test")
    db.session.commit()
    assert merchant.colour == "#7a1fa2"
    face.set_colour(merchant, "", actor="test")
    assert merchant.colour is None


@pytest.mark.parametrize(
    "colour", ["#f0c000", "#777778", "red", "#12345", "#0a6b3d\n#", "#\u0660a6b3d"]
)
def test_a_colour_on_which_white_cannot_be_read_leaves_ours(merchant, colour):
    with pytest.raises(Refused):
        face.set_colour(merchant, colour, actor="test")
    assert merchant.colour is None


@pytest.mark.parametrize(
    "colour, contrast", [("#000000", 21), ("#ffffff", 1), ("#767676", 4.54), ("#0a6b3d", 6.6)]
)
def test_contrast_is_wcags(colour, contrast):
    assert face.contrast_with_white(colour) == pytest.approx(contrast, abs=0.06)


def test_a_small_svg_is_a_logo(merchant):
    face.set_logo(merchant, SVG, actor="test")
    assert merchant.logo == SVG


@pytest.mark.parametrize(
    "svg",
    [
        "hello",
        "<svg></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'>",
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG,
        SVG.replace("M0 0", "M0 0" + "h1" * 1_000),
        "<html/>",
    ],
)
def test_anything_else_is_not_a_logo(merchant, svg):
    with pytest.raises(Refused):
        face.set_logo(merchant, svg, actor="test")
    assert merchant.logo is None


def test_support_is_one_line(merchant):
    face.set_support(merchant, "  0722  000 111 ", actor="test")
    assert merchant.support == "0722 000 111"
    with pytest.raises(Refused):
        face.set_support(merchant, "x" * 101, actor="test")
    face.set_support(merchant, "", actor="test")
    assert merchant.support is None


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.test/",
        "javascript:alert(1)",
        "https://shop.test/?a=1",
        "https://shop.test/#a",
        "https://me@shop.test/",
        "https://shop.test/a/../b",
        "https://[",
        "//shop.test/",
        "https://shop.test/ a",
        "https://shöp.test/",
    ],
)
def test_only_plain_https_places_are_returned_to(merchant, url):
    with pytest.raises(Refused):
        face.set_return_urls(merchant, [url], actor="test")


@pytest.mark.parametrize(
    "wanted, answer",
    [
        ("", "https://shop.test/thanks"),
        ("https://shop.test/thanks/42?a=1", "https://shop.test/thanks/42?a=1"),
        ("https://shop.test/thanks", "https://shop.test/thanks"),
        ("https://app.test", "https://app.test"),
        ("https://app.test/x", "https://app.test/x"),
        ("https://shop.test/thanksgiving", "https://shop.test/thanks"),
        ("https://shop.test/thanks/../evil", "https://shop.test/thanks"),
        ("https://shop.test/thanks/%2E%2e/evil", "https://shop.test/thanks"),
        ("https://shop.test/thanks\\@evil.test", "https://shop.test/thanks"),
        ("https://shop.test@evil.test/thanks", "https://shop.test/thanks"),
        ("https://evil.test/thanks", "https://shop.test/thanks"),
        ("http://shop.test/thanks", "https://shop.test/thanks"),
        ("https://shop.test:444/thanks", "https://shop.test/thanks"),
        ("javascript:alert(1)//https://shop.test/thanks", "https://shop.test/thanks"),
        ("https://shop.test/thanks\n", "https://shop.test/thanks"),
    ],
)
def test_customers_go_only_where_the_merchant_allows(merchant, wanted, answer):
    allowed = ["https://shop.test/thanks", "https://app.test/", "https://shop.test/thanks"]
    face.set_return_urls(merchant, allowed, actor="test")
    assert merchant.return_urls == allowed[:2]
    assert face.return_url(merchant.return_urls, wanted) == answer


def test_without_a_list_nobody_is_sent_anywhere(merchant):
    assert face.return_url(merchant.return_urls, "https://shop.test/") is None
    face.set_return_urls(merchant, ["http://localhost:9000/"], actor="test")
    assert face.return_url(merchant.return_urls, "") == "http://localhost:9000/"
