"""What staff do, by hand, in a browser: over the demo's weeks, half of it on a phone."""

import re

import pytest

from app import clock, merchants, msisdn
from app.billing.models import Plan, Subscriber, Subscription
from app.desk import rows
from app.extensions import db
from app.payments import booking, closing
from app.payments.dispute_models import Dispute
from app.payments.models import Payment, Receipt
from app.payments.staff_models import MatchProposal
from app.staff import Staff
from tests.browser.admin import newest, seated
from tests.payments import by_hand
from tests.running import DESK, PHONE
from tests.web.admin.desk import BROWSER, PASSWORD, code, sitting

REASON = "she called"
STRANGER = "0758 000 111"


@pytest.fixture
def app(house):
    """Not emptied: these tests leave each other alone."""
    return house


@pytest.fixture
def sit(house, browser, shop):
    """Somebody of this role at a browser; what its console complains about fails the test."""
    taken = []

    def take(role, size=DESK, merchant=None):
        place = seated(browser, shop, sitting(house, role, merchant), **size)
        taken.append((place, place.__enter__()))
        return taken[-1][1]

    yield take
    for place, seat in taken:
        place.__exit__(None, None, None)
        assert seat.complaints == []
    db.session.rollback()


def test_a_payment_is_found_by_whatever_is_known_of_it(sit):
    seat, payments = sit("support", PHONE), "/admin/payments/"
    paid = newest(Payment, Payment.status == "paid")
    row = rows.of([paid.id])[0]
    name = newest(Subscriber, Subscriber.name.is_not(None)).name
    for typed in (row.reference, row.receipt or row.reference, msisdn.pretty(paid.phone)):
        seat.go(payments)
        seat.fill(q=typed)
        seat.press("Filter")
        seat.page.locator(f"#p{paid.id}").wait_for()
        assert paid.phone[-6:] not in seat.page.url
    seat.fill(q=name[:8])
    seat.press("Filter")
    seat.reads("Names that begin with")
    seat.page.locator("#rows .open", has_text=name).first.wait_for()


def test_a_list_is_narrowed_kept_under_a_name_turned_and_taken_along(sit):
    seat = sit("finance")
    seat.go("/admin/payments/")
    seat.page.locator("#status a", has_text="Failed").click()
    seat.page.select_option("#plan", "daily")
    seat.unfold("More filters")
    # Whatever the day, the demo has two pages of these.
    seat.page.select_option("#reason", "insufficient_funds")
    seat.press("Filter")
    assert set(seat.page.locator("#rows .pill").all_inner_texts()) == {"Failed"}
    assert re.search("status=failed", seat.page.url)
    seat.unfold("Save this view")
    seat.fill(name="Day passes unfunded")
    seat.press("Save")
    seat.told("The view is saved.")
    first = seat.page.locator("#rows .open").first.get_attribute("id")
    seat.follow("Older")
    assert seat.page.locator(f"#{first}").count() == 0
    seat.follow("Newest")
    seat.page.locator(f"#{first}").wait_for()
    lines = seat.download(lambda: seat.press("Export CSV")).splitlines()
    assert len(lines) > 50
    assert all("not enough money" in line.lower() for line in lines[1:])
    seat.press("Delete the view Day passes unfunded")
    seat.told("The view is deleted.")


def test_a_payment_is_asked_about_noted_and_disputed(sit):
    seat = sit("finance", PHONE)
    silent = newest(Payment, Payment.status == "unconfirmed")
    seat.go(f"/admin/payments/{silent.id}/")
    seat.press("Ask M-PESA now")
    seat.told("M-PESA is being asked.")
    seat.fill(text="She has no SMS.")
    seat.press("Keep the note")
    seat.reads("She has no SMS.")
    seat.follow("Open a case")
    seat.page.select_option("#kind", "not_received")
    seat.fill(says="Nothing came.", due_on=closing.today().isoformat())
    seat.press("Open the case")
    seat.told("The case is open.")
    seat.fill(text="M-PESA has been asked about it.")
    seat.press("Add it")
    seat.told("It is added.")
    seat.follow("Evidence to print")
    seat.reads("No event before it can be changed without changing this hash.")
    seat.follow("Back to the case")
    seat.follow("Close the case")
    seat.choose("Withdrawn by the customer")
    seat.fill(reason=REASON)
    seat.press("Close the case")
    seat.told("The case is closed.")
    db.session.rollback()
    assert newest(Dispute).outcome == "withdrawn"


def test_new_requests_are_sent_to_the_chosen(sit):
    seat = sit("support", PHONE)
    seat.go("/admin/failed/")
    seat.press("Send a new request to the chosen")
    seat.page.locator(".problem").wait_for()
    before = db.session.query(Payment).count()
    for box in seat.page.get_by_role("checkbox").all()[-2:]:
        box.check()
    seat.press("Send a new request to the chosen")
    seat.reads("2 of 2 sent.")
    db.session.rollback()
    assert db.session.query(Payment).count() == before + 2


