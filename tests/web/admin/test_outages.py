"""What staff see of an outage, and what an owner can do about it."""

import pytest

from app.audit import AuditEvent
from app.extensions import db
from app.payments import outages
from tests import factories
from tests.payments.sick import NUMBER, outage
from tests.web import forms
from tests.web.admin.desk import section, send, sitting


def standing():
    db.session.expire_all()
    return outages.of(NUMBER)


def test_the_overview_says_it_first_and_leads_there(app, plan):
    outage()
    client = sitting(app, "viewer")
    [first, *_] = forms.page(client.get("/admin/")).select(".need li")
    text = first.get_text(" ", strip=True)
    assert text.startswith("M-PESA is sick: requests are held 5 of 5 phones: M-PESA said busy (5).")
    page = client.get(first.find("a")["href"])
    assert "M-PESA is sick" in section(page)
    assert "5 of 5 phones" in section(page)


def test_without_one_nothing_is_said(app, plan):
    client = sitting(app, "viewer")
    assert "sick" not in section(client.get("/admin/"))
    assert "Requests go out" in section(client.get("/admin/outages/"))


def test_an_owner_pauses_and_lets_go_again_with_reasons_in_the_audit_log(app, plan):
    client = sitting(app, "owner")
    answer = send(client, "/admin/outages/pause", minutes="15", reason="New router")
    assert answer.status_code == 303
    assert (standing().by_hand, standing().why) == (True, "New router")
    assert "Paused by hand" in section(client.get("/admin/outages/"))
    assert "Requests are paused" in section(client.get("/admin/"))
    again = send(client, "/admin/outages/pause", minutes="15", reason="Once more")
    assert again.status_code == 422
    assert send(client, "/admin/outages/end", reason="Done").status_code == 303
    assert standing() is None
    assert client.person.email in client.get("/admin/outages/").text
    told = db.session.query(AuditEvent).filter(AuditEvent.action.like("merchant.requests_%"))
    assert [(event.action, event.details["reason"]) for event in told.order_by(AuditEvent.seq)] == [
        ("merchant.requests_paused", "New router"),
        ("merchant.requests_resumed", "Done"),
    ]


@pytest.mark.parametrize("given", [{"minutes": "15"}, {"minutes": "9", "reason": "For ever"}])
def test_a_pause_wants_a_reason_and_an_end(app, plan, given):
    client = sitting(app, "owner")
    assert send(client, "/admin/outages/pause", **given).status_code == 422
    assert standing() is None


def test_what_has_ended_cannot_be_ended(app, plan):
    answer = send(sitting(app, "owner"), "/admin/outages/end", reason="Impatience")
    assert answer.status_code == 422
    assert "Requests go out already." in answer.text


def test_a_number_that_others_share_is_the_operators(app, plan):
    other = factories.merchant()
    other.uses_platform_shortcode = True
    db.session.commit()
    owner, operator = sitting(app, "owner", other), sitting(app, "operator")
    page = "/admin/outages/pause"
    answer = send(owner, page, minutes="15", reason="Mine alone")
    assert answer.status_code == 422
    assert "only the operator" in answer.text
    assert "Pause requests" not in section(owner.get("/admin/outages/"))
    assert send(operator, page, minutes="15", reason="Maintenance").status_code == 303
    assert "Maintenance" in section(owner.get("/admin/outages/"))
    assert operator.person.email not in owner.get("/admin/outages/").text
