"""A linked template looks as the template itself, in both languages: only the way to it is shorter."""

import pytest
from flask import g, render_template

from app.web import linking, phases, words
from tests.web import test_templates as pages
from tests.web.known import after, application

ERROR = ("shared/error.html", {"title": "Gone", "text": "M-PESA <b>", "reference": "3F9A"})
SHUT = {"paused": False, "until": after(60), "seconds": 20}
MORE = {
    "busy": {"busy": SHUT, "refused": True},
    "paused": {"busy": SHUT | {"paused": True}},
    "another seller": {"through": "Malipo", "ref": "INV 7", "back": "https://x.test"},
}
TYPED = {"number_error": "Not <a> number", "number_typed": '07"'}


@pytest.fixture(params=["en", "sw"])
def visit(request):
    with application().test_request_context(f"/subscribe/standard?lang={request.param}"):
        yield request.param


def both(template, context):
    """Unlinked, and linked."""
    known = {"g": g, **context}
    plain = render_template(template, **known)
    g.pop("styles", None)
    return plain, linking.render(template, **known)


def of_payment(name):
    facts, seconds = pages.PAYMENTS[name]
    phase = phases.of(facts, after(seconds))
    return {"facts": facts, "phase": phase, "words": words.of(facts, phase)}


@pytest.mark.parametrize("template", ["checkout/payment.html", "checkout/_payment.html"])
@pytest.mark.parametrize("more", [{}, TYPED])
@pytest.mark.parametrize("name", pages.PAYMENTS)
def test_a_payment_looks_the_same(visit, name, more, template):
    plain, linked = both(template, of_payment(name) | more)
    assert linked == plain
    assert f'lang="{visit}"' in linked


@pytest.mark.parametrize("name", pages.OTHERS)
def test_any_other_page_looks_the_same(visit, name):
    template, context = pages.OTHERS[name]
    links = {"subscribe_url": lambda plan: f"/subscribe/{plan.code}", "rows": []}
    plain, linked = both(template, pages.FORM | links | context)
    assert linked == plain


@pytest.mark.parametrize("more", MORE)
def test_a_form_with_more_to_say_looks_the_same(visit, more):
    plain, linked = both("checkout/subscribe.html", pages.FORM | {"phone": "07"} | MORE[more])
    assert linked == plain


def test_an_error_looks_the_same(visit):
    template, context = ERROR
    plain, linked = both(template, context | {"home_url": "/"})
    assert linked == plain
