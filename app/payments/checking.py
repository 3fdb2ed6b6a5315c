"""What must be true of a statement's line before anybody acts on it. All of these raise Refused."""

from sqlalchemy import select, text

from app.billing.models import Invoice
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import comparing
from app.payments.staff_models import StatementLine

# A till's line names nobody: it may be what a neighbour's prompt of its minutes has brought.
NEIGHBOURS_PROMPT = """
    select p.id from payment p left join receipt n on n.payment_id = p.id
    where p.merchant_id = any(:neighbours) and p.amount = :amount and n.code is null
      and p.created_at between :at - interval '11 minutes' and :at + interval '2 minutes'
      and :at between p.sending_at - interval '2 minutes' and p.sending_at + interval '10 minutes'
      and (p.status <> 'failed' or p.reason in ('no_answer', 'unknown')) limit 1"""


def check_ours(found: comparing.Line) -> None:
    """Not in the books, and not another merchant's."""
    if found.bucket == comparing.TAKEN:
        raise Refused(
            f"{found.code} is in another merchant's books. Ask whoever runs this installation."
        )
    if found.bucket == comparing.ELSEWHERE:
        raise Refused("This money is another merchant's, who is paid through the same number.")
    if found.receipt_id is not None:
        raise Refused(f"{found.code} is in the books already.")


def check_new(found: comparing.Line) -> None:
    """Not in the books, be it without its number (M1), and not gone."""
    check_ours(found)
    check_kept(found)
    if found.unnumbered_id is not None:
        raise Refused(
            "This is the money of a receipt that has no number yet. Give it the number instead."
        )


def check_kept(found: comparing.Line) -> None:
    if found.reversed:
        raise Refused(f"M-PESA took this money back: a statement has the reversal of {found.code}.")


def check_free(found: comparing.Line) -> None:
    """Nobody's: the same money must not come in twice (M1)."""
    check_new(found)
    if found.payment_id is not None:
        raise Refused("A payment of that amount waits for this money. Match it instead.")


def check_not_a_neighbours(merchant: Merchant, line: StatementLine) -> None:
    """Not what another merchant's prompt may have brought."""
    named = (Invoice.merchant_id == merchant.id, Invoice.reference == line.reference)
    if db.session.scalar(select(Invoice.id).where(*named)) is not None:
        return
    values = {
        "at": line.completed_at,
        "amount": line.paid_in,
        "neighbours": comparing.neighbours(merchant),
    }
    if db.session.scalar(text(NEIGHBOURS_PROMPT), values) is not None:
        raise Refused(
            "It may be another merchant's, who is paid through the same number: a payment of theirs "
            "waits for as much. Ask again when that is known."
        )
