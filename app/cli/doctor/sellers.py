"""Each merchant's M-PESA settings: looked at, and tried at Safaricom."""

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import checkup
from app.checkup import BAD, OK, WARN, Check, Look, connection
from app.checkup import checks as offline
from app.crypto import CannotOpen
from app.extensions import db
from app.jobs import trying
from app.merchants import DEFAULT, Merchant, mpesa
from app.merchants.verification import FAILED, UNTRIED
from app.settings import settings

TRIED = "Consumer key and secret"
OF_EACH = (
    offline.number,
    offline.passkey,
    offline.callback,
    offline.others_number,
    offline.certificate,
)
NAMED = (
    "An app of the sandbox has other keys than one of production: "
    "compare MPESA_ENVIRONMENT with the portal."
)
AWAY = "See that this machine reaches Safaricom: DNS, firewall, a proxy on the way out."


def without_database() -> Look:
    """The default merchant, as the settings describe it."""
    unstored = Merchant(slug=DEFAULT)
    ours = settings()
    return Look(ours.mpesa_environment, ours.public_base_url, unstored.credentials(), UNTRIED)


def looked() -> tuple[dict[str, Look], dict[str, Check]]:
    """By slug: what was found, or why nothing could be."""
    looks, problems = dict[str, Look](), dict[str, Check]()
    for merchant in db.session.scalars(select(Merchant).order_by(Merchant.id)):
        if problem := _half_made(merchant):
            problems[merchant.slug] = problem
            continue
        try:
            looks[merchant.slug] = checkup.look(merchant)
        except CannotOpen:
            says = "A secret cannot be opened: its key is missing from ENCRYPTION_KEYS."
            problems[merchant.slug] = Check("Secrets", BAD, says, "See “Key ring”.")
    db.session.rollback()
    return looks, problems


def _half_made(merchant: Merchant) -> Check | None:
    missing = [] if merchant.on_platform else mpesa.missing_of_own(merchant)
    if not missing:
        return None
    says = f"Its {' and '.join(missing)} are not set: nobody can pay."
    return Check("Secrets", WARN, says, "Its owner sets them at /admin/settings/.")


def checks(look: Look) -> list[Check]:
    return [tried(look), *(check(look) for check in OF_EACH)]


def tried(look: Look) -> Check:
    """No transaction is open while Safaricom thinks."""
    found = connection.try_keys(trying.client(look.credentials))
    if found.state == FAILED:
        unheard = found.reason.startswith(connection.UNHEARD)
        return Check(TRIED, BAD, found.reason, AWAY if unheard else NAMED)
    return Check(TRIED, OK, found.reason)


def known() -> tuple[dict[str, Look], dict[str, Check]]:
    try:
        return looked()
    except SQLAlchemyError:
        db.session.rollback()
        return {DEFAULT: without_database()}, {}
