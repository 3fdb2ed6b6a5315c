"""Does the key ring open what lies in the tables, and does the index key find it?"""

from sqlalchemy import Row, select

from app import crypto, resealing
from app.billing.models import Subscriber
from app.billing.subscriptions import phone_index
from app.checkup import BAD, OK, UNKNOWN, Check
from app.extensions import db
from app.resealing import COLUMNS, Sealed
from app.settings import settings

BACK = "Put the key back, from wherever you keep keys: nothing else opens these values."


def checks() -> list[Check]:
    return [ring(), *opened(), index()]


def ring() -> Check:
    name, ours = "Key ring", {kid for kid, _ in settings().encryption_keys}
    lacking = {
        (kid, str(sealed)) for sealed in COLUMNS for kid in resealing.keys(sealed).keys() - ours
    }
    if lacking:
        kids = ", ".join(sorted({kid for kid, _ in lacking}))
        where = ", ".join(sorted({column for _, column in lacking}))
        return Check(name, BAD, f"ENCRYPTION_KEYS lacks {kids}, which sealed {where}.", BACK)
    return Check(name, OK, "ENCRYPTION_KEYS has every key that sealed something.")


def opened() -> list[Check]:
    """One value of each column: an id may be right, and its key another one."""
    wrong = [
        str(sealed) for sealed in COLUMNS if (row := _newest(sealed)) and not _opens(sealed, row)
    ]
    if wrong:
        says = f"The key of that id does not open {', '.join(wrong)}."
        return [Check("Keys", BAD, says, BACK)]
    return [Check("Keys", OK, "The newest value of each kind opens.")]


def _newest(sealed: Sealed) -> Row[str, bytes] | None:
    """None also where a payment's token is hidden under another PHONE_INDEX_KEY: `index` tells that."""
    columns = sealed.table.c
    query = select(columns[sealed.name], sealed.value).where(sealed.value.is_not(None))
    newest = query.order_by(columns.id.desc()).limit(1)
    try:
        row: Row[str, bytes] | None = db.session.execute(newest).first()
    except crypto.CannotOpen:
        return None
    return row


def _opens(sealed: Sealed, row: Row[str, bytes]) -> bool:
    """Of a key that is not in the ring, the ring's own line tells."""
    name, value = row
    if crypto.key_id(value) not in dict(settings().encryption_keys):
        return True
    try:
        crypto.unseal(value, f"{sealed.what}|{name}")
    except crypto.CannotOpen:
        return False
    return True


def index() -> Check:
    name = "Phone index"
    known = select(Subscriber).where(Subscriber.erased_at.is_(None))
    person = db.session.scalar(known.order_by(Subscriber.id.desc()).limit(1))
    if person is None:
        return Check(name, UNKNOWN, "There is nobody yet to find.")
    try:
        fits = phone_index(person.phone or "") == person.phone_index
    except crypto.CannotOpen:
        return Check(name, UNKNOWN, "The newest customer's number cannot be opened.")
    if not fits:
        says = "PHONE_INDEX_KEY is not the one that customers were stored with: nobody is found."
        return Check(name, BAD, says, "Put the former one back; it can never be changed.")
    return Check(name, OK, "PHONE_INDEX_KEY finds the customers.")