def test_money_without_an_owner_finds_one_in_parts_and_comes_back(sit):
    seat = sit("finance", PHONE)
    receipt = by_hand.suspended(900)
    phone = newest(Subscriber).phone
    seat.go(f"/admin/reconciliation/receipts/{receipt.id}/")
    seat.fill(customer0=msisdn.pretty(phone))
    seat.press("Go on")
    seat.fill(amount="300", reason=REASON)
    seat.press("Move the money")
    seat.told("The money is moved.")
    seat.reads("KSh 600 in suspense")
    seat.follow("Undo")
    seat.fill(reason="the wrong one")
    seat.press("Undo")
    seat.told("KSh 300 are back where they were.")
    db.session.rollback()
    assert booking.allocated(db.session.get_one(Receipt, receipt.id)) == 0


def test_a_match_by_hand_takes_two_people(sit):
    one, other = sit("finance"), sit("owner", PHONE)
    silent = db.session.query(Payment).filter_by(status="unconfirmed").order_by(Payment.id).first()
    reference = silent.invoice.reference
    one.go(f"/admin/payments/{silent.id}/match")
    one.fill(code="TKLHAND001", reason="saw the SMS")
    one.press("Match")
    one.told("another person")
    db.session.rollback()
    proposal = newest(MatchProposal)
    other.go(f"/admin/reconciliation/proposals/{proposal.id}/approve")
    other.reads(reference)
    other.fill(reason="saw it too")
    other.press("Approve: it is paid")
    other.told("The payment is paid.")


def test_a_statement_is_taken_in_booked_and_the_day_signed(sit):
    seat = sit("finance")
    now, yesterday = clock.now(), closing.last_days(1)[0]
    content = by_hand.csv(by_hand.row("TKLBROWS01", now, "75.00", account="<b>JANE"))
    seat.go("/admin/reconciliation/statements")
    seat.page.set_input_files(
        "#file", {"name": "today.csv", "mimeType": "text/csv", "buffer": content}
    )
    seat.press("Send it")
    seat.told("1 new lines")
    seat.press("Book it")
    seat.told("TKLBROWS01 is in the books.")
    seat.go(f"/admin/reconciliation/close/{yesterday}/")
    seat.press("Sign the day")
    seat.page.locator(".problem").wait_for()
    seat.fill(note="Two lines are looked into.")
    seat.press("Sign the day")
    seat.told("The day is signed.")


def test_a_subscription_is_started_asked_for_ended_and_kept(sit):
    seat = sit("support", PHONE)
    seat.go("/admin/subscriptions/new")
    seat.fill(phone=STRANGER, name="Zawadi Browser")
    seat.choose("Standard")
    seat.press("Send the request")
    seat.told("The request is on its way to the phone.")
    active = newest(Subscription, Subscription.paid_through > clock.now(),
                    Subscription.ends_at.is_(None), Subscription.cancelled_at.is_(None))  # fmt: skip
    seat.go(f"/admin/subscriptions/{active.id}")
    seat.press("Send the request")
    seat.told("The request is on its way to the phone.")
    other = newest(Subscription, Subscription.paid_through > clock.now(), Subscription.id < active.id,
                   Subscription.ends_at.is_(None), Subscription.cancelled_at.is_(None))  # fmt: skip
    seat.go(f"/admin/subscriptions/{other.id}")
    for when, done in (("When the paid time ends", "It ends with the paid time."),
                       ("Now", "The subscription is cancelled.")):  # fmt: skip
        seat.follow("Cancel the subscription")
        seat.choose(when)
        seat.fill(reason=REASON)
        seat.press("Cancel the subscription")
        seat.told(done)
        seat.press("Undo")
        seat.told("The subscription goes on.")


def test_a_customer_is_renamed_moved_to_another_number_and_shown(sit):
    seat, person = sit("support"), newest(Subscriber, Subscriber.name.is_not(None))
    seat.go("/admin/customers/")
    seat.fill(q=person.name)
    seat.press("Find")
    seat.follow(person.name)
    seat.follow("Change the name")
    seat.fill(name="Zuhura Browser")
    seat.press("Change it")
    seat.told("The name is changed.")
    seat.follow("Change the number")
    seat.fill(phone="0758 000 222", reason=REASON)
    seat.press("Change the number")
    seat.page.locator(".flash").wait_for()
    seat.follow("Show the number")
    seat.fill(reason=REASON)
    seat.press("Show the number")
    assert seat.page.locator(".big").inner_text().replace("\xa0", " ") == "0758 000 222"


