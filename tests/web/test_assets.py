"""Stylesheets and scripts, pages that carry them, and what a first visit weighs on a slow network."""

import gzip
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
import time_machine

from app import clock
from app.extensions import db
from app.jobs import work
from app.merchants import face
from app.web import assets
from app.web.assets import asset, files
from app.web.compression import LONGEST_NAME
from app.web.face import face_css
from tests import factories
from tests.web import forms

KB = 1024
PACKED = {"Accept-Encoding": "gzip, br"}
NAMES = [
    "admin.css",
    "copy.js",
    "figures.css",
    "htmx.min.js",
    "pay.css",
    "pay.js",
    "preview.js",
]
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@pytest.fixture
def url(app):
    """Where a page finds a file."""

    def find(name):
        with app.test_request_context():
            return asset(name)

    return find


@pytest.fixture
def weigh(client):
    """What travels, by address."""

    def weight(path):
        answer = client.get(path, headers=PACKED)
        assert answer.content_encoding == "gzip"
        assert answer.content_length == len(answer.data)
        return len(answer.data)

    return weight


def first_view(client, path):
    """A page, and the addresses that a browser asks for because of it."""
    page = forms.page(client.get(path))
    linked = [tag.get("src") or tag.get("href") for tag in page.select("script, link, img")]
    return page, [address for address in linked if not address.startswith("data:")]


