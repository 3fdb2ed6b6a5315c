"""Everything that customers read is there in Kiswahili too, and says as much."""

import gzip
import re
import shlex
from pathlib import Path

import html5lib
import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from bs4 import BeautifulSoup

from app.web import errors
from tests.web.known import application
from tests.web.test_templates import OTHERS, PAYMENTS, other, payment

ROOT = Path(__file__).parents[2]
KISWAHILI = ROOT / "app/translations/sw/LC_MESSAGES/messages.po"
LONGEST, SHORT = 1.6, 20  # times as long as the English, where that is no mere word or two
LARGEST_FRAGMENT = 1.2 * 1024  # bytes, as in English
VALUE = re.compile(r"%\(\w+\)[sd]|%[sd]")
TAG = re.compile(r"</?\w+[^>]*>")


def catalogue(path):
    with path.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """What `make strings` would find now."""
    [options] = re.findall(r"^EXTRACT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    there = tmp_path_factory.mktemp("strings") / "messages.pot"
    given = [*shlex.split(options.replace("babel.cfg", str(ROOT / "babel.cfg"))), "-o", str(there)]
    CommandLineInterface().run(["pybabel", "--quiet", "extract", *given, str(ROOT / "app")])
    return {message.id for message in catalogue(there) if message.id}


TRANSLATED = {message.id: message for message in catalogue(KISWAHILI) if message.id}


def forms(text):
    return (text,) if isinstance(text, str) else tuple(text)


def pairs():
    """English and Kiswahili, each grammatical number by itself."""
    for message in TRANSLATED.values():
        yield from zip(forms(message.id), forms(message.string), strict=True)


def test_the_catalogue_has_what_the_pages_say_and_nothing_else(extracted):
    """`make strings` brings them together; what is new is then empty, and wants words."""
    assert extracted - TRANSLATED.keys() == set()
    assert TRANSLATED.keys() - extracted == set()
    assert not catalogue(KISWAHILI).obsolete


def test_everything_is_translated():
    assert [english for english, kiswahili in pairs() if not kiswahili.strip()] == []
    assert [message.id for message in TRANSLATED.values() if message.fuzzy] == []


def test_what_runs_is_what_was_compiled_from_it():
    with KISWAHILI.with_suffix(".mo").open("rb") as file:
        compiled = {forms(message.id): forms(message.string) for message in read_mo(file)}
    written = {forms(message.id): forms(message.string) for message in TRANSLATED.values()}
    assert {ids: strings for ids, strings in compiled.items() if ids != ("",)} == written


def test_values_and_tags_are_the_same_in_both():
    for kind in (VALUE, TAG):
        wrong = [
            english
            for english, kiswahili in pairs()
            if sorted(kind.findall(english)) != sorted(kind.findall(kiswahili))
        ]
        assert wrong == []


def test_kiswahili_fits_where_english_does():
    wide = {
        english: round(len(kiswahili) / len(english), 2)
        for english, kiswahili in pairs()
        if len(english) > SHORT and len(kiswahili) > LONGEST * len(english)
    }
    assert wide == {}


def test_sentences_end_as_they_do_in_english():
    ends = {english: kiswahili for english, kiswahili in pairs() if english[-1] in ".?:"}
    assert [english for english, kiswahili in ends.items() if english[-1] != kiswahili[-1]] == []


SPOKEN = ("aria-label", "alt", "title", "placeholder", "content")
# Names and numbers that tests put in, and what is the same in both languages.
GIVEN = re.compile(
    r"Mwanga Academy|MWANGA ACADEMY|Malipo|Standard|help@duka\.test|at the gate|INV 77|MW-0042"
    r"|TKL4H7Q2MX|T K L 4 H 7 Q 2 M X|Enter a number|^Wait$|M-PESA|KSh|\bNov\b"
)


def said(html):
    """All that is seen or heard: text, and the attributes that people or scripts read out."""
    page = BeautifulSoup(html, "html5lib")
    for element in page.find_all(["script", "style", "meta"]):
        element.extract()
    for kept_together in page.find_all(class_="nw"):
        kept_together.unwrap()
    page.smooth()
    found = {str(text).strip() for text in page.html.find_all(string=True)}
    for element in page.find_all():
        found |= {
            str(value).strip()
            for name, value in element.attrs.items()
            if name in SPOKEN or (name.startswith("data-") and " " in str(value))
        }
    return {text for text in found if re.search(r"[A-Za-z]{2}", GIVEN.sub("", text))}


def rendered(name, language):
    with application().test_request_context(f"/subscribe/standard?lang={language}"):
        return said(payment(name) if name in PAYMENTS else other(name))


@pytest.mark.parametrize("name", [*PAYMENTS, *OTHERS])
def test_nothing_on_a_page_stays_english(name):
    assert rendered(name, "en") & rendered(name, "sw") == set()


@pytest.mark.parametrize("name", PAYMENTS)
def test_kiswahili_is_as_valid_and_as_small(name):
    with application().test_request_context("/pay/a-token?lang=sw"):
        page, fragment = payment(name), payment(name, "checkout/_payment.html")
    html5lib.HTMLParser(strict=True).parse(page)
    assert len(gzip.compress(fragment.encode())) <= LARGEST_FRAGMENT


@pytest.mark.parametrize("status", errors.TEXTS)
def test_no_error_stays_english(status):
    pages = []
    for language in ("en", "sw"):
        with application().test_request_context(f"/?lang={language}"):
            pages.append(said(errors.page(status)[0]))
    assert pages[0] & pages[1] == set()
