"""Every page of the staff's side over the demo's weeks, on a phone and on a desk: WCAG 2.2 AA, 320 px, our CSP.

One database and one walk for each size: what is wrong is said of all pages at once.
"""

from datetime import timedelta

import pytest

from app import clock, merchants
from app.billing.models import Plan, Subscription
from app.daraja import Reason
from app.extensions import db
from app.payments import booking, closing, comparing
from app.payments.alerts import Alert
from app.payments.dispute_models import Dispute
from app.payments.models import Payment, Receipt
from app.payments.outage_models import Outage
from app.payments.staff_models import MatchProposal, Reallocation, Statement
from app.staff import Staff
from tests.browser.admin import SIZES, looked_at, newest, seated
from tests.web.admin import money
from tests.web.admin.desk import enrolled, hire, send, sit, sitting

STATUSES = ("paid", "failed", "unconfirmed")
MOST_BYTES = 20 * 1024  # 40 KB in all: the stylesheets and htmx are 20


@pytest.fixture(scope="module")
def house(house):
    """And a little that only a person does."""
    _move_money(sitting(house, "finance"))
    _make_sick(merchants.named("duka").number)
    db.session.remove()
    return house


def _move_money(finance):
    """To a balance, by hand: it can be undone."""
    [(receipt, _)] = booking.in_suspense(merchants.named("default").id)
    person = newest(Subscription).subscriber_id
    answer = send(finance, money.move_url(receipt, person), amount="900", reason="hers, she called")
    assert answer.status_code == 303


def _make_sick(number):
    """M-PESA has been busy, and a prompt may try again in a minute."""
    now = clock.now()
    at = {"opened_at": now - timedelta(minutes=9), "look_at": now + timedelta(minutes=1)}
    why = "9 of 11 phones: 9 M-PESA said busy"
    db.session.add(
        Outage(shortcode=number, by_hand=False, opened_by="scheduler", why=why, probes=3, **at)
    )
    db.session.commit()


def of_payments():
    payments = "/admin/payments/"
    statuses = {status: newest(Payment, Payment.status == status) for status in STATUSES}
    nobody = newest(Payment, Payment.reason == Reason.NO_ANSWER)
    unconfirmed = statuses["unconfirmed"].id
    return {
        "payments": payments,
        "payments filtered": f"{payments}?status=failed&from=2026-01-01&reason=cancelled&q=Wan",
        "payments none": f"{payments}?q=nobody",
        **{f"payment {status}": f"{payments}{one.id}/" for status, one in statuses.items()},
        "payment of a case": f"{payments}{newest(Dispute).payment_id}/",
        "payment with a proposal": f"{payments}{nobody.id}/",
        "match": f"{payments}{unconfirmed}/match?code=%3Cb%3EJANE",
        "new dispute": f"{payments}{unconfirmed}/dispute",
        "failed": "/admin/failed/",
        "failed of a day": "/admin/failed/?days=1",
    }


def of_money():
    home, merchant = "/admin/reconciliation/", merchants.named("default")
    moved = newest(Reallocation)
    receipt = f"{home}receipts/{moved.receipt_id}/"
    days = closing.last_days(45)
    since, until = closing.bounds(days[-1])[0], closing.bounds(days[0])[1]
    report = comparing.compare(merchant, since, until)
    line = (report.of(comparing.UNNUMBERED) or report.of(comparing.THEIRS))[0]
    proposal, dispute = newest(MatchProposal).id, newest(Dispute, Dispute.closed_at.is_(None)).id
    answered = newest(Dispute, Dispute.closed_at.is_not(None)).id
    return {
        "reconciliation": home,
        "statements": f"{home}statements",
        "report": f"{home}report",
        "report of a statement": f"{home}statements/{newest(Statement).id}",
        "number": f"{home}lines/{line.id}/number",
        "receipt": receipt,
        "receipt of a payment": f"{home}receipts/{newest(Receipt, Receipt.payment_id.is_not(None)).id}/",
        "allocate": f"{receipt}move/0/{moved.to_subscriber_id}",
        "undo": f"{receipt}undo/{moved.id}",
        "proposals": f"{home}proposals",
        "approve": f"{home}proposals/{proposal}/approve",
        "reject": f"{home}proposals/{proposal}/reject",
        "close of today": f"{home}close/{closing.today()}/",
        "close, not signed": f"{home}close/{days[0]}/",
        "close, signed": f"{home}close/{days[4]}/",
        "disputes": "/admin/disputes/",
        "dispute": f"/admin/disputes/{dispute}",
        "dispute answered": f"/admin/disputes/{answered}",
        "close dispute": f"/admin/disputes/{dispute}/close",
        "evidence": f"/admin/disputes/{answered}/evidence",
    }


def of_customers():
    home, people = "/admin/subscriptions/", "/admin/customers/"
    ending = newest(Subscription, Subscription.ends_at.is_not(None))
    cancelled = newest(Subscription, Subscription.cancelled_at.is_not(None))
    unpaid = newest(Subscription, Subscription.paid_through.is_(None))
    active = newest(Subscription, Subscription.anchor_day.is_not(None))
    person = f"{people}{active.subscriber_id}"
    return {
        "subscriptions": home,
        "subscriptions none": f"{home}?q=nobody",
        "subscriptions ending": f"{home}?state=ending",
        "subscription": f"{home}{active.id}",
        "subscription ending": f"{home}{ending.id}",
        "subscription cancelled": f"{home}{cancelled.id}",
        "subscription unpaid": f"{home}{unpaid.id}",
        "subscription cancel": f"{home}{active.id}/cancel",
        "subscription new": f"{home}new",
        "subscription new known": f"{home}new?customer={active.subscriber_id}",
        "customers": people,
        "customer": person,
        **{f"customer {what}": f"{person}/{what}" for what in ("name", "phone", "reveal")},
    }


