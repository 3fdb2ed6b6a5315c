"""`/metrics`: the database's word, for whom it is meant, in the names that are documented."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from sqlalchemy import text

import config
from app import clock, create_app
from app.daraja import Answer, Verdict
from app.extensions import db
from app.jobs import readings, watch, work
from app.payments import reconciliation
from app.watching import catalogue
from app.web import metrics
from tests import factories
from tests.conftest import DARAJA, environment, let_go
from tests.payments.test_concurrency import at_once
from tests.web import forms

DOC = Path(config.__file__).parent / "docs/metrics.md"
PUSH = f"{DARAJA}/mpesa/stkpush/v1/processrequest"
ACCEPTED = {"ResponseCode": "0", "MerchantRequestID": "1", "CheckoutRequestID": "ws_CO_1"}


@pytest.fixture
def scrape(client):
    """Looks at the rows each time; the samples by name and labels."""

    def look():
        metrics.forget()
        answer = client.get("/metrics")
        assert answer.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return look


def settled(hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()
    watch.count()


def test_totals_follow_payments_through_their_lives(scrape, plan, safaricom, redis_url):
    with Redis.from_url(redis_url) as kept:
        kept.flushdb()  # no token from an earlier test
    safaricom.post(PUSH, json=ACCEPTED)
    factories.bought(plan)
    work.send_prompts()
    assert work.lanes("send").wait(8)
    failing, hook = factories.pending(plan, "254712000002", "ws_CO_2")
    settled(hook, factories.failure(1032, "ws_CO_2"))
    reconciliation.answered(failing.id, Answer(Verdict.UNKNOWN, "HTTP 503"))
    db.session.commit()
    watch.count()
    found = scrape()
    told = {key: value for key, value in found.items() if key[0] == "malipo_answers_total"}
    assert told == {
        ("malipo_answers_total", "0", "push"): 2,
        ("malipo_answers_total", "1032", "callback"): 1,
        ("malipo_answers_total", "HTTP 503", "query"): 1,
    }
    assert found["malipo_pushes_total",] == 2
    assert found["malipo_questions_total",] == 1
    assert found["malipo_token_refreshes_total",] == 1
    assert found["malipo_payments_ended_total", "cancelled", "failed"] == 1


def test_an_event_is_counted_once_whoever_counts(app, scrape, plan):
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    at_once(app, lambda _: watch.count(), 4)
    watch.count()
    assert scrape()["malipo_payments_ended_total", "", "paid"] == 1


def test_a_failure_keeps_its_code_when_money_came_after_all(scrape, plan):
    _, hook = factories.pending(plan)
    for body in (factories.failure(1032), factories.success()):
        factories.deliver(hook, body)
        work.settle_inbox()
    watch.count()
    found = scrape()
    assert found["malipo_answers_total", "1032", "callback"] == 1
    assert found["malipo_answers_total", "0", "callback"] == 1


def test_seconds_until_the_first_message_are_in_their_bucket(scrape, plan):
    payment, hook = factories.pending(plan)
    payment.accepted_at = clock.now() - timedelta(seconds=7)
    db.session.commit()
    for _ in range(2):
        settled(hook, factories.success())
    found = scrape()
    buckets = {key[1]: value for key, value in found.items() if key[0].endswith("_bucket")}
    assert (buckets["5"], buckets["10"], buckets["+Inf"]) == (0, 1, 1)
    assert 7 <= found["malipo_push_to_callback_seconds_sum",] < 9


def test_whom_a_limit_sends_away_is_counted(scrape, client, plan):
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "0712345678"}
    stranger = client.application.test_client()
    other = forms.fields(stranger.get("/subscribe/standard")) | {"phone": "0712345678"}
    client.post("/subscribe/standard", data=sent)
    assert stranger.post("/subscribe/standard", data=other).status_code == 429
    assert scrape()["malipo_limit_refusals_total", "one prompt at a time"] == 1


def test_one_look_serves_all_who_ask_within_seconds(client, plan):
    metrics.forget()
    before = client.get("/metrics").text
    factories.pending(plan)
    watch.count()
    assert client.get("/metrics").text == before


def test_the_document_has_the_names_kinds_and_labels_that_are_given(scrape, client):
    metrics.forget()
    given = {
        family.name: family.type
        for family in text_string_to_metric_families(client.get("/metrics").text)
    }
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", DOC.read_text(), re.MULTILINE)
    written = {name.removesuffix("_total"): kind for name, kind, _ in rows}
    labels = {
        name.removesuffix("_total"): tuple(re.findall(r"`(\w+)`", told)) for name, _, told in rows
    }
    assert written == given
    assert labels == {name: metric.labels for name, metric in catalogue.ALL.items()}


def test_every_reading_is_in_the_catalogue(app):
    strangers = {one.metric for one in readings.take()} - set(catalogue.ALL)
    db.session.rollback()
    assert strangers == set()


@pytest.fixture
def behind(app, postgres_url, redis_url):
    """The application behind so many proxies of ours."""
    made = []

    def make(hops):
        given = environment(postgres_url, redis_url, TRUSTED_PROXY_HOPS=str(hops))
        made.append(create_app(config.read(given)))
        return made[-1]

    yield make
    for other in made:
        with other.app_context():
            let_go()


@pytest.mark.parametrize(
    ("address", "hops", "headers", "status"),
    [
        ("127.0.0.1", 0, {}, 200),
        ("::ffff:127.0.0.1", 0, {}, 200),
        ("10.0.0.7", 0, {}, 404),
        ("", 0, {}, 404),
        # A proxy on this machine, of which we were not told: its visitors are not this machine.
        ("127.0.0.1", 0, {"X-Forwarded-For": "196.201.214.200"}, 404),
        ("127.0.0.1", 0, {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", 1, {"X-Forwarded-For": "196.201.214.200"}, 404),
        ("127.0.0.1", 1, {"X-Forwarded-For": "127.0.0.1, 196.201.214.200"}, 404),
        ("127.0.0.1", 1, {"X-Forwarded-For": "196.201.214.200, 127.0.0.1"}, 200),
    ],
)
def test_who_may_read(behind, address, hops, headers, status):
    answer = (
        behind(hops)
        .test_client()
        .get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    )
    assert answer.status_code == status
    assert ("malipo_" in answer.text) == (status == 200)


def test_who_may_read_is_a_setting(client, set_setting):
    set_setting(metrics_addresses=(ip_network("10.0.0.0/8"),))
    assert client.get("/metrics").status_code == 404


def test_no_person_and_no_secret_is_in_it(client, plan, set_setting):
    set_setting(mpesa_passkey="canary-passkey")
    payment, hook = factories.pending(plan, "254712345678")
    settled(hook, factories.success())
    metrics.forget()
    page = client.get("/metrics").text
    secrets = [payment.token, hook, "canary-passkey", "712345678", "ws_CO", "TKL4H7Q2MX"]
    assert [secret for secret in secrets if secret in page] == []


def test_without_database_and_redis_it_says_so(app, client, postgres_url, tmp_path):
    given = environment("postgresql://malipo@/x?host=/nowhere", f"unix://{tmp_path}/nobody")
    other = create_app(config.read(given))
    metrics.forget()
    page = other.test_client().get("/metrics")
    metrics.forget()
    assert page.status_code == 200
    assert "malipo_database_up 0.0" in page.text
    assert "malipo_redis_up 0.0" in page.text


def test_a_slow_look_ends_by_itself(app, client):
    """Whoever holds up the tables does not hold up the server's threads behind a scrape."""
    metrics.forget()
    with db.engine.begin() as hand:
        hand.execute(text("lock table ledger_entry in access exclusive mode"))
        page = client.get("/metrics")
    metrics.forget()
    assert "malipo_database_up 0.0" in page.text
