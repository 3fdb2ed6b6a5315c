"""M-PESA's statements: read, kept without people, compared with our books, acted on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from app import clock, merchants
from app.audit import AuditEvent
from app.clock import NAIROBI
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, comparing, statement_file, statements
from app.payments.models import Receipt
from app.payments.staff_models import Statement, StatementLine
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of

CODE = "TKL4H7Q2MX"


def default():
    return merchants.named("default")


def read(*rows, **more):
    return statement_file.read(by_hand.csv(*rows, **more))


def compared(merchant=None):
    now = clock.now()
    return comparing.compare(merchant or default(), now - timedelta(days=2), now + timedelta(1))


def paid(plan, code=CODE, amount=500, **more):
    payment, hook = factories.pending(plan, **more)
    factories.deliver(hook, factories.success(amount, code, more.get("checkout_id", "ws_CO_1")))
    work.settle_inbox()
    return payment


def unknown(plan, **more):
    """A payment of which nobody tells us."""
    return factories.pending(plan, **more)[0]


# ── reading ──


def test_a_row_is_read_with_nairobis_time_and_cents():
    [row] = read(
        by_hand.row(CODE, datetime(2026, 11, 21, 11, 43, tzinfo=UTC), "1,499.50", "MA-7K3Q9DX"),
        since=datetime(2026, 11, 21, tzinfo=UTC),
    ).rows
    assert row.completed_at == datetime(2026, 11, 21, 14, 43, tzinfo=NAIROBI)
    assert (row.code, row.paid_in, row.withdrawn) == (CODE, Decimal("1499.50"), 0)
    assert (row.reference, row.kind) == ("MA-7K3Q9DX", "Pay Utility")


@pytest.mark.parametrize("time", ["21-11-2026 14:43:00", "2026-11-21 14:43:00", "21-11-2026 14:43"])
def test_the_times_that_occur_are_read(time):
    head = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn"
    file = statement_file.read(f"{head}\n{CODE},{time},Completed,500,\n".encode())
    assert file.rows[0].completed_at == datetime(2026, 11, 21, 14, 43, tzinfo=NAIROBI)


def test_columns_in_any_order_quotes_and_line_ends():
    text = (
        '"Withdrawn","A/C No.","Paid In","TRANSACTION STATUS","Completion Time","Receipt No."\n\r\n'
        '"-1,000.00","","","COMPLETED","2026-11-21 14:43:00","TKL0000001"\r\n'
        '"","ma-7k3q9dx","1499","Completed","2026-11-21 14:43:00","tkl4h7q2mx"\r\n'
    )
    first, second = statement_file.read(text.encode("utf-8-sig")).rows
    assert (first.paid_in, first.withdrawn) == (Decimal(0), Decimal(1000))
    assert (second.code, second.paid_in) == (CODE, Decimal(1499))
    assert second.reference == "MA-7K3Q9DX"


def test_what_is_not_completed_is_left_out_and_counted():
    file = read(by_hand.row(), by_hand.row("TKLFAILED1", status="Failed"))
    assert [row.code for row in file.rows] == [CODE]
    assert file.left_out == 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (by_hand.row("no"), "Line 6, Receipt No.: not a receipt number."),
        (by_hand.row(paid_in="free"), "Line 6, Paid In: not an amount like 1,499.00."),
        (by_hand.row(paid_in="-5.00"), "Line 6, Paid In: not an amount like 1,499.00."),
        (by_hand.row(paid_in="99999999999999"), "Line 6, Paid In: not an amount like 1,499.00."),
        (by_hand.row(withdrawn="x"), "Line 6, Withdrawn: not an amount like 1,499.00."),
        (
            by_hand.row().replace(" ", "T", 1),
            "Line 6, Completion Time: not a time like 21-11-2026 14:43:00.",
        ),
        (
            by_hand.row(at=datetime(2099, 1, 1, tzinfo=UTC)),
            "Line 6, Completion Time: is in the future.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_line_and_column(row, sentence):
    with pytest.raises(Refused) as refusal:
        read(row)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not M-PESA's organisation statement"),
        (b"PK\x03\x04 an xlsx file", "not M-PESA's organisation statement"),
        (b"Receipt No.,Paid In\n", "no column Completion Time"),
        (b"x" * (statement_file.LARGEST + 1), "larger than 5 MB"),
    ],
)
def test_another_file_is_refused_in_words(content, why):
    with pytest.raises(Refused, match=why):
        statement_file.read(content)


def test_an_empty_table_without_a_period_says_nothing():
    with pytest.raises(Refused, match="no transactions"):
        statement_file.read(by_hand.HEAD.encode())


def test_a_quiet_day_is_covered_too():
    file = read()
    assert file.rows == []
    assert file.last_at - file.first_at == timedelta(days=1)


def test_the_future_of_a_period_is_not_covered():
    tomorrow = clock.now() + timedelta(days=1)
    assert read(until=tomorrow).last_at <= clock.now()


@pytest.mark.parametrize(
    "typed", ["0712345678", "254712345678", "+254 712 345 678", "2547123456789"]
)
def test_a_phone_number_as_account_number_is_not_kept(typed):
    [row] = read(by_hand.row(account=typed)).rows
    assert "•••" in row.reference
    assert "345" not in row.reference.replace("\u00a0", "")[:9]


# ── taking in ──


def test_a_statement_is_kept_without_people(app):
    taken = by_hand.taken_in(by_hand.row(), by_hand.row("TKL0000002"))
    assert (taken.new, taken.known, taken.left_out) == (2, 0, 0)
    dump = str(db.session.execute(text("select * from statement_line")).all())
    assert CODE in dump
    assert "JANE" not in dump.upper()
    assert "2547" not in dump


def test_the_same_file_again_adds_nothing(app):
    times = {"since": clock.now() - timedelta(days=1), "until": clock.now()}
    first = by_hand.taken_in(by_hand.row(), **times)
    again = by_hand.taken_in(by_hand.row(), **times)
    assert (again.new, again.known) == (0, 1)
    assert again.statement == first.statement
    assert (count_of(Statement), count_of(StatementLine)) == (1, 1)


def test_the_same_file_twice_at_once_adds_its_lines_once(app):
    content = by_hand.csv(*(by_hand.row(f"TKL{n:07}") for n in range(20)))
    someone = by_hand.person().id

    def take(_):
        statements.take_in(default(), someone, "november.csv", content)
        db.session.commit()

    at_once(app, take, 5)
    assert (count_of(Statement), count_of(StatementLine)) == (1, 20)


def test_a_fee_has_its_payments_number_and_is_no_money_in(app):
    fee = by_hand.row(paid_in="", withdrawn="11.00", kind="Business Pay Bill Charge")
    assert by_hand.taken_in(by_hand.row(), fee).new == 2
    assert by_hand.line().paid_in == 500


def test_another_numbers_statement_is_refused(app):
    with pytest.raises(Refused, match="statement of 600999"):
        by_hand.taken_in(number="600999")


def test_the_file_is_known_again_by_its_hash(app):
    by_hand.taken_in(by_hand.row())
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event.action == "statement.taken_in"
    assert len(event.details["sha256"]) == 64


# ── comparing ──


def test_what_agrees_is_counted_and_not_listed(plan):
    paid(plan)
    by_hand.taken_in(by_hand.row())
    found = compared()
    assert found.counts == {"matched": (1, 500)}
    assert (found.lines, found.ours, found.differences) == ([], [], 0)


def test_theirs_without_ours(app):
    by_hand.taken_in(by_hand.row(account="JANE"))
    [line] = compared().of("theirs")
    assert (line.code, line.reference, line.payment_id) == (CODE, "JANE", None)


def test_theirs_that_a_payment_waits_for(plan):
    payment = unknown(plan)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    assert [line.payment_id for line in compared().of("theirs")] == [payment.id]


def test_ours_without_theirs_only_where_a_statement_tells(plan):
    payment = paid(plan)
    receipt = db.session.scalars(select(Receipt)).one()
    assert compared().ours == []
    around = {"since": receipt.paid_at - timedelta(hours=1), "until": receipt.paid_at}
    by_hand.taken_in(**around)
    month = (receipt.paid_at - timedelta(days=1), receipt.paid_at + timedelta(days=1))
    [row] = comparing.compare(default(), *month).ours
    assert (row.code, row.reference) == (CODE, payment.invoice.reference)
    by_hand.taken_in(by_hand.row(at=receipt.paid_at), **around)
    assert comparing.compare(default(), *month).ours == []


def test_amounts_that_differ(plan):
    paid(plan)
    by_hand.taken_in(by_hand.row(paid_in="499.00"))
    [line] = compared().of("differs")
    assert (line.paid_in, line.booked) == (499, 500)


def test_a_receipt_without_a_number_that_a_line_explains(plan):
    payment = unknown(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    found = compared()
    assert [line.unnumbered_for for line in found.of("unnumbered")] == [payment.id]
    assert found.ours == []


def test_a_receipt_without_a_number_that_no_line_explains_is_ours_alone(plan):
    payment = unknown(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(
        by_hand.row(account=payment.invoice.reference, paid_in="300.00"),
        until=clock.now() + timedelta(minutes=1),
    )
    db.session.execute(text("update statement set last_at = now() + interval '1 minute'"))
    assert [row.code for row in compared().ours] == [None]


def test_statements_cover_a_day_together(app):
    day = datetime(2026, 11, 21, tzinfo=NAIROBI)
    noon, end = day + timedelta(hours=12), day + timedelta(days=1)
    assert not comparing.covered(default(), day, end)
    by_hand.taken_in(since=day, until=noon)
    assert not comparing.covered(default(), day, end)
    by_hand.taken_in(since=noon, until=end - timedelta(seconds=1))
    assert comparing.covered(default(), day, end)


def test_another_merchants_money_on_the_same_number_is_counted_and_not_shown(plan):
    other = factories.merchant()
    other.uses_platform_shortcode = True
    db.session.commit()
    theirs = unknown(factories.plan(other))
    reference = theirs.invoice.reference
    by_hand.taken_in(by_hand.row(account=reference))
    assert compared().counts == {"elsewhere": (1, 500)}
    with pytest.raises(Refused, match="another merchant's"):
        statements.book(by_hand.line(), by_hand.person().id)


def test_a_guest_on_the_platforms_number_sees_only_what_names_its_invoices(plan):
    guest = factories.merchant()
    guest.uses_platform_shortcode = True
    db.session.commit()
    mine = unknown(factories.plan(guest))
    rows = by_hand.row("TKLMINE001", account=mine.invoice.reference), by_hand.row("TKLNOBODY1")
    by_hand.taken_in(*rows, merchant=guest)
    found = compared(guest)
    assert [line.code for line in found.lines] == ["TKLMINE001"]
    assert found.counts["elsewhere"] == (1, 500)


# ── booking ──


def test_a_line_without_a_payment_is_booked_once(app):
    by_hand.taken_in(by_hand.row(account="JANE"))
    someone, line = by_hand.person(), by_hand.line()
    receipt = statements.book(line, someone.id)
    db.session.commit()
    assert statements.book(line, someone.id) == receipt
    assert (receipt.code, receipt.amount, receipt.source) == (CODE, 500, "statement")
    assert booking.in_suspense(default().id) == [(receipt, 500)]
    assert compared().counts == {"matched": (1, 500)}


def test_cents_are_not_booked(app):
    by_hand.taken_in(by_hand.row(paid_in="499.50"))
    line, someone = by_hand.line(), by_hand.person()
    with pytest.raises(Refused, match="whole shillings"):
        statements.book(line, someone.id)


def test_ten_people_book_a_line_once(app):
    by_hand.taken_in(by_hand.row())
    line_id, someone = by_hand.line().id, by_hand.person().id

    def book(_):
        statements.book(db.session.get_one(StatementLine, line_id), someone)
        db.session.commit()

    at_once(app, book, 10)
    assert count_of(Receipt) == 1


def test_money_that_a_payment_waits_for_is_not_booked_beside_it(plan):
    payment = unknown(plan)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    line, someone = by_hand.line(), by_hand.person()
    with pytest.raises(Refused, match="Match it instead"):
        statements.book(line, someone.id)


def test_a_tills_line_has_no_account_and_waits_for_a_prompt_of_its_minute(plan):
    payment = unknown(plan)
    by_hand.taken_in(by_hand.row(), by_hand.row("TKLEARLY01", clock.now() - timedelta(hours=2)))
    someone = by_hand.person()
    line = by_hand.line()
    with pytest.raises(Refused, match="Match it instead"):
        statements.book(line, someone.id)
    by_hand.says_paid(payment.id)
    line = by_hand.line()
    with pytest.raises(Refused, match="Give it the number"):
        statements.book(line, someone.id)
    assert statements.book(by_hand.line("TKLEARLY01"), someone.id).amount == 500
    db.session.commit()


# ── the missing number ──


def test_a_line_gives_its_number_to_the_receipt_that_had_none(plan):
    payment = unknown(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    receipt = db.session.scalars(select(Receipt)).one()
    for _ in range(2):
        statements.give_number(by_hand.line(), receipt, by_hand.act())
        db.session.commit()
    assert receipt.code == CODE
    assert compared().counts == {"matched": (1, 500)}
    events = select(AuditEvent).where(AuditEvent.action == "receipt.numbered")
    assert [event.subject_id for event in db.session.scalars(events)] == [payment.id]


def test_the_callback_that_comes_later_finds_its_number(plan):
    payment, hook = factories.pending(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    receipt = db.session.scalars(select(Receipt)).one()
    statements.give_number(by_hand.line(), receipt, by_hand.act())
    db.session.commit()
    callback_id = factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.callback(callback_id).outcome == "duplicate"
    assert count_of(Receipt) == 1


def test_a_line_of_another_amount_or_account_gives_no_number(plan):
    payment = unknown(plan)
    by_hand.says_paid(payment.id)
    reference = payment.invoice.reference
    by_hand.taken_in(
        by_hand.row("TKLAMOUNT1", account=reference, paid_in="400.00"),
        by_hand.row("TKLLATE001", clock.now() - timedelta(days=3), account=reference),
        by_hand.row("TKLNOBODY1", clock.now() - timedelta(hours=1)),
        since=clock.now() - timedelta(days=4),
    )
    receipt, act = db.session.scalars(select(Receipt)).one(), by_hand.act()
    for code in ("TKLAMOUNT1", "TKLLATE001", "TKLNOBODY1"):
        line = by_hand.line(code)
        with pytest.raises(Refused, match="do not fit"):
            statements.give_number(line, receipt, act)


def test_a_number_that_is_in_the_books_is_given_to_nobody_else(plan):
    payment = unknown(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    receipt, act, line = db.session.scalars(select(Receipt)).one(), by_hand.act(), by_hand.line()
    by_hand.suspended(code=CODE)
    with pytest.raises(Refused, match="in the books already"):
        statements.give_number(line, receipt, act)


@pytest.mark.parametrize("table", ["statement_line"])
def test_lines_are_kept_as_they_came(app, table):
    by_hand.taken_in(by_hand.row())
    with pytest.raises(Exception, match="append-only"):
        db.session.execute(text(f"update {table} set paid_in = 1"))
    db.session.rollback()
