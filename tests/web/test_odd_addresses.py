"""Addresses and numbers that no row can have are not found, and no error."""

import pytest

from tests.fuzz.knocking import PART
from tests.web.admin.desk import send, sitting

ROOMS = ("subscriptions/?plan", "subscriptions/new?customer", "audit/?before", "customers/?person")


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30, "9" * 5_000, "-1", "0", "\u0669"])
def test_a_number_that_no_row_can_have_is_no_error(app, plan, number):
    client = sitting(app, "owner")
    for room in (*ROOMS, "payments/?since", "payments/?person"):
        answer = client.get(f"/admin/{room}={number}")
        assert (room, answer.status_code < 500) == (room, True)
    sent = {"plan": number, "phone": "0712345678"}
    assert send(client, "/admin/subscriptions/new", **sent).status_code == 422


def with_a_nul(part):
    return "1" if part["kind"] == "int" else "a%00b"


def test_an_address_with_a_nul_is_not_found(app, plan):
    client = sitting(app, "owner")
    odd = {PART.sub(with_a_nul, rule.rule) for rule in app.url_map.iter_rules()}
    odd = {path for path in odd if "%00" in path}
    assert odd >= {"/m/a%00b", "/subscribe/a%00b", "/pay/a%00b"}
    statuses = {path: client.get(path).status_code for path in odd}
    assert {path: status for path, status in statuses.items() if status not in (404, 405)} == {}
