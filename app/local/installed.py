"""Run as a script by make: names what is not, or not wholly, installed.

`name==version` is damaged, and is to be installed over; a bare name is absent or of another version.
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement  # here before anything is installed

PIN = re.compile(r"^[a-zA-Z0-9][^\n]*==[^\n\\]*", re.MULTILINE)


def main(*requirements: str) -> None:
    print(*sorted({*damaged(), *missing(*requirements)}))


def damaged() -> list[str]:
    """An interrupted pip or a cleaning hand leaves packages that pip takes for whole."""
    return [f"{found.name}=={found.version}" for found in distributions() if not _is_whole(found)]


def _is_whole(found: Distribution) -> bool:
    return all(
        Path(str(file.locate())).exists() for file in found.files or () if file.suffix != ".pyc"
    )


def missing(*requirements: str) -> list[str]:
    return [pin.name for file in requirements for pin in pins(file) if not _has(pin)]


def pins(file: str) -> list[Requirement]:
    """Those that are for this machine; the lines of their hashes are pip's to read."""
    found = [Requirement(line) for line in PIN.findall(Path(file).read_text())]
    return [pin for pin in found if pin.marker is None or pin.marker.evaluate()]


def _has(pin: Requirement) -> bool:
    try:
        return pin.specifier.contains(distribution(pin.name).version)
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