def of_house():
    plan, person = f"/admin/plans/{newest(Plan, Plan.code == 'standard').id}", "/admin/people/"
    someone = f"{person}{newest(Staff, Staff.email == 'support@example.co.ke').id}"
    changes = ("role", "disable", "new-password", "sign-out")
    account, settings = "/admin/account/", "/admin/settings/"
    return {
        "overview": "/admin/",
        "alerts": "/admin/alerts/",
        "alert": f"/admin/alerts/{newest(Alert, Alert.resolved_at.is_(None)).id}",
        "analytics": "/admin/analytics/",
        "analytics of a year": "/admin/analytics/?days=365",
        "audit log": "/admin/audit/",
        "audit log searched": "/admin/audit/?who=customer&from=2020-01-01",
        "plans": "/admin/plans/",
        "plan": plan,
        "plan new": "/admin/plans/new",
        "plan edit": f"{plan}/edit",
        "plan preview": "/admin/plans/preview?name=Gold&price=1499&unit=week&every=2",
        "plan without a preview": "/admin/plans/preview",
        "plan retire": f"{plan}/retire",
        "people": person,
        "person": someone,
        "person new": f"{person}new",
        **{f"person {what}": f"{someone}/{what}" for what in changes},
        "sessions": f"{account}sessions",
        "password": f"{account}password",
        "proof": f"{account}proof",
        "second factor set-up": f"{account}second-factor/set-up",
        "settings": settings,
        "name and looks": f"{settings}face/",
    }


def of_neighbour():
    """Whose number and secrets are its own."""
    secrets = ("consumer_key", "consumer_secret", "passkey")
    own = {f"secret {name}": f"/admin/settings/secrets/{name}" for name in secrets}
    home = "/admin/settings/"
    rest = {what: f"{home}{what}" for what in ("number", "initiator", "certificate")}
    empty = {
        f"empty {room}": f"/admin/{room}/"
        for room in ("payments", "failed", "reconciliation", "disputes", "analytics", "customers",
                     "subscriptions", "alerts", "reconciliation/report")
    }  # fmt: skip
    rest["empty report"] = empty.pop("empty reconciliation/report").removesuffix("/")
    sick = {
        "outages": "/admin/outages/",
        "pause": "/admin/outages/pause",
        "go": "/admin/outages/end",
    }
    return {"neighbour": home, "empty overview": "/admin/", **own, **rest, **empty, **sick}


def of_operator():
    return {
        "merchants": "/admin/merchants/",
        "merchant new": "/admin/merchants/new",
        "payments of another": "/admin/payments/?merchant=duka",
        "audit of another": "/admin/audit/?merchant=duka",
        "platform": "/admin/settings/platform",
    }


def of_second_factor():
    home = "/admin/account/second-factor/"
    return {"second factor": home, "second factor remove": f"{home}remove"}


def careful(app):
    """Somebody with a second factor: who is in, and a browser that was in before there was one."""
    person = hire("viewer")
    before = sit(app.test_client(), person)
    enrolled(person)
    return sit(app.test_client(), person), before


# Who opens which pages: a browser of theirs, and the addresses.
WALKS = {
    "house": lambda app: [(sitting(app, "owner"), of_house())],
    "payments": lambda app: [(sitting(app, "owner"), of_payments() | of_customers())],
    "money": lambda app: [(sitting(app, "owner"), of_money())],
    "neighbour": lambda app: [(sitting(app, "owner", merchants.named("duka")), of_neighbour())],
    "platform": lambda app: [(sitting(app, "operator", merchants.named("duka")), of_operator())],
    "door": lambda app: [
        *zip(careful(app), (of_second_factor(), {"code": "/admin/second-factor"}), strict=True),
        (app.test_client(), {"login": "/admin/login"}),
    ],
}


def test_no_page_is_left_out_and_none_is_heavy(house):
    """What travels: each page, compressed; stylesheets and scripts have their own test."""
    doors = house.url_map.bind("localhost")
    seen, heavy = set(), []
    walked = [walk for walks in WALKS.values() for walk in walks(house)]
    for client, pages in walked:
        for name, path in pages.items():
            seen.add(doors.match(path.partition("?")[0], method="GET")[0])
            answer = client.get(path, headers={"Accept-Encoding": "gzip"})
            heavy += [(name, len(answer.data))] if len(answer.data) > MOST_BYTES else []
    assert heavy == []
    every = {rule.endpoint for rule in house.url_map.iter_rules() if "GET" in rule.methods}
    assert {endpoint for endpoint in every if endpoint.startswith("admin.")} - seen == set()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("walk", WALKS)
def test_everybody_can_use_every_page(walk, size, house, browser, shop):
    """A screen reader meets the same page on both: all on the desk, on the phone the first of each walk."""
    wrong = []
    for client, pages in WALKS[walk](house):
        with seated(browser, shop, client, **SIZES[size]) as seat:
            for name, path in pages.items():
                seat.go(path)
                heard = size == "1280x800" or path == next(iter(pages.values()))
                wrong += looked_at(seat, name, size, heard=heard)
    assert wrong == []
