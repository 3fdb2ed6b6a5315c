"""Polls that find nothing new are answered ahead of Flask, as Flask would answer them."""

from datetime import timedelta

import pytest
import time_machine
from flask import request_started
from sqlalchemy import event, text

from app import clock, direct
from app.extensions import db
from app.jobs import work
from app.web import language, phases, standing
from tests import factories
from tests.web.ahead import asked


@pytest.fixture
def waiting(plan):
    """A payment whose page shows the same thing for a while, and its hook."""
    payment, hook = factories.pending(plan)
    with time_machine.travel(clock.now() + timedelta(seconds=62), tick=False):
        yield payment, hook


@pytest.fixture
def seen_by_flask(app):
    """One entry for each request that Flask has seen."""
    seen = []

    def note(_app, **_more):
        seen.append(1)

    with request_started.connected_to(note, app):
        yield seen


def version(payment, code="en"):
    return phases.of(standing.of(payment.token), clock.now(), code).version


def path(payment):
    return f"/pay/{payment.token}/status"


def poll(client, payment, query, **headers):
    return client.get(f"{path(payment)}?{query}", headers=headers)


@pytest.mark.parametrize("https", ["", "https://pay.example.co.ke"])
def test_it_is_answered_as_the_view_does(app, waiting, set_setting, https):
    payment, _ = waiting
    if https:
        set_setting(public_base_url=https)
    query = {"v": version(payment), "lang": "en"}
    answers = [
        asked(app, path(payment), by_flask=by_flask, query_string=query)
        for by_flask in (True, False, False)
    ]
    status, headers, body = answers[0]
    assert (status, body) == ("204 NO CONTENT", b"")
    for other in answers[1:]:
        assert (other[0], sorted(other[1]), other[2]) == (status, sorted(headers), body)


def test_flask_does_not_see_it(client, waiting, seen_by_flask):
    payment, _ = waiting
    assert poll(client, payment, f"v={version(payment)}&lang=en").status_code == 204
    assert seen_by_flask == []


@pytest.mark.parametrize("code", list(language.NAMES))
def test_the_cookie_tells_the_language_where_the_address_does_not(
    client, waiting, seen_by_flask, code
):
    payment, _ = waiting
    client.set_cookie("lang", code)
    for shown in language.NAMES:
        status = 204 if shown == code else 200
        assert poll(client, payment, f"v={version(payment, shown)}").status_code == status
    assert len(seen_by_flask) == 1


def test_the_address_tells_it_before_the_cookie(client, waiting):
    payment, _ = waiting
    client.set_cookie("lang", "sw")
    assert poll(client, payment, f"v={version(payment)}&lang=en").status_code == 204
    assert poll(client, payment, f"v={version(payment, 'sw')}&lang=en").status_code == 200


def test_the_browsers_language_is_for_the_view(client, waiting, seen_by_flask):
    payment, _ = waiting
    answer = poll(client, payment, f"v={version(payment, 'sw')}", **{"Accept-Language": "sw"})
    assert (answer.status_code, len(seen_by_flask)) == (204, 1)


def test_news_are_the_views_which_does_not_look_again(client, waiting, reads):
    payment, hook = waiting
    query = f"v={version(payment)}&lang=en"
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    reads.clear()
    answer = poll(client, payment, query)
    assert (answer.status_code, b"TKL4H7Q2MX" in answer.data) == (200, True)
    assert len(reads) == 2  # one here, which saw that there are news, and one that tells them


@pytest.mark.parametrize(
    "query, headers",
    [
        ("v={v}&lang=en", {"Accept": "application/json"}),
        ("v={v}&lang=en&more=1", {}),
        ("lang=en&v={v}", {}),
        ("v={v}&lang=fr", {}),
        ("v=&lang=en", {}),
        ("", {}),
    ],
)
def test_whatever_is_odd_is_the_views(client, waiting, seen_by_flask, query, headers):
    payment, _ = waiting
    answer = poll(client, payment, query.format(v=version(payment)), **headers)
    assert answer.status_code in (200, 204)
    assert len(seen_by_flask) == 1


def test_a_name_that_is_not_ours_is_refused(client, waiting):
    payment, _ = waiting
    query = f"v={version(payment)}&lang=en"
    assert poll(client, payment, query, Host="evil.example").status_code == 400


@pytest.mark.parametrize("token", ["0" * 32, "x", "..%2f..", "a" * 500, "%00"])
def test_who_knows_no_token_learns_nothing(client, plan, token):
    assert client.get(f"/pay/{token}/status?v=0123456789&lang=en").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(client, waiting, method):
    payment, _ = waiting
    url = f"{path(payment)}?v={version(payment)}&lang=en"
    assert getattr(client, method)(url).status_code == 405


@pytest.fixture
def reads(app):
    """One entry for each time that the quick pool is asked for a connection."""
    seen = []

    def note(*_):
        seen.append(1)

    event.listen(db.engines[direct.ENGINE], "checkout", note)
    yield seen
    event.remove(db.engines[direct.ENGINE], "checkout", note)


def test_what_the_database_refuses_is_not_asked_twice(client, waiting, reads):
    payment, _ = waiting
    query = f"v={version(payment)}&lang=en"
    db.session.execute(text("alter table outage rename column look_at to looked_at"))
    db.session.commit()
    reads.clear()
    try:
        assert poll(client, payment, query).status_code == 500
    finally:
        db.session.rollback()
        db.session.execute(text("alter table outage rename column looked_at to look_at"))
        db.session.commit()
    assert len(reads) == 1
