"""Staff, statements and suspense, made by the application's own verbs."""

from datetime import timedelta
from itertools import count

from app import clock, ledger, merchants, staff
from app.clock import NAIROBI
from app.daraja import Answer, Verdict
from app.extensions import db
from app.payments import booking, reconciliation, statements
from app.payments.models import Receipt
from app.payments.staff_models import Act, StatementLine

numbers = count(1)
# Of hashing a password nothing depends here, and it takes a tenth of a second.
HASH = "not a hash"
HEAD = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,"
    "Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)


def person(role="finance", merchant=None):
    merchant = merchant or merchants.named("default")
    made = staff.Staff(
        merchant_id=merchant.id,
        email=f"{role}{next(numbers)}@example.co.ke",
        role=role,
        password_hash=HASH,
    )
    db.session.add(made)
    db.session.commit()
    return made


def act(someone=None, reason="the customer called", attempt=None):
    someone = someone or person()
    return Act(someone.id, reason, attempt or f"act-{next(numbers)}")


def suspended(amount=500, code=None, merchant=None, paid_at=None):
    """Money that nobody is known for."""
    merchant = merchant or merchants.named("default")
    receipt = Receipt(
        merchant_id=merchant.id,
        code=code or f"TKL{next(numbers):07}",
        amount=amount,
        source="callback",
        paid_at=paid_at or clock.now(),
    )
    booking.to_suspense(receipt, ledger.mpesa(merchant.number))
    db.session.commit()
    return receipt


def row(code="TKL4H7Q2MX", at=None, paid_in="500.00", account="", **more):
    """A row of the portal's file. `at` is a time, now by default."""
    at = (at or clock.now()).astimezone(NAIROBI)
    time = f"{at:%d-%m-%Y %H:%M:%S}"
    values = {
        "status": "Completed",
        "withdrawn": "",
        "kind": "Pay Utility",
        "party": "2547****5678 - JANE WANJIRU",
    } | more
    return (
        f'{code},{time},{time},"Pay Bill from 2547****5678 - JANE Acc. {account}",'
        f'{values["status"]},"{paid_in}",{values["withdrawn"]},"10,000.00",true,'
        f"{values['kind']},{values['party']},,{account}"
    )


def csv(*rows, since=None, until=None, number="174379"):
    """The file, as the portal exports it."""
    since = (since or clock.now() - timedelta(days=1)).astimezone(NAIROBI)
    until = (until or clock.now()).astimezone(NAIROBI)
    lines = [
        "Organization Name:,Mwanga Academy",
        f"Short Code:,{number}",
        f"Time Period:,From {since:%d-%m-%Y %H:%M:%S},To {until:%d-%m-%Y %H:%M:%S}",
        "",
        HEAD,
        *rows,
    ]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def taken_in(*rows, merchant=None, **times):
    merchant = merchant or merchants.named("default")
    someone = person("owner", merchant)
    taken = statements.take_in(merchant, someone.id, "november.csv", csv(*rows, **times))
    db.session.commit()
    return taken


def line(code="TKL4H7Q2MX"):
    return (
        db.session.query(StatementLine).filter_by(code=code).filter(StatementLine.paid_in > 0).one()
    )


def says_paid(payment_id):
    """Safaricom's answer to a question."""
    says_paid_uncommitted(payment_id)
    db.session.commit()


def says_paid_uncommitted(payment_id):
    reconciliation.answered(payment_id, Answer(Verdict.PAID, "0", None))
