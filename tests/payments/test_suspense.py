from datetime import timedelta

from app import clock, ledger, merchants
from app.extensions import db
from app.jobs import work
from app.payments import booking
from app.payments.models import Receipt
from tests import factories


def test_money_without_an_owner_is_listed_with_its_age(plan, cli):
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    merchant = merchants.named("default")
    nobodys = Receipt(
        merchant_id=merchant.id,
        code="TKLNOBODY1",
        amount=70,
        source="callback",
        paid_at=clock.now() - timedelta(days=3),
    )
    booking.to_suspense(nobodys, ledger.mpesa(merchant.number))
    db.session.commit()
    listed = cli.invoke(args=["suspense"]).output
    assert listed == "receipt 2  TKLNOBODY1  KSh 70  3 days\n"
