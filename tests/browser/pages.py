"""Every page that a customer can meet, and how to get there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from flask import abort
from playwright.sync_api import Page
from sqlalchemy.exc import OperationalError

from app import clock
from app.billing.models import Plan
from app.daraja import Reason, Refused
from app.extensions import db
from app.payments import charging
from tests import factories
from tests.browser import payments
from tests.payments import sick

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 30"><rect width="30" height="30" '
    'rx="8" fill="#123a6b"/><path d="M6 22 15 8l9 14z" fill="#ffc83d"/></svg>'
)
FAINTEST = "#767676"  # the lightest grey that a merchant may choose
LONG_NAME = "Chama cha Wanawake Wafanyabiashara wa Kakamega Kaskazini"
LONG_PLAN = "Mafunzo ya Ushonaji na Ubunifu wa Mavazi, Awamu ya Pili"


@dataclass
class Scene:
    """Where a page is looked at: a language, a browser, something to buy."""

    page: Page
    visit: Any
    plan: Plan
    language: str

    def go(self, path):
        with_language = f"{path}{'&' if '?' in path else '?'}lang={self.language}"
        self.page.goto(with_language)

    def pay(self, phone):
        self.go("/subscribe/standard")
        self.page.locator("#phone").fill(phone)
        self.page.locator("#payment button[type=submit]").click()
        self.page.locator("#payment [role=alert]").wait_for()

    def payment(self, made, more=""):
        payment = made(self.plan)
        self.visit.own(payment)
        self.go(f"/pay/{payment.token}{more}")


def path(address):
    return lambda scene: scene.go(address)


def payment(made, more=""):
    return lambda scene: scene.payment(made, more)


def another_sellers(scene):
    factories.merchant(name=LONG_NAME).support = "0722 000 111"
    db.session.commit()
    scene.go("/m/duka/privacy")


def plans(scene):
    factories.plan(code="daily", name="Day pass", price=20, unit="day")
    factories.plan(code="yearly", name="Full year", price=14_999, unit="year")
    scene.go("/")


def no_plans(scene):
    retire(scene.plan)
    scene.go("/")


def retired_plan(scene):
    retire(scene.plan)
    scene.go("/subscribe/standard")


def retire(plan):
    plan.retired_at = clock.now()
    db.session.commit()


def form_wait(scene):
    factories.bought(scene.plan)
    scene.pay("0712 345 678")


def form_pause(scene):
    for _ in range(5):
        never_sent(scene.plan)
    scene.pay("0712 345 678")


def never_sent(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.refused(payment.id, Refused(Reason.PUSH_FAILED, "1025", "no"))
    db.session.commit()


def during_outage(**facts):
    """M-PESA is sick before somebody comes."""

    def show(scene):
        sick.outage(**facts)
        FORM(scene)

    return show


def outage_meets(made):
    """M-PESA becomes sick after the payment was made; the next single prompt may try later."""

    def met(plan):
        payment = made(plan)
        sick.outage(look_at=soon())
        return payment

    return payment(met)


def form_busy_refused(scene):
    """It was open before."""
    scene.go("/subscribe/standard")
    sick.outage(look_at=soon())
    scene.page.locator("#phone").fill("0712 345 678")
    scene.page.locator("#payment button[type=submit]").click()
    scene.page.locator("#payment [role=alert]").wait_for()


def soon():
    return clock.now() + timedelta(seconds=45)


def sending(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    return payment


def number_refused(scene):
    scene.payment(payments.WAITING["waiting_pin"])
    scene.page.locator("details.help summary").click()
    scene.page.locator("#number").fill("07")
    scene.page.locator("form.number button").click()
    scene.page.locator("#number-error").wait_for()


def number_open(scene):
    scene.payment(payments.FAILED["failed_not_registered"])
    scene.page.locator("details.other summary").click()


def form_too_old(scene):
    """Without the token that a form must carry, as after a log-out elsewhere."""
    scene.go("/subscribe/standard")
    scene.page.evaluate("document.querySelector('[name=csrf_token]').remove()")
    with scene.page.expect_navigation():
        scene.page.evaluate("document.querySelector('form[hx-post]').submit()")


def broken(status):
    """The application raises while it makes the page."""

    def show(scene):
        with patch.dict(scene.visit.app.view_functions, {"plans.index": lambda: fail(status)}):
            scene.go("/")

    return show


def fail(status):
    if status == 503:
        raise OperationalError("select 1", {}, ConnectionError("gone"))
    if status == 500:
        raise RuntimeError("a bug")
    abort(status)


def in_other_clothes(show, **changes):
    """The same page of a merchant, and of a plan, with other names, colours, prices."""

    def dressed(scene):
        for name in ("name", "colour", "logo"):
            if name in changes:
                setattr(scene.plan.merchant, name, changes[name])
        scene.plan.name = changes.get("plan", scene.plan.name)
        scene.plan.price = changes.get("price", scene.plan.price)
        db.session.commit()
        show(scene)

    return dressed


LONG = {"name": LONG_NAME, "plan": LONG_PLAN, "price": 249_999}
OURS = {"colour": "#7b1e5b", "logo": LOGO}
FORM = path("/subscribe/standard")
PAYMENTS = {name: payment(made) for name, made in payments.EVERY.items()}
OTHERS = {
    "plans": plans,
    "plans_none": no_plans,
    "plan_retired": retired_plan,
    "form": FORM,
    "form_with_reference": path("/subscribe/standard?ref=INV%2077"),
    "form_with_bad_reference": path(f"/subscribe/standard?ref={'x' * 80}"),
    "form_wrong": lambda scene: scene.pay("0712 345"),
    "form_wait": form_wait,
    "form_pause": form_pause,
    "form_too_old": form_too_old,
    "form_busy": during_outage(),
    "form_busy_refused": form_busy_refused,
    "form_paused": during_outage(by_hand=True),
    "busy_unsent": outage_meets(factories.bought),
    "busy_sending": outage_meets(sending),
    "busy_unconfirmed": outage_meets(payments.WAITING["unconfirmed"]),
    "busy_failed": outage_meets(payments.FAILED["failed_busy"]),
    "number_open": number_open,
    "number_refused": number_refused,
    "number_without_reload": payment(payments.WAITING["waiting_pin"], "?number=1"),
    "receipt": payment(payments.paid, "/receipt"),
    "receipt_no_code": payment(payments.paid_no_receipt, "/receipt"),
    "receipt_on_balance": payment(payments.twice, "/receipt"),
    "help": path("/help/mpesa"),
    "privacy": path("/privacy"),
    "privacy_of_another": another_sellers,
    "lost_payment": path("/pay/nobody-knows-this-token"),
    "error_400": broken(400),
    "error_404": path("/nowhere"),
    "error_429": broken(429),
    "error_500": broken(500),
    "error_503": broken(503),
    "long_plans": in_other_clothes(path("/"), **LONG),
    "long_form": in_other_clothes(FORM, **LONG),
    "long_waiting_prompt": in_other_clothes(PAYMENTS["waiting_prompt"], **LONG),
    "long_paid": in_other_clothes(PAYMENTS["paid"], **LONG),
    "long_receipt": in_other_clothes(payment(payments.paid, "/receipt"), **LONG),
    "coloured_plans": in_other_clothes(plans, **OURS),
    "coloured_form": in_other_clothes(FORM, **OURS),
    "coloured_waiting_pin": in_other_clothes(PAYMENTS["waiting_pin"], **OURS),
    "faint_plans": in_other_clothes(plans, colour=FAINTEST),
    "faint_waiting_pin": in_other_clothes(PAYMENTS["waiting_pin"], colour=FAINTEST),
    "faint_paid": in_other_clothes(PAYMENTS["paid"], colour=FAINTEST),
}
EVERY = PAYMENTS | OTHERS
