"""When very many wait, their pages ask less often."""

from dataclasses import replace

import pytest

from app import clock
from app.web import cadence, phases, standing
from tests import factories
from tests.web import forms


@pytest.fixture(autouse=True)
def uncounted(app):
    app.extensions.pop(cadence.KNOWN, None)
    yield
    app.extensions.pop(cadence.KNOWN, None)


def waiting(plan, many):
    return [
        factories.pending(plan, f"2547123456{n:02}", f"ws_CO_{n}")[0] for n in range(10, 10 + many)
    ]


def section(client, payment):
    return forms.section(client.get(f"/pay/{payment.token}"))


@pytest.mark.parametrize(
    "many, apart", [(1, "1.5"), (2, "1.5"), (3, "1.5"), (4, "2.0"), (5, "2.5")]
)
def test_all_together_ask_as_often_as_can_be_answered(client, plan, set_setting, many, apart):
    set_setting(polls_per_second=2)
    payment = waiting(plan, many)[-1]
    found = section(client, payment)
    assert found["data-poll"] == apart
    assert found["hx-trigger"] == f"every {apart}s, poll"


def test_it_is_news_for_nobody(client, plan, set_setting):
    """Processes count at different moments: a page that was told another cadence is still right."""
    payment = waiting(plan, 6)[0]
    asked = section(client, payment)["hx-get"]
    set_setting(polls_per_second=1)
    client.application.extensions.pop(cadence.KNOWN)
    assert section(client, payment)["data-poll"] == "6.0"
    assert client.get(asked).status_code == 204


def test_only_prompts_on_a_phone_count(client, plan, set_setting):
    set_setting(polls_per_second=1)
    payment, *_ = waiting(plan, 4)
    factories.bought(plan, "254733000000")
    assert section(client, payment)["data-poll"] == "4.0"


def test_a_page_that_need_not_ask_does_not(app, plan, set_setting):
    set_setting(polls_per_second=1)
    [payment] = waiting(plan, 1)
    phase = phases.of(standing.of(payment.token), clock.now())
    assert cadence.for_all(replace(phase, poll=None)).poll is None


@pytest.mark.parametrize(
    "poll, many, slowed",
    [(1.5, 1_500, 1.5), (1.5, 1_501, 2), (3, 2_000, 3), (10, 5_000, 10), (1, 10**6, 20)],
)
def test_it_is_never_quicker_than_the_phase_nor_slower_than_people_believe(
    plan, set_setting, poll, many, slowed
):
    set_setting(polls_per_second=1_000)
    [payment] = waiting(plan, 1)
    phase = replace(phases.of(standing.of(payment.token), clock.now()), poll=poll)
    assert cadence.slowed(phase, many).poll == slowed
