"""Run as a script by make: prints the pins of packages that are not, or not wholly, installed."""

import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path


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
    lines = [line.strip() for file in requirements for line in Path(file).read_text().splitlines()]
    return [line for line in lines if "==" in line and not _has(*line.split("=="))]


def _has(name: str, version: str) -> bool:
    try:
        return distribution(name.partition("[")[0]).version == version
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
