"""Something on every page for money by hand, made as finance makes it."""

from datetime import timedelta
from io import BytesIO

from sqlalchemy import select

from app import clock, merchants
from app.billing import subscriptions
from app.extensions import db
from app.jobs import work
from app.payments import closing
from app.payments.staff_models import MatchProposal, Reallocation
from tests import factories
from tests.payments import by_hand
from tests.web import forms
from tests.web.admin.desk import send

HOME = "/admin/reconciliation/"
STATEMENTS = "/admin/reconciliation/statements"


def unconfirmed(plan):
    """A payment whose prompt was never answered for, with its hook."""
    payment, hook = factories.pending(plan)
    payment.move_to("unconfirmed", actor="sweep")
    db.session.commit()
    payment.hook = hook
    return payment


def customer(phone="254722000001"):
    made = subscriptions.subscriber(merchants.named("default").id, phone)
    db.session.commit()
    return made.id


def upload(client, content, name="november.csv"):
    token = forms.fields_any(client.get(STATEMENTS))
    data = {"csrf_token": token, "file": (BytesIO(content), name)}
    return client.post(STATEMENTS, data=data, content_type="multipart/form-data")


def receipt_url(receipt):
    return f"/admin/reconciliation/receipts/{receipt.id}/"


def move_url(receipt, to, source=0):
    return f"{receipt_url(receipt)}move/{source}/{to}"


def close_url(days=1):
    return f"/admin/reconciliation/close/{closing.today() - timedelta(days=days)}/"


def open_case(client, payment, says="I paid two times."):
    due = closing.today() + timedelta(days=3)
    data = {"kind": "charged_twice", "says": says, "due_on": due.isoformat()}
    return send(client, f"/admin/payments/{payment.id}/dispute", **data).location


def lines_for(payment):
    """Of a statement: one that a payment waits for, one of nobody, one of another amount."""
    early = clock.now() - timedelta(hours=5)
    by_hand.suspended(100, "TKLDIFFER1")
    return by_hand.csv(
        by_hand.row(account=payment.invoice.reference, paid_in=str(payment.amount)),
        by_hand.row("TKLNOBODY1", early, account="<b>JANE"),
        by_hand.row("TKLDIFFER1", early, "90.50"),
    )


def everything(client, plan):
    """The addresses of all pages. `client` is somebody of finance's."""
    payment = unconfirmed(plan)
    dispute = open_case(client, payment)
    send(client, dispute, text="There is one receipt in the books, and one line in the statement.")
    upload(client, lines_for(payment))
    receipt, jane = by_hand.suspended(900), customer()
    send(client, move_url(receipt, jane), amount="500", reason="hers, she called")
    row = db.session.scalars(select(Reallocation)).one()
    nameless, _ = factories.pending(plan, "254733000001", "ws_CO_3")
    by_hand.says_paid(nameless.id)
    upload(
        client,
        by_hand.csv(
            by_hand.row(
                "TKLNUMBER1", account=nameless.invoice.reference, paid_in=str(nameless.amount)
            )
        ),
    )
    send(client, f"/admin/payments/{payment.id}/match", code="TKLOTHER01", reason="SMS seen")
    proposal = db.session.scalars(select(MatchProposal)).one()
    work.settle_inbox()
    return {
        "index": HOME,
        "statements": STATEMENTS,
        "report": "/admin/reconciliation/report",
        "receipt": receipt_url(receipt),
        "allocate": move_url(receipt, jane),
        "back": move_url(receipt, 0, jane),
        "undo": f"{receipt_url(receipt)}undo/{row.id}",
        "match": f"/admin/payments/{payment.id}/match?code=%3Cb%3EJANE",
        "approve": f"/admin/reconciliation/proposals/{proposal.id}/approve",
        "proposals": "/admin/reconciliation/proposals",
        "number": f"/admin/reconciliation/lines/{by_hand.line('TKLNUMBER1').id}/number",
        "no number": f"/admin/reconciliation/lines/{by_hand.line().id}/number",
        "close": close_url(),
        "today": close_url(0),
        "disputes": "/admin/disputes/",
        "new dispute": f"/admin/payments/{payment.id}/dispute",
        "dispute": dispute,
        "close dispute": f"{dispute}/close",
        "evidence": f"{dispute}/evidence",
    }
