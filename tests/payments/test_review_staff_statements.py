"""An independent review of statements: wrong ones, forged ones, and ones that several merchants have."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock, merchants
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.ledger import LedgerEntry
from app.payments import closing, comparing, matching, reallocating, statement_file, statements
from app.payments.alerts import Alert
from app.payments.models import Receipt
from app.payments.staff_models import StatementLine
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import count_of
from tests.payments.test_review_staff_money import booked, matched, refused, unconfirmed

CODE, OTHER = "TKL4H7Q2MX", "TKL0000002"


def default():
    return merchants.named("default")


def compared(merchant=None):
    now = clock.now()
    return comparing.compare(merchant or default(), now - timedelta(days=2), now + timedelta(1))


def disagreements():
    wanted = select(Alert.text).where(Alert.kind == "statements_disagree")
    return list(db.session.scalars(wanted.order_by(Alert.id)))


def book(merchant, code=CODE):
    line = db.session.scalars(
        select(StatementLine).where(
            StatementLine.merchant_id == merchant.id,
            StatementLine.code == code,
        )
    ).one()
    receipt = statements.book(line, by_hand.person("owner", merchant).id)
    db.session.commit()
    return receipt


# ── a file that is not what M-PESA wrote ──


def test_a_line_that_a_later_file_tells_otherwise_is_told_of(app):
    at = clock.now() - timedelta(hours=2)
    by_hand.taken_in(by_hand.row(CODE, at, "5,000.00"), by_hand.row(OTHER, at))
    again = by_hand.taken_in(by_hand.row(CODE, at, "500.00"), by_hand.row(OTHER, at))
    assert (again.new, again.disagree) == (0, 1)
    [said] = disagreements()
    assert CODE in said
    assert OTHER not in said


@pytest.mark.parametrize("says_its_number", [True, False])
def test_a_line_that_a_fresh_export_does_not_have_is_told_of_once(app, says_its_number):
    at, until = clock.now() - timedelta(hours=2), clock.now()
    forged = by_hand.csv(by_hand.row(CODE, at), by_hand.row(OTHER, at), until=until)
    if not says_its_number:
        forged = forged.replace(b"Short Code:,174379\r\n", b"")
    statements.take_in(default(), by_hand.person().id, "forged.csv", forged)
    db.session.commit()
    assert disagreements() == []
    for minutes in (0, 1):  # the fresh one, and another one after it
        by_hand.taken_in(by_hand.row(OTHER, at), until=until + timedelta(minutes=minutes))
    [said] = disagreements()
    assert CODE in said


def test_what_a_file_does_not_cover_it_does_not_deny(app):
    at = clock.now() - timedelta(hours=2)
    by_hand.taken_in(by_hand.row(CODE, at))
    assert by_hand.taken_in(since=at + timedelta(minutes=1)).disagree == 0
    till = factories.merchant("till", till="123456", shortcode="600777")
    by_hand.taken_in(by_hand.row(CODE, at), merchant=till, number="600777")
    assert by_hand.taken_in(merchant=till, number="600778").disagree == 0  # its other store


@pytest.mark.parametrize("time", ["01-01-0001 00:00:00", "05-03-2007 23:59:59"])
def test_a_time_before_there_was_an_mpesa_is_refused(app, time):
    head = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn"
    with pytest.raises(Refused, match="Completion Time"):
        statement_file.read(f"{head}\n{CODE},{time},Completed,500,\n".encode())


def test_a_period_since_the_year_one_is_no_period(app):
    since = clock.now() - timedelta(days=1)
    named = f"{since.astimezone(clock.NAIROBI):%d-%m-%Y}".encode()
    content = by_hand.csv(by_hand.row(), since=since).replace(b"From " + named, b"From 01-01-0001")
    taken = statements.take_in(default(), by_hand.person().id, "odd.csv", content)
    db.session.commit()
    assert taken.statement.first_at == by_hand.line().completed_at


def test_control_characters_are_not_kept(app):
    row = by_hand.row(CODE, account="JA\x00NE\x1b", kind="Pay \x00Utility")
    statements.take_in(default(), by_hand.person().id, "a\x00b.csv", by_hand.csv(row))
    db.session.commit()
    line = by_hand.line()
    assert (line.reference, line.kind) == ("JANE", "Pay Utility")


@pytest.mark.parametrize("typed", ["JANE 0712 345 678", "254-712-345678 J", "0712.345.678JANE"])
def test_a_phone_number_among_words_is_not_kept(app, typed):
    row = by_hand.row(CODE, account=typed, kind=f"To {typed}")
    statements.take_in(default(), by_hand.person().id, f"{typed}.csv", by_hand.csv(row))
    db.session.commit()
    line, kept = by_hand.line(), statements.newest(default(), 1)[0]
    for text in (line.reference, line.kind, kept.name):
        assert "•••678" in text
        assert "345" not in text


def test_letters_that_become_others_are_no_number():
    for typed in ("TKL4H7Q2\u00df", "TKL4H7Q2\ufb01"):  # ß becomes SS, the ligature fi becomes FI
        with pytest.raises(Refused):
            matching.typed_code(typed)


# ── money that M-PESA took back ──


def taken_back(code=CODE, **more):
    reversal = by_hand.row("TKM0000001", paid_in="", withdrawn="-500.00", kind="Pay Bill Reversal")
    return reversal.replace("- JANE WANJIRU,,", f"- JANE WANJIRU,{code},")


def test_money_that_was_taken_back_pays_nothing_and_is_not_booked(plan):
    payment = unconfirmed(plan)
    by_hand.taken_in(by_hand.row(CODE, account=payment.invoice.reference), taken_back())
    refused(matching.match, payment.id, CODE, by_hand.act(), why="took this money back")
    refused(statements.book, by_hand.line(), by_hand.person().id, why="took this money back")
    found = compared()
    assert (found.counts, found.differences) == ({"reversed": (1, 500)}, 0)


def test_money_in_our_books_that_was_taken_back_is_a_difference(plan):
    receipt = booked()
    payment = unconfirmed(plan)
    by_hand.taken_in(taken_back())
    [line] = compared().of("differs")
    assert (line.code, line.reversed) == (CODE, True)
    refused(matching.match, payment.id, CODE, by_hand.act(), why="took this money back")
    jane = payment.invoice.subscription.subscriber_id
    move = (receipt.id, jane, 500, by_hand.act())
    refused(reallocating.allocate, *move, why="took this money back")


def test_a_fee_does_not_take_its_payment_back(plan):
    payment = unconfirmed(plan)
    fee = by_hand.row(CODE, paid_in="", withdrawn="5.00", kind="Business Pay Bill Charge")
    by_hand.taken_in(by_hand.row(CODE, account=payment.invoice.reference), fee)
    assert matched(payment) is None


# ── several numbers, several merchants ──


def test_two_numbers_of_one_merchant_are_two_statements(plan):
    """Of the same day, with as many lines: the money is booked where it is."""
    payment = unconfirmed(plan)
    payment.shortcode = "600555"  # it went through the number that they had before
    db.session.commit()
    day = closing.bounds(closing.today() - timedelta(days=1))
    for number, code in (("174379", CODE), ("600555", OTHER)):
        row = by_hand.row(code, day[0] + timedelta(hours=9), account="JANE")
        by_hand.taken_in(row, since=day[0], until=day[1], number=number)
        book(default(), code)
    accounts = select(LedgerEntry.account).where(LedgerEntry.account.like("mpesa:%"))
    assert set(db.session.scalars(accounts)) == {"mpesa:174379", "mpesa:600555"}


def test_a_line_of_another_number_does_not_pay_a_payment_that_did_not_go_there(plan):
    before = unconfirmed(plan, factories.PHONE, "ws_CO_1")
    before.shortcode = "600555"
    db.session.commit()
    payment = unconfirmed(plan)
    by_hand.taken_in(by_hand.row(CODE, clock.now() - timedelta(hours=3)), number="600555")
    refused(matching.match, payment.id, CODE, by_hand.act(), why="came to 600555")


def test_who_has_left_the_platforms_number_does_not_book_what_came_to_it(plan):
    guest = factories.merchant()
    guest.uses_platform_shortcode = True
    db.session.commit()
    mine = unconfirmed(factories.plan(guest))
    theirs = unconfirmed(plan, "254722000009", "ws_CO_9")
    guest.uses_platform_shortcode = False
    db.session.commit()
    rows = (
        by_hand.row("TKLMINE001", account=mine.invoice.reference),
        by_hand.row("TKLTHEIRS1", account=theirs.invoice.reference),
        by_hand.row("TKLNOBODY1"),
    )
    by_hand.taken_in(*rows, merchant=guest)
    found = compared(guest)
    assert [line.code for line in found.lines] == ["TKLMINE001"]
    for code in ("TKLTHEIRS1", "TKLNOBODY1"):
        refused(book, guest, code, why="another merchant's")


def test_a_number_that_a_stranger_has_in_their_books_is_a_difference(app):
    """Any merchant can write a file. Then ours says so; it does not count the money as theirs."""
    stranger = factories.merchant()
    by_hand.taken_in(by_hand.row(), merchant=stranger, number="600123")
    book(stranger)
    by_hand.taken_in(by_hand.row())
    found = compared()
    assert (found.counts, found.differences) == ({"taken": (1, 500)}, 1)
    assert found.of("taken")[0].booked is None
    refused(book, default(), why="another merchant")


def test_money_of_a_guests_payment_through_our_number_is_no_difference(plan):
    guest = factories.merchant()
    guest.uses_platform_shortcode = True
    db.session.commit()
    payment, hook = factories.pending(factories.plan(guest))
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    by_hand.taken_in(by_hand.row())  # a till's: it names nobody
    found = compared()
    assert (found.counts, found.differences) == ({"elsewhere": (1, 500)}, 0)


@pytest.mark.parametrize("known", [False, True])
def test_at_a_shared_till_nobody_books_what_a_guests_prompt_may_have_brought(plan, known):
    guest = factories.merchant()
    guest.uses_platform_shortcode = True
    db.session.commit()
    payment = unconfirmed(factories.plan(guest))
    if known:
        by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(), by_hand.row(OTHER, clock.now() - timedelta(hours=2)))
    refused(book, default(), why="another merchant's")
    assert book(default(), OTHER).amount == 500
    assert count_of(Receipt) == 1 + known
