"""Completeness: the wheels of a release against what is expected of it."""

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Why a file is expected."""

    DECLARED = "declared"
    LAST_RELEASE = "last-release"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something that a release is expected to have, and the files that meet it.

    `pattern` is a glob, or tags as `cp313-manylinux_x86_64`, or `sdist`.
    """

    pattern: str
    origin: Origin
    files: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Whether a file of the release meets it."""
        return bool(self.files)


@dataclass(frozen=True, slots=True)
class Completeness:
    """What is expected of a release; `surplus` are files that nothing expects."""

    expectations: tuple[Expectation, ...] = ()
    surplus: tuple[str, ...] = ()
