"""What a release is expected to have: declared by the project, or as the last release had it."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice, product

from stageproxy.core.index.releases import SDIST_SUFFIXES
from stageproxy.core.review.completeness import Completeness, Expectation, Origin
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.review import Baseline
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.wheel_coverage import (
    ANY,
    Coverage,
    Interpreter,
    Platform,
    coverage_of,
    wheel_matrix,
)
from stageproxy.core.wording import first_few

MOST_PATTERNS = 200
LONGEST_PATTERN = 200
_MOST_EXPECTATIONS = 2000
_MOST_NAMED = 10
SDIST = "sdist"
_IN_FILENAMES = re.compile(r"[*?\[]|\.whl$|\.tar\.gz$|\.zip$")
_PYTHON = re.compile(r"(cp|pp|py)3(\d{0,2})(t?)")
_PLATFORM = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_SYSTEM_VERSION = re.compile(r"(manylinux|musllinux|macosx)_?\d")


def parse_expects(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return patterns of expected files. Raise `ValueError` if one of them is none."""
    parsed = tuple(dict.fromkeys(one.strip() for one in patterns))
    if len(parsed) > MOST_PATTERNS:
        msg = f"there are {len(parsed)} patterns of expected files; {MOST_PATTERNS} are possible"
        raise ValueError(msg)
    for one in parsed:
        _check(one)
    return parsed


def _check(pattern: str) -> None:
    if len(pattern) > LONGEST_PATTERN or not pattern.isprintable():
        msg = f"the pattern {pattern[:40]!r} is too long, or has characters that no filename has"
        raise ValueError(msg)
    if pattern != SDIST and not _IN_FILENAMES.search(pattern) and not list(_cells(pattern)):
        msg = (
            f"{pattern!r} is no pattern of expected files: write a glob as in demo-*-win32.whl, "
            "Pythons and platforms as in cp312,cp313-manylinux_x86_64, or sdist"
        )
        raise ValueError(msg)


def completeness_of(
    filenames: Collection[str],
    baseline_files: Collection[str] = (),
    expects: Iterable[str] = (),
    requires_python: str | None = None,
) -> Completeness:
    """Return what is expected of the files of a release, and which of them meet it.

    *expects* are patterns as `parse_expects` returns them. A Python that *requires_python*
    excludes is not expected as the last release had it.
    """
    declared = [(one, Origin.DECLARED) for pattern in expects for one in _split(pattern)]
    last = _matrix_of(filenames, baseline_files, requires_python)
    patterns = [*declared, *((one, Origin.LAST_RELEASE) for one in last)]
    expectations = tuple(
        Expectation(pattern, origin, _files_for(pattern, filenames))
        for pattern, origin in islice(patterns, _MOST_EXPECTATIONS)
    )
    met = {name for one in expectations for name in one.files}
    surplus = tuple(one for one in filenames if one not in met) if expectations else ()
    return Completeness(expectations, surplus)


def _matrix_of(
    filenames: Collection[str], baseline_files: Collection[str], requires_python: str | None
) -> Iterator[str]:
    """Return the patterns of what the last release has."""
    matrix = wheel_matrix(filenames, baseline_files, requires_python=requires_python)
    yield from (cell_name(one) for one in matrix)
    if any(one.endswith(SDIST_SUFFIXES) for one in baseline_files):
        yield SDIST


def cell_name(cell: tuple[Interpreter, Platform]) -> str:
    """Return the name of an interpreter on a platform: `cp313-manylinux_x86_64`, `py3-any`."""
    interpreter, platform = cell
    return f"{interpreter}-{platform.replace(' ', '_')}"


def _split(pattern: str) -> Iterable[str]:
    """Return a pattern as one for each Python and platform that it names."""
    if pattern == SDIST or _IN_FILENAMES.search(pattern):
        return [pattern]
    return [cell_name(cell) for cell in _cells(pattern)]


def _cells(pattern: str) -> Iterator[tuple[Interpreter, Platform]]:
    """Return the interpreters on platforms that tags name; none if they are no tags."""
    pythons, _, platforms = pattern.lower().partition("-")
    found = [_PYTHON.fullmatch(one.strip()) for one in pythons.split(",")]
    names = [one.strip() for one in platforms.split(",")]
    if not all(_PLATFORM.fullmatch(one) and not _SYSTEM_VERSION.match(one) for one in names):
        return
    interpreters = [_interpreter(*one.groups()) for one in found if one]
    if len(interpreters) == len(found):
        yield from ((one, name.replace("_", " ", 1)) for one, name in product(interpreters, names))


def _interpreter(letters: str, minor: str, threads: str) -> Interpreter:
    return Interpreter(letters + threads, int(minor or 0))


def _files_for(pattern: str, filenames: Iterable[str]) -> tuple[str, ...]:
    """Return the files that meet a pattern."""
    if pattern == SDIST:
        return tuple(one for one in filenames if one.endswith(SDIST_SUFFIXES))
    if _IN_FILENAMES.search(pattern):
        return tuple(one for one in filenames if fnmatchcase(one.lower(), pattern.lower()))
    cells = list(_cells(pattern))
    return tuple(one for one in filenames if any(_serves(one, *cell) for cell in cells))


@lru_cache(maxsize=20_000)
def _coverage(filename: str) -> Coverage:
    return coverage_of([filename])


def _serves(filename: str, interpreter: Interpreter, platform: Platform) -> bool:
    coverage = _coverage(filename)
    if platform == ANY:
        return ANY in coverage.platforms
    return coverage.system_for(interpreter, platform) is not None


def completeness_findings(
    completeness: Completeness, *, baseline: Baseline | None = None, unsaid: Collection[str] = ()
) -> list[ReviewFinding]:
    """Return the findings on what is missing of what was declared, or of the *baseline*.

    *unsaid* are patterns that no other finding names; of the baseline, only these are named.
    """
    declared = [one for one in completeness.expectations if one.origin is Origin.DECLARED]
    missing = {one.pattern: one for one in completeness.expectations if not one.is_met}
    undeclared = [
        name
        for name, one in missing.items()
        if one.origin is Origin.LAST_RELEASE and name in unsaid
    ]
    found = []
    if wanted := [name for name, one in missing.items() if one.origin is Origin.DECLARED]:
        found.append(_on_missing(wanted))
    if undeclared and baseline:
        found.append(_on_lost(undeclared, baseline))
    if declared and completeness.surplus:
        found.append(_on_surplus(completeness.surplus))
    return found


def _on_missing(patterns: Sequence[str]) -> ReviewFinding:
    return ReviewFinding(
        Section.COMPLETENESS,
        Level.WARN,
        "expected-file-missing",
        f"No file meets what is expected of the release: {first_few(patterns, _MOST_NAMED)}.",
        "Upload what is missing. If it is no longer wanted, change what is expected where the "
        "stage is opened or in the settings.",
    )


def _on_lost(patterns: Sequence[str], baseline: Baseline) -> ReviewFinding:
    return ReviewFinding(
        Section.COMPLETENESS,
        Level.WARN,
        "missing-unlike-last-release",
        f"There is no file for {first_few(patterns, _MOST_NAMED)}, unlike in {baseline.version}.",
        "Upload what is missing, or say in the release notes that it is no longer supported.",
    )


def _on_surplus(filenames: Sequence[str]) -> ReviewFinding:
    return ReviewFinding(
        Section.COMPLETENESS,
        Level.NOTE,
        "unexpected-file",
        f"Nothing that is expected names {first_few(filenames, _MOST_NAMED)}.",
        "Remove what does not belong to the release, or add it to what is expected.",
        tuple(filenames),
    )
