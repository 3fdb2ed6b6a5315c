"""`/metrics`: the database's word, for whom it is meant, in the names that are documented."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

import config
from app import clock
from app.extensions import db
from app.jobs import watch, work
from app.watching import catalogue
from app.web import metrics
from tests import factories

DOC = Path(config.__file__).parent / "docs/metrics.md"


@pytest.fixture
def scrape(client):
    """Looks at the rows each time; the figures by name and labels."""

    def look():
        metrics.forget()
        answer = client.get("/metrics")
        assert answer.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return look


def test_it_answers(scrape, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    watch.count()
    found = scrape()
    for key, value in found.items():
        print(key, value)
    assert found[("malipo_pushes_total",)] == 1
