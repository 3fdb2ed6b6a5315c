"""What was typed into the one box."""

from datetime import timedelta

import pytest

from app import merchants
from app.daraja import Answer, Verdict
from app.desk import asked, listing, search
from app.desk.filters import Filters, Found
from app.extensions import db
from app.jobs import work
from app.payments import reconciliation
from app.payments.models import Receipt
from tests import factories
from tests.desk import history


def ours():
    return merchants.named("default").id


def found(typed):
    """The ids that a search leaves."""
    found = search.find(ours(), typed)
    return [row.id for row in listing.page(Filters(ours(), found=found)).rows]


@pytest.fixture
def wanjiru(app, plan):
    history.failed(plan, 9)
    return history.named(history.paid(plan, 1, ago=timedelta(hours=1)), "Wanjiru Kamau")


def test_by_receipt_however_it_is_spelled(wanjiru):
    assert found("TKL4H7Q2MX") == found("tkl4h7q2mx") == [wanjiru.id]


def test_by_a_receipt_that_is_only_claimed(app, plan):
    """Another payment has the number already: here it proves nothing, and is still found."""
    history.paid(plan, 1)
    payment, hook = factories.pending(plan, history.phone(2), "ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2", receipt="TKL4H7Q2MX"))
    work.settle_inbox()
    reconciliation.answered(payment.id, Answer(Verdict.PAID, "0", None))
    db.session.commit()
    assert db.session.query(Receipt).filter(Receipt.claimed_code.is_not(None)).count() == 1
    assert len(found("TKL4H7Q2MX")) == 2


def test_by_account_reference(wanjiru):
    reference = wanjiru.invoice.reference
    assert found(reference) == found(reference.lower()) == [wanjiru.id]


def test_by_the_customers_own_page(wanjiru):
    assert found(wanjiru.token) == [wanjiru.id]
    assert found(f"https://pay.example.co.ke/pay/{wanjiru.token}/") == [wanjiru.id]


@pytest.mark.parametrize("typed", ["Wanjiru", "wanjiru kam", "WA"])
def test_by_how_a_name_begins(wanjiru, typed):
    assert found(typed) == [wanjiru.id]


def test_a_name_that_could_be_a_receipt_is_found_too(wanjiru):
    history.named(wanjiru, "MARGARET")
    assert found("Margaret") == [wanjiru.id]


@pytest.mark.parametrize(
    "typed",
    ["%", "_anjiru", "W%", "\\", "Kamau", "x", "' or 1=1 --", "TKL4H7Q2M%", "a" * 100, "💰", "•"],
)
def test_nothing_that_is_typed_stands_for_something_else(wanjiru, typed):
    nothing = search.find(ours(), typed)
    assert nothing.nothing
    assert nothing.advice == search.HINT
    assert found(typed) == []


def test_wild_cards_in_a_name_are_letters(wanjiru):
    history.named(wanjiru, r"100%_\ Wanjiru")
    assert found("100%_\\") == [wanjiru.id]
    assert found("100_") == []


def test_too_many_people_want_more_of_the_name(wanjiru, monkeypatch):
    monkeypatch.setattr(search, "MOST_PEOPLE", 0)
    assert "type more" in search.find(ours(), "Wanj").advice


def test_money_without_a_payment_is_said_to_be_there(wanjiru):
    receipt = Receipt(
        merchant_id=ours(), code="TSUSPENSE1", amount=5, source="statement", paid_at=wanjiru.paid_at
    )
    db.session.add(receipt)
    db.session.flush()
    assert "money is there" in search.find(ours(), "TSUSPENSE1").advice
    db.session.rollback()


def test_another_merchants_payment_is_found_by_nothing(app):
    theirs = history.named(history.paid(factories.plan(factories.merchant()), 1), "Wanjiru")
    for typed in ("TKL4H7Q2MX", theirs.invoice.reference, theirs.token, "Wanjiru"):
        assert search.find(ours(), typed).nothing
    assert search.newest_from(ours(), "0712 000 001") == 0
    assert search.of_phone(ours(), theirs.id).nothing


@pytest.mark.parametrize(
    "typed", ["0712000001", "+254 712-000-001", "712 000 001", "(0712) 000001", "254712000001"]
)
def test_a_phone_in_any_spelling_becomes_the_payment_it_was_found_by(wanjiru, typed):
    kept = asked.without_number({"q": typed, "status": "paid"}, ours())
    assert kept == {"status": "paid", "phone": str(wanjiru.id)}
    found = asked.read(kept, ours()).filters.found
    assert found.said == "Phone 0712\u00a0•••\u00a0001"
    assert [row.id for row in listing.page(Filters(ours(), found=found)).rows] == [wanjiru.id]


def test_all_payments_of_the_phone_are_found(wanjiru, plan):
    again = history.failed(factories.plan(code="more"), 1)
    filters = Filters(ours(), found=search.of_phone(ours(), wanjiru.id))
    assert {row.id for row in listing.page(filters).rows} == {wanjiru.id, again.id}


def test_a_phone_that_has_paid_nothing_leaves_nothing(wanjiru):
    kept = asked.without_number({"q": "0799 999 999"}, ours())
    assert kept == {"phone": "0"}
    assert asked.read(kept, ours()).filters.found == Found("This phone number", advice=search.HINT)
