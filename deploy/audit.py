"""`make audit`: pip-audit, which also makes do with a mirror of PyPI.

It asks for the document of each release. A mirror often has the project's only, which tells what is known
about the newest release: where that is the one that is pinned, it is the same answer. Of any other pin
nothing is known there, and the audit fails, as it would without this file.
"""

import re
import sys
from typing import Any

from pip_audit import _cli as command
from pip_audit._service import PyPIService

RELEASE = re.compile(r"(https://pypi\.org/pypi/[^/]+)/([^/]+)/json")
NOT_FOUND = 404


class ByProject:
    """A session that looks for a release which is not found at its project."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def get(self, url: str, timeout: int | None) -> Any:
        answer = self._session.get(url=url, timeout=timeout)
        release = RELEASE.fullmatch(url)
        if answer.status_code != NOT_FOUND or not release:
            return answer
        project, version = release.groups()
        newest = self._session.get(url=f"{project}/json", timeout=timeout)
        same = newest.ok and newest.json()["info"]["version"] == version
        return newest if same else answer


class Service(PyPIService):  # type: ignore[misc, unused-ignore]
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.session = ByProject(self.session)


if __name__ == "__main__":
    command.PyPIService = Service
    sys.exit(command.audit())