def test_our_files_are_these(app):
    assert sorted(files()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_named_by_its_content_and_kept_for_ever(client, url, name):
    answer = client.get(url(name))
    stem, suffix = name.rsplit(".", 1)
    assert url(name) == f"/static/{stem}.{sha256(answer.data).hexdigest()[:10]}.{suffix}"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == TYPES[suffix]
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_packed_for_whom_it_suits(client, url, name):
    plain = client.get(url(name))
    packed = client.get(url(name), headers=PACKED)
    refused = client.get(url(name), headers={"Accept-Encoding": "br, gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["ETag"] == plain.headers["ETag"]


def test_minifying_keeps_what_a_stylesheet_says(app):
    css = files()["pay.css"].text
    assert "/*" not in css
    assert "calc(50% + 72px)" in css
    assert "d='m5 12.5 4.6 4.6L19.5 7'" in css


def test_a_file_that_has_not_changed_is_not_sent_again(client, url):
    tag = client.get(url("pay.css"), headers=PACKED).headers["ETag"]
    for headers in ({}, PACKED):
        answer = client.get(url("pay.css"), headers={"If-None-Match": tag, **headers})
        assert (answer.status_code, answer.data) == (304, b"")
    assert client.get(url("pay.css"), headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_file_can_be_asked_about(client, url):
    answer = client.head(url("pay.js"), headers=PACKED)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.content_length == len(client.get(url("pay.js"), headers=PACKED).data)


def test_a_page_of_another_version_still_finds_its_file_but_does_not_keep_it(client, url):
    """While servers of two versions run, and in tabs that were open before."""
    answer = client.get("/static/pay.0123456789.css")
    assert answer.data == client.get(url("pay.css")).data
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "pay.css",
        "pay.012345678.css",
        "pay.0123456789.js.map",
        "pay.0123456789.py",
        "icon.svg",
        "unknown.0123456789.css",
        "../__init__.0123456789.py",
        "..%2f..%2fconfig.0123456789.py",
        "%2e%2e/%2e%2e/config.py",
        "/etc/passwd",
        "..",
        "",
        "pay.0123456789.css%00",
        "pay.0123456789.css%0a",
    ],
)
def test_nothing_else_can_be_had(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_what_lies_beside_the_files_is_not_served(client, monkeypatch, tmp_path):
    (tmp_path / "secrets.txt").write_text("secret")
    (tmp_path / "pay.css").write_text("b { }")
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    assert [*files.__wrapped__()] == ["pay.css"]


def test_the_checkout_brings_its_style_and_the_policy_knows_it(client, plan):
    answer = client.get("/subscribe/standard")
    [style] = forms.page(answer).find_all("style")
    digest = b64encode(sha256(style.string.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


def test_other_pages_link_it_and_their_policy_knows_no_style(client, plan, url):
    answer = client.get("/")
    assert forms.page(answer).find("link", rel="stylesheet")["href"] == url("pay.css")
    assert "sha256-" not in answer.headers["Content-Security-Policy"]


def test_a_refusal_in_place_does_not_bring_the_style_again(client, plan):
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "07"}
    for headers, styles in (({"HX-Request": "true"}, 0), ({}, 1)):
        answer = client.post("/subscribe/standard", data=sent, headers=headers)
        assert answer.status_code == 422
        assert len(forms.page(answer).find_all("style")) == styles


def test_a_merchants_colour_is_in_the_page_and_the_policy(client, plan):
    face.set_colour(plan.merchant, "#7a1f5c", actor="test")
    db.session.commit()
    answer = client.get("/")
    [style] = forms.page(answer).find_all("style")
    digest = b64encode(sha256(style.string.encode()).digest()).decode()
    assert "--brand:#7a1f5c" in style.string
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


def test_pages_are_packed_and_their_length_is_blurred(client, plan):
    """By up to 31 bytes that no decoder shows: see compression.py."""
    answers = [client.get("/", headers=PACKED) for _ in range(30)]
    assert {gzip.decompress(answer.data) for answer in answers} == {client.get("/").data}
    lengths = {len(answer.data) for answer in answers}
    assert 1 < len(lengths) <= LONGEST_NAME
    assert "Accept-Encoding" in answers[0].headers["Vary"]


@pytest.mark.parametrize("path", ["/healthz", "/pay/unknown/status"])
def test_small_and_other_answers_are_not_packed(client, path):
    answer = client.get(path, headers=PACKED)
    packed = answer.content_encoding == "gzip"
    assert packed == (answer.mimetype == "text/html")


def test_a_page_for_who_cannot_unpack_it_is_plain(client, plan):
    answer = client.get("/")
    assert "Content-Encoding" not in answer.headers
    assert answer.text.startswith("<!DOCTYPE html>")


def test_a_form_token_is_another_one_each_second(app, plan):
    """What makes it worthless to guess it from lengths: see compression.py."""
    client = app.test_client()
    seen = []
    for second in range(2):
        with time_machine.travel(clock.now() + timedelta(seconds=second)):
            seen.append(forms.fields(client.get("/subscribe/standard"))["csrf_token"].split("."))
    [(value, *first), (same, *second)] = seen
    assert value == same
    assert not {*first} & {*second}


def test_the_style_and_the_script_fit_their_budgets(weigh, url):
    assert weigh(url("pay.css")) <= 5 * KB
    assert weigh(url("pay.js")) + weigh(url("copy.js")) <= 3 * KB


@pytest.mark.parametrize("path", ["/subscribe/standard", "/subscribe/standard?lang=sw"])
def test_the_checkouts_first_view_fits_its_budget(client, plan, weigh, path):
    """2G: bytes are seconds. ux.md §10."""
    page, others = first_view(client, path)
    style = len(gzip.compress(page.style.string.encode(), 9))
    html = weigh(path)
    weights = {re.sub(r"\.[0-9a-f]{10}", "", other): weigh(other) for other in others}
    assert weights.keys() == {"/static/htmx.min.js", "/static/pay.js", "/static/copy.js"}
    assert html - style <= 3 * KB
    everything = html + sum(weights.values())
    assert everything - weights["/static/htmx.min.js"] <= 10 * KB
    assert everything <= 26 * KB
    assert 1 + len(weights) <= 5


def test_a_receipt_fits_into_6_kb(client, plan, weigh):
    """What a link in an SMS opens, on any network (ux.md §5)."""
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    path = f"/pay/{payment.token}/receipt"
    _, others = first_view(client, path)
    assert weigh(path) + sum(weigh(other) for other in others) <= 6 * KB


def test_no_page_asks_for_an_icon(client, plan):
    icon = forms.page(client.get("/nowhere")).find("link", rel="icon")["href"]
    assert icon.startswith("data:image/svg+xml,")


def tokens(css):
    return dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})", css))


# The faintest that a merchant may choose, and colours that our own rules make hard.
COLOURS = [None, "#767676", "#e00000", "#0000ff", "#c2410c", "#8250df"]
READ = [
    ("ink", "surface"),
    ("ink", "canvas"),
    ("ink-2", "canvas"),
    ("ink-2", "ok-wash"),
    ("ink-3", "canvas"),
    ("brand", "surface"),
    ("surface", "brand"),
    ("surface", "brand-2"),
    ("brand-2", "brand-wash"),
    ("surface", "panel"),
    ("panel-ink", "panel"),
    ("ok", "ok-wash"),
    ("surface", "ok"),
    ("bad", "bad-wash"),
    ("bad", "surface"),
    ("warn", "warn-wash"),
    ("info", "info-wash"),
    ("off", "off-wash"),
]
SEEN = [
    ("line-2", "surface"),
    ("focus", "canvas"),
    ("hurry", "brand-wash"),
    ("brand", "brand-wash"),
]


@pytest.mark.parametrize("colour", COLOURS)
def test_everything_can_be_read_and_seen_in_every_merchants_colour(app, colour):
    """WCAG 2.2 AA, 1.4.3 and 1.4.11."""
    colours = tokens(files()["pay.css"].text) | tokens(face_css(colour))
    for pairs, least in ((READ, 4.5), (SEEN, 3)):
        faint = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
        assert {pair: found for pair, found in faint.items() if found < least} == {}


def contrast(one, other):
    light = sorted(1.05 / face.contrast_with_white(full(colour)) for colour in (one, other))
    return light[1] / light[0]


def full(colour):
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
