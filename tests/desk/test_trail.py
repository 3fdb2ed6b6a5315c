"""The audit log, searched."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import text

from app import audit, clock, ledger, merchants
from app.clock import NAIROBI
from app.desk import chain, meant, trail
from app.desk.trail import Sought
from app.errors import Refused
from app.extensions import db
from app.payments import booking
from app.payments.models import Receipt
from tests import factories
from tests.desk.telling import NOON, attempt, ours, paid
from tests.web.admin.desk import hire

DAYS = 10


@pytest.fixture
def log(app):
    """Twelve events on each of ten days, the last one the 21st, by four actors in turn."""
    merchant = merchants.named("default")
    with time_machine.travel(NOON, tick=False) as traveller:
        traveller.shift(-timedelta(days=DAYS - 1).total_seconds())
        for _ in range(DAYS):
            for n in range(12):
                actor = ("safaricom", "customer", "staff:7", "worker")[n % 4]
                action = "payment.paid" if n % 2 else "staff.tested"
                audit.record(merchant, action, actor=actor, n=n)
            db.session.commit()
            traveller.shift(86_400)
    return merchant


def seqs(sought, before=None):
    return [event.seq for event in trail.page(sought, before).events]


def test_it_is_told_from_the_newest_page_by_page(log):
    everything = Sought(log.id)
    page = trail.page(everything)
    assert [event.seq for event in page.events] == list(range(120, 70, -1))
    assert page.older == 71
    page = trail.page(everything, page.older)
    assert page.events[0].seq == 70
    last = trail.page(everything, 21)
    assert [event.seq for event in last.events] == list(range(20, 0, -1))
    assert last.older is None


def test_what_is_added_meanwhile_moves_no_page(log):
    before = seqs(Sought(log.id), 71)
    audit.record(log, "test.more", actor="test")
    db.session.commit()
    assert seqs(Sought(log.id), 71) == before


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({"actor": "staff:7"}, 30),
        ({"actor": "safaricom"}, 30),
        ({"actor": "nobody"}, 0),
        ({"action": "staff."}, 50),
        ({"action": "payment.paid", "actor": "customer"}, 30),
        ({"action": "staff.", "actor": "customer"}, 0),
        ({"subjects": (("merchant", 1),)}, 50),
        ({"subjects": (("payment", 1),)}, 0),
        ({"subjects": ()}, 0),
        ({"since": date(2026, 11, 20)}, 24),
        ({"until": date(2026, 11, 12)}, 12),
        ({"since": date(2026, 11, 14), "until": date(2026, 11, 16)}, 36),
        ({"since": date(2026, 11, 14), "until": date(2026, 11, 13)}, 0),
        ({"since": date(2026, 11, 20), "actor": "staff:7"}, 6),
        ({"since": date(2030, 1, 1)}, 0),
        ({"until": date(2020, 1, 1)}, 0),
    ],
)
def test_it_is_searched_by_person_kind_object_and_day(log, sought, found):
    assert len(seqs(Sought(log.id, **sought))) == found


def test_a_percent_sign_is_a_percent_sign(log):
    assert seqs(Sought(log.id, action="%")) == []


def test_a_date_is_found_by_halving(log):
    for days, number in ((0, 0), (1, 12), (5, 60), (10, 120), (99, 120)):
        time = datetime(2026, 11, 12, tzinfo=NAIROBI) + timedelta(days=days)
        assert trail.number_at(log.id, time) == number


def test_a_search_stops_after_a_stretch_and_goes_on_from_there(log, monkeypatch):
    monkeypatch.setattr(trail, "STRETCH", 30)
    sought = Sought(log.id, action="nothing.such")
    page = trail.page(sought)
    assert (page.events, page.older) == ([], 91)
    assert page.looked_back_to is not None
    stretches = 1
    while page.older:
        page = trail.page(sought, page.older)
        stretches += 1
    assert stretches == 4


def test_a_person_and_an_object_are_found_however_far_back(log, monkeypatch):
    monkeypatch.setattr(trail, "STRETCH", 1)
    assert len(seqs(Sought(log.id, actor="staff:7"))) == 30
    assert len(seqs(Sought(log.id, subjects=(("merchant", log.id),)))) == 50


def test_all_of_it_oldest_first_a_few_at_a_time(log):
    assert [event.seq for event in trail.every(Sought(log.id), 7)] == list(range(1, 121))
    mine = Sought(log.id, actor="staff:7", since=date(2026, 11, 20))
    assert [event.seq for event in trail.every(mine, 5)] == [99, 103, 107, 111, 115, 119]


def test_the_index_of_people_is_used_for_them(log):
    """As the planner may: the query says the index's own condition. Of few rows another would do as well."""
    other = "alter table audit_event drop constraint uq_audit_event_merchant_id_seq"
    db.session.execute(text(other))  # until the rollback
    db.session.execute(text("set local enable_seqscan = off"))
    db.session.execute(text("set local enable_bitmapscan = off"))
    query = trail.query(Sought(log.id, actor="staff:7"), 1, 120, 50)
    plan = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    explained = db.session.scalars(text(f"explain {plan}")).all()
    assert "ix_audit_event_person" in "\n".join(explained)
    db.session.rollback()