def test_a_plan_is_made_dearer_linked_to_retired_and_sold_again(sit):
    seat = sit("owner", PHONE)
    seat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seat.go("/admin/plans/")
    seat.follow("Make a plan")
    seat.fill(name="Browser plan", code="browser", price="100", every="1")
    seat.press("Put it on sale")
    seat.told("The plan is on sale.")
    seat.press("Copy")
    seat.page.locator("#live", has_text="Copied").wait_for()
    assert seat.page.evaluate("navigator.clipboard.readText()").endswith(
        "/m/default/subscribe/browser"
    )
    seat.follow("Edit")
    seat.fill(price="150")
    seat.press("Change it")
    seat.told("The plan is changed.")
    for way, done in (
        ("Retire it", "The plan is retired."),
        ("Sell it again", "The plan is on sale."),
    ):
        seat.follow(way)
        seat.fill(reason="the season")
        seat.press(way)
        seat.told(done)
    db.session.rollback()
    assert newest(Plan).price == 150


def test_the_settings_are_replaced_and_tried(sit, safaricom):
    seat = sit("owner", merchant=merchants.named("duka"))
    seat.go("/admin/settings/")
    seat.page.get_by_role("link", name=re.compile("^Replace ?Passkey")).click()
    seat.fill(value="f" * 60 + "beef")
    seat.press("Set it")
    seat.told("The passkey is set.")
    seat.reads("beef")
    seat.page.get_by_role("link", name=re.compile("^(Replace|Set) ?Number")).click()
    seat.choose("Till")
    seat.fill(shortcode="600124", till="500124")
    seat.press("Set the number")
    seat.told("The number is set.")
    seat.press("Test connection")
    seat.page.locator(".flash").wait_for()
    seat.press("Is it reached from outside?")
    seat.reads("Reached from outside")
    seat.follow("Name and looks")
    seat.fill(support="0758 000 333")
    seat.press("Change it")
    seat.told("Customers see it from now on.")


def test_figures_and_the_log_are_narrowed_and_taken_along(sit):
    seat = sit("owner", PHONE)
    seat.go("/admin/analytics/")
    seat.follow("90 days")
    assert "days=90" in seat.page.url
    funnel = seat.download(lambda: seat.follow("CSV of From asking to paid"))
    assert "Asked" in funnel
    seat.go("/admin/audit/")
    person = newest(Staff, Staff.email == "finance@example.co.ke")
    seat.page.select_option("#who", f"staff:{person.id}")
    seat.fill(about="statement 1")
    seat.press("Filter")
    seat.reads("Statement taken in")
    seat.press("Check now")
    seat.page.locator(".flash").wait_for()
    lines = seat.download(lambda: seat.press("JSON lines")).splitlines()
    assert len(lines) > 1


def test_people_come_change_and_go(sit):
    seat = sit("owner", PHONE)
    seat.go("/admin/people/new")
    seat.fill(email="new@browser.example.co.ke", name="Baraka New")
    seat.choose("Support")
    seat.press("Add")
    seat.reads("It works for three days.")
    seat.follow("Done")
    seat.follow("Change the role")
    seat.choose("Finance")
    seat.fill(reason="promoted")
    seat.press("Change the role")
    seat.told("The role is changed.")
    for way, done in (("Close the account", "closed"), ("Open the account", "open again")):
        seat.follow(way)
        seat.fill(reason="on leave")
        seat.press(way)
        seat.told(done)


def test_somebody_signs_in_with_two_factors_and_out(house, browser, shop, sit):
    owner = sit("owner")
    owner.go("/admin/account/second-factor/set-up")
    owner.unfold("No camera?")
    secret = owner.page.locator(".mono", has_text=re.compile("^[A-Z2-7 ]{30,}$")).inner_text()
    owner.fill(code=code(secret.replace(" ", "")))
    owner.press("Turn it on")
    spare = owner.page.locator(".codes li").first.inner_text()
    owner.follow("I have them, continue")
    email = newest(Staff, Staff.totp_confirmed_at.is_not(None)).email
    with seated(browser, shop, house.test_client(), **PHONE, user_agent=BROWSER) as phone:
        phone.go("/admin/login")
        phone.fill(email=email, password=PASSWORD)
        phone.press("Log in")
        phone.fill(code="000000")
        phone.press("Continue")
        phone.reads("That code is not right")
        phone.fill(code=spare)
        phone.press("Continue")
        phone.page.locator("h1", has_text="Overview").wait_for()
        owner.go("/admin/account/sessions")
        owner.reads("Chrome on Android")
        owner.press("Sign out everywhere else")
        owner.told("You are signed out everywhere else.")
        phone.go("/admin/payments/")
        assert "/admin/login" in phone.page.url
        assert phone.complaints == []
    owner.page.locator(".me summary").click()
    owner.press("Log out")
    owner.page.get_by_role("button", name="Log in").wait_for()


def test_the_operator_looks_over_merchants_and_acts_for_one(sit):
    seat = sit("operator")
    seat.go("/admin/merchants/")
    seat.page.locator("tr, li", has_text="Duka la Njeri").get_by_role("button").click()
    seat.page.locator(".who", has_text="Duka la Njeri").wait_for()
    seat.go("/admin/merchants/new")
    seat.fill(name="Browser shop", slug="browser-shop")
    seat.choose("Paybill")
    seat.fill(shortcode="600999")
    seat.press("Add")
    seat.told("The merchant is there.")
