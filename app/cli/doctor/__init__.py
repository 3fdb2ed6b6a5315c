"""`flask doctor`: everything that must be right before real money moves, in plain sentences."""

import json
import sys
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import with_appcontext

from app.checkup import BAD, WARN
from app.cli.doctor import examination
from app.cli.doctor.examination import Findings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_appcontext
def doctor(*, as_json: bool) -> None:
    """Looks at settings, database, Redis, keys, processes, addresses and each merchant's M-PESA.

    Exits 1 when something is wrong. Asks Safaricom for a token of each merchant; changes nothing but
    one message of a stranger in the inbox, which goes after a day.
    """
    findings = examination.examined(current_app.extensions.get("malipo.bad_settings", {}))
    wrong = _count(findings, BAD)
    click.echo(_as_json(findings) if as_json else _as_text(findings))
    sys.exit(1 if wrong else 0)


def _count(findings: Findings, state: str) -> int:
    return sum(check.state == state for checks in findings.values() for check in checks)


def _as_json(findings: Findings) -> str:
    rows = [
        {"about": about, **asdict(check)} for about, checks in findings.items() for check in checks
    ]
    return json.dumps({"ok": not _count(findings, BAD), "checks": rows}, indent=1)


def _as_text(findings: Findings) -> str:
    lines = []
    for about, checks in findings.items():
        lines.append(about)
        for check in checks:
            lines.append(f"  {check.state:<8} {check.name}: {check.says}")
            if check.mend:
                lines.append(f"  {'':<8} → {check.mend}")
    return "\n".join([*lines, "", _sum(_count(findings, BAD), _count(findings, WARN))])


def _sum(wrong: int, warnings: int) -> str:
    if wrong:
        return f"Wrong: {wrong}. Warnings: {warnings}."
    return f"Nothing is wrong. Warnings: {warnings}."


COMMANDS = (doctor,)
