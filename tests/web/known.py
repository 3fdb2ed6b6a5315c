"""Facts about a payment that no database has seen, and an application that only renders."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

from flask import Flask
from flask_wtf import CSRFProtect

from app.web import assets, language, phases, shown, words
from app.web.facts import Facts

NOW = datetime(2026, 11, 21, 11, 43, tzinfo=UTC)  # 14:43 in Nairobi
PHONE = "0712\u00a0345\u00a0678"
PENDING = Facts(
    token="a-token",
    status="pending",
    reason=None,
    code=None,
    amount=1499,
    phone=PHONE,
    receipt=None,
    received=None,
    reference="MW-0042",
    plan="Standard",
    plan_code="standard",
    unit="month",
    every=1,
    merchant="Mwanga Academy",
    through=None,
    slug="default",
    support="0722 000 111",
    colour=None,
    logo=None,
    created_at=NOW,
    sending_at=NOW,
    accepted_at=NOW,
    claimed_at=None,
    paid_at=None,
    paid_through=None,
    busy_until=None,
    invoice_open=True,
    closed=None,
    return_url=None,
    ref=None,
    retry_at=NOW,
)
PAID = replace(
    PENDING,
    status="paid",
    receipt="TKL4H7Q2MX",
    received=1499,
    paid_at=NOW,
    paid_through=NOW + timedelta(days=30),
    invoice_open=False,
)
MERCHANT = SimpleNamespace(
    name="Mwanga Academy", slug="default", support="0722 000 111", colour=None, logo=None
)
PLAN = SimpleNamespace(name="Standard", price=1499, unit="month", every=1, code="standard")


def pending(**changes):
    return replace(PENDING, **changes)


def paid(**changes):
    return replace(PAID, **changes)


def failed(reason, **changes):
    return replace(PENDING, status="failed", reason=str(reason), **changes)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def phase(facts, seconds=20):
    return phases.of(facts, after(seconds))


def said(facts, seconds=20):
    return words.of(facts, phase(facts, seconds))


@cache  # its templates are compiled once
def application():
    app = Flask("app", static_folder=None)
    app.config["SECRET_KEY"] = "for tests"
    language.init_app(app)
    CSRFProtect(app)
    shown.init_app(app)
    assets.init_app(app)
    for rule, endpoint in DOORS.items():
        app.add_url_rule(rule, endpoint, lambda **_: "")
    return app


DOORS = {
    "/": "plans.index",
    "/m/<merchant>": "plans.of_merchant",
    "/subscribe/<plan>": "checkout.subscribe",
    "/pay/<token>": "payment.page",
    "/pay/<token>/status": "payment.status",
    "/pay/<token>/entered": "payment.entered",
    "/pay/<token>/retry": "payment.retry",
    "/pay/<token>/number": "payment.number",
    "/pay/<token>/not-paid": "payment.not_paid",
    "/pay/<token>/receipt": "payment.receipt",
    "/pay/<token>/receipt.pdf": "payment.receipt_pdf",
    "/help/mpesa": "help.mpesa",
    "/privacy": "privacy.page",
    "/m/<merchant>/privacy": "privacy.page_at",
}
