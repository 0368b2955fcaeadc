"""How the file of an upload begins: what is no archive is not received to its end."""

from dataclasses import dataclass

from stageproxy.core.archives.starts import LONGEST_START, problem_with_start
from stageproxy.core.errors import Problem, RefusedError

_ENOUGH = 2 * 2**20
"""Smaller files are received and examined, so that all their problems are reported."""


@dataclass(slots=True)
class Start:
    """The start of a file as it arrives."""

    filename: str
    start: bytes = b""
    size: int = 0

    def find_error(self, chunk: bytes | memoryview) -> RefusedError | None:
        """Take the next bytes. Return the error if much has come of what is no archive."""
        self.start += chunk[: LONGEST_START - len(self.start)]
        self.size += len(chunk)
        problem = problem_with_start(self.filename, self.start) if self.size > _ENOUGH else None
        return RefusedError([Problem("content", problem)]) if problem else None
