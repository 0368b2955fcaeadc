"""Findings of a review: each with what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from stageproxy.core.rules.findings import Level


class Section(StrEnum):
    """The part of a review that a finding belongs to, in the order of the page."""

    VERDICT = "verdict"
    IMPACT = "impact"
    COMPLETENESS = "completeness"
    DELTA = "delta"
    SUPPLY_CHAIN = "supply-chain"
    PARITY = "parity"
    STRICTNESS = "strictness"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class ReviewFinding:
    """One finding of a review.

    `code` identifies its kind for programs: `falls-back-to-source-build`. `message` is what
    was found, and `advice` what to do about it, empty if nothing has to be done. `files` are
    the artifacts concerned, none for the release as a whole. `place` is where in a file:
    `demo/core.py:12`, `METADATA:7`.

    A finding of level `warn` is loud: somebody should decide about it. What is only good to
    know is a `note`, and what could not be found out is `unknown`.
    """

    section: Section
    level: Level
    code: str
    message: str
    advice: str = ""
    files: tuple[str, ...] = ()
    place: str = ""


NOT_REVIEWED = "not-reviewed"
"""The code of a finding on a file that took too long to read, or whose reading failed."""


def is_unfinished(findings: Iterable[ReviewFinding]) -> bool:
    """Return whether a file was not read to its end, which may succeed another time."""
    return any(one.code == NOT_REVIEWED for one in findings)


_NOT_A_REGRESSION = frozenset({Section.VERDICT, Section.STRICTNESS})


def gravest_first(findings: Iterable[ReviewFinding]) -> tuple[ReviewFinding, ...]:
    """Return findings by level, the gravest first, then in the order of the sections."""
    levels, sections = list(Level), list(Section)
    return tuple(
        sorted(findings, key=lambda one: (levels.index(one.level), sections.index(one.section)))
    )


def is_regression(finding: ReviewFinding) -> bool:
    """Return whether PyPI would refuse something, or users would lose or risk something."""
    if finding.level is Level.REFUSE:
        return True
    return finding.level is Level.WARN and finding.section not in _NOT_A_REGRESSION
