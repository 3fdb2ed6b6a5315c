"""What waits for a person when the demo opens, by the application's own verbs."""

from datetime import timedelta

from app import clock
from app.cli.history.messages import Post
from app.cli.history.story import Told
from app.cli.history.telling import Try
from app.desk import acts, days
from app.extensions import db
from app.ledger import mpesa
from app.merchants import Merchant
from app.payments import booking, disputes, matching, statements
from app.payments.disputes import Claim
from app.payments.models import Payment, Receipt
from app.payments.staff_models import Act
from app.staff import Staff

SUSPENSE = 1499
COLUMNS = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.,Reason Type"
YESTERDAY = timedelta(hours=19)
NOTES = (
    "Called: says the phone was off. Will try again tonight.",
    "Wants to pay for three months at once; told them to renew early.",
    "Asked for the receipt by SMS; sent the link.",
)


def tie(merchant: Merchant, staff: dict[str, Staff], told: Told) -> None:
    _suspend(merchant, staff["finance"], told.post)
    _dispute(staff["support"], told.paid_twice)
    _propose(staff["finance"], told.never_told, told.post)
    _note(staff["support"], told.tries)


def _suspend(merchant: Merchant, person: Staff, post: Post) -> None:
    """Somebody paid from the menu of their phone, with an account number that nobody has."""
    at = (clock.now() - YESTERDAY).replace(microsecond=0)
    code = post.receipt(at)
    time = f"{at.astimezone(clock.NAIROBI):%d-%m-%Y %H:%M:%S}"
    file = f"{COLUMNS}\n{code},{time},Completed,{SUSPENSE}.00,,MAMA JUMA,Pay Bill Online\n"
    taken = statements.take_in(merchant, person.id, "yesterday.csv", file.encode())
    receipt = Receipt(
        merchant_id=merchant.id,
        code=code,
        amount=SUSPENSE,
        source="statement",
        paid_at=at,
        created_at=at,
    )
    actor = f"staff:{person.id}"
    account = mpesa(merchant.number)
    booking.to_suspense(receipt, account, actor=actor, statement=taken.statement.id)


def _dispute(person: Staff, about: Try | None) -> None:
    if about is None:
        return
    claim = Claim("charged_twice", days.today() + days.DAY, "Says that two messages came.")
    act = Act(person.id, "opened in the demo", "demo-dispute")
    case = disputes.open_case(_payment(about), claim, act)
    case.opened_at = clock.now() - YESTERDAY


def _propose(person: Staff, about: Try | None, post: Post) -> None:
    if about is None:
        return
    reason = "The customer showed the SMS"
    act = Act(person.id, reason, "demo-proposal")
    proposal = matching.match(about.row["id"], post.receipt(about.row["accepted_at"]), act)
    if proposal is not None:
        proposal.proposed_at = clock.now() - timedelta(hours=3)


def _note(person: Staff, tries: list[Try]) -> None:
    """About the last ones that failed."""
    failed = [one for one in tries if one.row["reason"]]
    for one, text in zip(failed[-2 * len(NOTES) :: 2], NOTES, strict=False):
        note = acts.note(_payment(one), person.id, text)
        note.created_at = one.row["ended_at"] + timedelta(minutes=50)


def _payment(one: Try) -> Payment:
    return db.session.get_one(Payment, one.row["id"])