def test_another_merchants_events_are_theirs(log):
    duka = factories.merchant()
    assert {event.action for event in trail.page(Sought(duka.id)).events} == {"merchant.created"}
    assert seqs(Sought(duka.id, actor="staff:7")) == []


def test_an_empty_log(app):
    with_nothing = Sought(ours())
    db.session.execute(text("delete from audit_head"))
    assert trail.page(with_nothing) == trail.Page([], None)
    assert list(trail.every(with_nothing)) == []
    assert chain.length(ours()) == 0


def test_an_object_is_meant_by_its_number_an_account_or_a_receipt(plan):
    payment = attempt(plan, paid)
    receipt = payment.invoice.reference
    about = meant.subjects(ours(), receipt.lower())
    assert about == (
        ("invoice", payment.invoice_id),
        ("subscription", payment.invoice.subscription_id),
        ("payment", payment.id),
    )
    code = db.session.scalar(text("select code from receipt"))
    assert meant.subjects(ours(), code) == (("receipt", 1), ("payment", payment.id))
    for typed in ("payment 17", "Payment  17", "payment#17", "payment: 17"):
        assert meant.subjects(ours(), typed) == (("payment", 17),)
    assert meant.subjects(ours(), "rate bucket 3") == (("rate_bucket", 3),)
    assert meant.subjects(ours(), "MA-0000000") == ()
    assert meant.subjects(factories.merchant().id, receipt) == ()
    with pytest.raises(Refused, match="payment 17"):
        meant.subjects(ours(), "who did it?")


def test_money_without_a_payment_is_meant_by_its_number(app):
    at = clock.now()
    receipt = Receipt(
        merchant_id=ours(), code="TKS0000001", amount=5, source="statement", paid_at=at
    )
    booking.to_suspense(receipt, ledger.mpesa("174379"))
    assert meant.subjects(ours(), receipt.code) == (("receipt", receipt.id),)


def test_operators_have_no_name_but_among_themselves(app):
    mine, operator = hire("owner", name="Mary"), hire("operator", name="Dennis")
    stranger = hire("owner", factories.merchant(), name="Omar")
    for person in (mine, operator, stranger):
        audit.record(merchants.named("default"), "test.done", actor=f"staff:{person.id}")
    audit.record(merchants.named("default"), "test.done", actor="staff:odd")
    db.session.commit()
    events = trail.page(Sought(ours())).events
    ids = (mine.id, operator.id, stranger.id)
    known = meant.names(events, ours())
    assert [known[one] for one in ids] == ["Mary", "An operator", "An operator"]
    known = meant.names(events, ours(), operators=True)
    assert [known[one] for one in ids] == ["Mary", "Dennis", "Omar"]
    people = meant.people(ours())
    assert people[f"staff:{mine.id}"] == "Mary"
    assert f"staff:{operator.id}" not in people
    assert people["safaricom"] == "M-PESA"
