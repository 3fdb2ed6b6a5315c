"""Is PostgreSQL as the books need it?"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.checkup import migrations
from app.checkup.check import BAD, OK, WARN, Check
from app.extensions import db
from app.staff import Staff

OLDEST = 15
REACHED = "Reached"
BOOKS = ("ledger_entry", "audit_event", "allocation")  # nobody may change them (C40)
CHANGES = ("update", "delete", "truncate")
SAFE = ("fsync", "full_page_writes", "synchronous_commit")
INVENTED = "%@example.co.ke"  # whom `flask demo` hires
ROLE = 'Run deploy/app-role.sql as the owner of the tables: psql "$OWNER_URL" -v role=… -f …'


def checks(environment: str) -> list[Check]:
    """What a laptop may do with the simulator, an installation may not."""
    serious = WARN if environment == "simulator" else BAD
    try:
        found = [reached(), level()]
    except SQLAlchemyError as error:
        db.session.rollback()
        return [_unreached(error)]
    if all(check.state == OK for check in found):
        found += [check(serious) for check in TABLES]
    return found


def _unreached(error: SQLAlchemyError) -> Check:
    says = f"PostgreSQL does not let us in ({_reason(error)})."
    return Check(REACHED, BAD, says, "See that it runs, and that DATABASE_URL is right.")


def _reason(error: SQLAlchemyError) -> str:
    """The server's own first line, which names no password; else only the kind."""
    lines = str(getattr(error, "orig", "") or type(error).__name__).strip().splitlines()
    return lines[0].strip()[:200]


def reached() -> Check:
    number = int(db.session.scalar(text("show server_version_num")) or 0)
    if number // 10_000 < OLDEST:
        says = f"PostgreSQL {number // 10_000} is too old."
        return Check(REACHED, BAD, says, f"Malipo needs {OLDEST} or newer.")
    return Check(REACHED, OK, f"PostgreSQL {number // 10_000}.")


def level() -> Check:
    name, upgrade = "Migrations", "flask db upgrade, as the owner of the tables."
    if db.session.scalar(text("select to_regclass('alembic_version')")) is None:
        return Check(name, BAD, "The database is empty.", upgrade)
    match migrations.level():
        case migrations.Level.BEHIND:
            return Check(name, BAD, "The tables are older than this code.", upgrade)
        case migrations.Level.AHEAD:
            return Check(name, WARN, "The tables are newer than this code.", "Finish the upgrade.")
    return Check(name, OK, "The tables are this code's.")


def books(serious: str) -> Check:
    rights = [(table, change) for table in BOOKS for change in CHANGES if _may(table, change)]
    name = "The books are closed"
    if rights:
        table, change = rights[0]
        says = f"The role of DATABASE_URL may {change} {table}: nothing must be able to."
        return Check(name, serious, says, ROLE)
    return Check(name, OK, "The role of DATABASE_URL cannot change what is booked.")


def rights(_serious: str) -> Check:
    """A migration adds tables; the role's script is to be run again after it."""
    lacking = [table for table in db.metadata.tables if not _may(table, "select")]
    lacking += [table for table in db.metadata.tables if not _may(table, "insert")]
    if lacking:
        says = f"The role of DATABASE_URL may not use {', '.join(sorted(set(lacking)))}."
        return Check("Rights", BAD, says, ROLE)
    return Check("Rights", OK, "The role of DATABASE_URL may use every table.")


def _may(table: str, what: str) -> bool:
    asked = text("select has_table_privilege(:table, :what)")
    return bool(db.session.scalar(asked, {"table": table, "what": what}))


def durable(serious: str) -> Check:
    name = "Nothing is forgotten"
    off = [setting for setting in SAFE if _shown(setting) == "off"]
    if off:
        says = f"{', '.join(off)} off: a crash loses payments that were confirmed."
        return Check(name, serious, says, f"Turn {', '.join(off)} on in PostgreSQL.")
    return Check(name, OK, "What PostgreSQL confirms survives a crash.")


def _shown(setting: str) -> str:
    return str(db.session.scalar(text("select current_setting(:name)"), {"name": setting}))


def encrypted(serious: str) -> Check:
    name, row = "On the way", _connection()
    if row.ssl or row.address is None or ip_address(row.address).is_loopback:
        return Check(name, OK, "Nobody can listen between us and PostgreSQL.")
    says = "The connection to PostgreSQL is not encrypted."
    state = WARN if ip_address(row.address).is_private else serious
    return Check(name, state, says, "Add ?sslmode=verify-full to DATABASE_URL.")


def _connection() -> Row[Any]:
    mine = "select ssl, host(inet_server_addr()) as address from pg_stat_ssl"
    return db.session.execute(text(f"{mine} where pid = pg_backend_pid()")).one()


def people(serious: str) -> Check:
    may_enter = select(Staff.email).where(Staff.email.like(INVENTED), Staff.disabled_at.is_(None))
    invented = db.session.scalars(may_enter).all()
    if invented and serious == BAD:
        says = f"{len(invented)} accounts of the demo may sign in, {min(invented)} for one."
        return Check("People", BAD, says, "Start with an empty database, or disable them.")
    return Check("People", OK, "None of the demo's." if not invented else "The demo's.")


TABLES: tuple[Callable[[str], Check], ...] = (books, rights, durable, encrypted, people)
