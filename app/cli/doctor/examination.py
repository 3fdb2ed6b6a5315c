"""What is looked at, in which order, and what need not be looked at because something before is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.checkup import BAD, UNKNOWN, Check, database
from app.cli.doctor import address, keys, processes, redis, sellers
from app.cli.doctor import settings as ours
from app.extensions import db
from app.merchants import DEFAULT
from app.settings import settings

MPESA = (
    *("MPESA_ENVIRONMENT", "MPESA_BASE_URL", "MPESA_CONSUMER_KEY", "MPESA_CONSUMER_SECRET"),
    *("MPESA_PASSKEY", "MPESA_SHORTCODE", "MPESA_TYPE", "MPESA_TILL"),
)
Findings = dict[str, list[Check]]  # by what they are about


@dataclass(frozen=True)
class Part:
    about: str
    checks: Callable[[], list[Check]]
    needs: tuple[str, ...] = ()  # settings without which it would look at something else
    in_database: bool = False


def _database() -> list[Check]:
    return database.checks(settings().mpesa_environment)


PARTS = (
    Part("Settings", ours.checks, ("SECRET_KEY", "ENCRYPTION_KEYS", "PHONE_INDEX_KEY")),
    Part("Database", _database, ("DATABASE_URL",)),
    Part("Redis", redis.checks, ("REDIS_URL",)),
    Part(
        "Keys",
        keys.checks,
        ("DATABASE_URL", "ENCRYPTION_KEYS", "PHONE_INDEX_KEY"),
        in_database=True,
    ),
    Part("Processes", processes.checks, ("DATABASE_URL",), in_database=True),
)


def examined(bad: Mapping[str, str]) -> Findings:
    """`bad`: the sentence about each setting that stops the start."""
    findings = {"Settings": [Check("Start", BAD, sentence) for sentence in bad.values()]}
    for part in PARTS:
        findings[part.about] = findings.get(part.about, []) + _looked(part, bad, findings)
    return findings | _merchants(bad)


def _looked(part: Part, bad: Mapping[str, str], findings: Findings) -> list[Check]:
    if wrong := [name for name in part.needs if name in bad]:
        return [_not_looked(f"{wrong[0]} must be right first.")]
    if part.in_database and any(check.state == BAD for check in findings["Database"][:2]):
        return [_not_looked("the database must be right first.")]
    try:
        return part.checks()
    except SQLAlchemyError as error:
        db.session.rollback()
        return [_not_looked(f"the database did not answer ({type(error).__name__}).")]


def _not_looked(why: str) -> Check:
    return Check("All of it", UNKNOWN, f"Not looked at: {why}")


def _merchants(bad: Mapping[str, str]) -> Findings:
    """Safaricom is asked here, and our own address: seconds."""
    if wrong := [name for name in (*MPESA, "PUBLIC_BASE_URL", "PHONE_INDEX_KEY") if name in bad]:
        return {"Address": [_not_looked(f"{wrong[0]} must be right first.")]}
    looks, problems = sellers.known()
    default = looks.get(DEFAULT) or sellers.without_database()
    findings = {"Address": address.checks(default)}
    findings |= {f"Merchant {slug}": sellers.checks(look) for slug, look in looks.items()}
    return findings | {f"Merchant {slug}": [problem] for slug, problem in problems.items()}
