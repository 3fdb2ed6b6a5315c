"""A new SECRET_KEY: who is in the middle of something goes on (C37)."""

from contextlib import contextmanager

import pytest

import config
from app import create_app
from tests.conftest import Browser, environment, let_go
from tests.web import forms
from tests.web.admin.desk import hire, sit
from tests.web.test_payment_page import started

COOKIE = "malipo"


@pytest.fixture
def restarted(app, postgres_url, redis_url):
    """The application again, with other keys; and a browser with what it had before."""

    @contextmanager
    def restart(browser, key, fallbacks=""):
        keys = {"SECRET_KEY": key, "SECRET_KEY_FALLBACKS": fallbacks}
        again = create_app(config.read(environment(postgres_url, redis_url, **keys)))
        again.test_client_class = Browser
        after = again.test_client()
        if cookie := browser.get_cookie(COOKIE):
            after.set_cookie(COOKIE, cookie.value)
        yield after
        with again.app_context():
            let_go()

    return restart


def test_a_form_that_was_open_is_taken_and_the_payment_is_theirs(client, plan, restarted):
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "0712 345 678"}
    with restarted(client, "new-key", "test-secret") as browser:
        answer = browser.post("/subscribe/standard", data=sent)
        assert answer.status_code == 303
        assert "0712\u00a0345\u00a0678" in browser.get(answer.location).text
        with restarted(browser, "newest-key", "new-key,test-secret") as later:
            assert "0712\u00a0345\u00a0678" in later.get(answer.location).text


def test_staff_stay_signed_in_and_their_forms_work(client, plan, restarted):
    sit(client, hire("owner"))
    token = forms.fields_any(client.get("/admin/account/password"))
    with restarted(client, "new-key", "test-secret") as browser:
        assert browser.get("/admin/").status_code == 200
        answer = browser.post("/admin/account/password", data={"csrf_token": token})
        assert answer.status_code == 422  # it was read, and wants a password


def test_what_the_new_key_signs_needs_no_old_one(client, plan, restarted):
    with restarted(client, "new-key", "test-secret") as browser:
        payment, _ = started(browser)
        token = payment.token
        with restarted(browser, "new-key") as later:
            assert "0712\u00a0345\u00a0678" in later.get(f"/pay/{token}").text


def test_a_key_that_is_nowhere_any_more_opens_nothing(client, plan, restarted):
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "0712 345 678"}
    with restarted(client, "new-key") as browser:
        assert browser.post("/subscribe/standard", data=sent).status_code == 400
