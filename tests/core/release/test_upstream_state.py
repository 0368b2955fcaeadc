"""What PyPI would refuse because of what it has already."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.release.stages import Artifact
from stageproxy.core.release.upstream_state import (
    FILE_LIMIT,
    PROJECT_LIMIT,
    Coming,
    UpstreamState,
    findings_against,
    is_published,
)
from stageproxy.core.verdict.findings import Finding, Level
from tests.support.builders import an_artifact
from tests.support.clock import NOON

WHEEL = an_artifact("demo-2.0-py3-none-any.whl")
SDIST = an_artifact("demo-2.0.tar.gz")
NEW = (NOON - timedelta(days=3)).isoformat()
OLD = (NOON - timedelta(days=15)).isoformat()
EXISTS = f"File already exists ({SDIST.filename!r}, with blake2_256 hash {SDIST.blake2b_256!r})."
TOO_OLD = (
    "Uploading new files to releases older than 14 days is not allowed. "
    "demo 2.0 was closed on 2026-11-21."
)
OPEN = "PyPI takes files for demo 2.0 until 2026-12-03 12:00 UTC, and none later."
AGE_UNKNOWN = (
    "PyPI takes no new files for releases older than 14 days, and does not say how old demo 2.0 is."
)
ONE_SDIST = "Only one sdist may be uploaded per release."


def listed(
    filename: str = WHEEL.filename,
    upload_time: str | None = NEW,
    *,
    sha256: str | None = "0" * 64,
    size: int | None = 1,
) -> ListedFile:
    """Return what a page says of a file."""
    return ListedFile(filename, sha256, None, None, size, upload_time)


def against(
    file: Artifact,
    *files: ListedFile,
    staged: tuple[Artifact, ...] = (),
    status: str = "active",
    **state: Any,
) -> list[Finding]:
    """Return what speaks against a file where upstream lists *files*."""
    listing = Listing({one.filename: one for one in files}, status)
    coming = Coming("demo", "2.0", file, staged)
    return findings_against(coming, UpstreamState(listing, **state), NOON)


def refused(message: str, source: str = "content") -> Finding:
    """Return a refusal."""
    return Finding(source, message)


def noted(message: str, source: str = "content") -> Finding:
    """Return what nobody can tell for sure."""
    return Finding(source, message, Level.UNKNOWN)


def sized(size: int) -> Artifact:
    """Return an sdist of that many bytes."""
    return replace(SDIST, size=size)


def test_a_new_project() -> None:
    """Where PyPI has nothing, nothing speaks against a file."""
    assert against(SDIST) == []


def test_other_releases() -> None:
    """What PyPI has of other releases is no reason against this one, however old it is."""
    assert against(SDIST, listed("demo-1.0.tar.gz", OLD), listed("demo-2.0.1.tar.gz", OLD)) == []


AGES = {
    "old": ([listed(upload_time=OLD)], refused(TOO_OLD, "version")),
    "old, in another spelling": (
        [listed("demo-2-py3-none-any.whl", OLD)],
        refused(TOO_OLD, "version"),
    ),
    "an old file and a new one": (
        [listed(upload_time=OLD), listed("demo-2.0-1-py3-none-any.whl")],
        refused(TOO_OLD, "version"),
    ),
    "an old file and one without a time": (
        [listed(upload_time=OLD), listed("demo-2.0-1-py3-none-any.whl", None)],
        refused(TOO_OLD, "version"),
    ),
    "new": ([listed()], noted(OPEN, "version")),
    "new, in another time zone": (
        [listed(upload_time="2026-11-19T14:00:00.123456+02:00")],
        noted(OPEN, "version"),
    ),
    "new, without a time zone": (
        [listed(upload_time="2026-11-19T12:00:00.123456")],
        noted(OPEN, "version"),
    ),
    "a new file and one without a time": (
        [listed(), listed("demo-2.0-1-py3-none-any.whl", None)],
        noted(AGE_UNKNOWN, "version"),
    ),
    "no time": ([listed(upload_time=None)], noted(AGE_UNKNOWN, "version")),
    "no time that makes sense": (
        [listed(upload_time="yesterday")],
        noted(AGE_UNKNOWN, "version"),
    ),
    "no time that can be reckoned with": (
        [listed(upload_time="0001-01-01T00:00:00+14:00")],
        noted(AGE_UNKNOWN, "version"),
    ),
    "of the end of time": (
        [listed(upload_time="9999-12-31T23:59:59Z")],
        noted(OPEN.replace("12-03", "12-06"), "version"),
    ),
}


@pytest.mark.parametrize(("files", "finding"), AGES.values(), ids=AGES)
def test_the_age_of_a_release(files: list[ListedFile], finding: Finding) -> None:
    """A release takes new files for 14 days from its first one on (65)."""
    assert against(SDIST, *files) == [finding]


@pytest.mark.parametrize(("seconds", "level"), [(0, Level.UNKNOWN), (1, Level.REFUSE)])
def test_the_end_of_14_days(seconds: int, level: Level) -> None:
    """Fourteen days are not yet older than fourteen days (65)."""
    first = NOON - timedelta(days=14, seconds=seconds)

    (finding,) = against(SDIST, listed(upload_time=first.isoformat()))

    assert finding.level is level


@pytest.mark.parametrize("filename", ["demo-2.0.zip", "demo-2.0.0.tar.gz", "Demo-2.tar.gz"])
def test_a_second_sdist(filename: str) -> None:
    """PyPI takes one sdist of a release (66)."""
    assert against(SDIST, listed(filename)) == [noted(OPEN, "version"), refused(ONE_SDIST)]


def test_a_wheel_beside_an_sdist() -> None:
    """An sdist that is out is no reason against a wheel."""
    assert against(WHEEL, listed(SDIST.filename)) == [noted(OPEN, "version")]


def test_the_very_file() -> None:
    """What PyPI has comes as no news, however old, and however large, it is (62)."""
    there = listed(SDIST.filename, OLD, sha256=SDIST.sha256)
    huge = replace(SDIST, size=PROJECT_LIMIT + 1)

    assert is_published(SDIST, Listing({SDIST.filename: there}))
    assert against(huge, there) == []


@pytest.mark.parametrize("sha256", ["0" * 64, "", None], ids=["other", "empty", "not said"])
def test_other_bytes_of_that_name(sha256: str | None) -> None:
    """A name is taken for good; that comes before the release's age (63, 65)."""
    there = listed(SDIST.filename, OLD, sha256=sha256)

    assert not is_published(SDIST, Listing({SDIST.filename: there}))
    assert against(SDIST, there) == [refused(EXISTS), refused(TOO_OLD, "version")]


def test_the_same_bytes_under_another_name() -> None:
    """PyPI takes no bytes twice, of whatever release they are (63)."""
    there = listed("demo-1.0.tar.gz", sha256=SDIST.sha256)

    (finding,) = against(SDIST, there)

    assert finding == refused(f"{EXISTS} PyPI has these bytes as 'demo-1.0.tar.gz'.")


@pytest.mark.parametrize("status", ["archived", "quarantined"])
@pytest.mark.parametrize("sha256", [SDIST.sha256, "0" * 64], ids=["the very file", "other bytes"])
def test_a_closed_project(status: str, sha256: str) -> None:
    """An index must not take uploads to these, not even known ones (48; PEP 792)."""
    first, *_ = against(SDIST, listed(SDIST.filename, sha256=sha256), status=status)

    assert first == refused(f"The project demo is {status} on PyPI and takes no uploads.", "name")


@pytest.mark.parametrize("status", ["active", "deprecated", "something new"])
def test_other_states(status: str) -> None:
    """A state we do not know is no reason to refuse."""
    assert against(SDIST, status=status) == []


def test_a_similar_name() -> None:
    """A new project's name must not look like another one's (47)."""
    sentence = "The name 'demo' is too similar to an existing project. That is 'dem0'."

    assert against(SDIST, similar="dem0") == [refused(sentence, "name")]


def test_what_could_not_be_learned() -> None:
    """What upstream does not tell is noted with the file."""
    unknown = noted("PyPI could not be asked.")

    assert against(SDIST, unknown=(unknown,)) == [unknown]


SIZES = {
    "at the limit": (FILE_LIMIT, [], []),
    "over the limit": (FILE_LIMIT + 2**20, [], ["101.0 MB"]),
    "over it, as a smaller file is": (FILE_LIMIT + 2**20, [FILE_LIMIT + 1], ["101.0 MB"]),
    "over it, as a file of that size is": (FILE_LIMIT + 1, [FILE_LIMIT + 1], []),
    "over it, beside one that tells no size": (FILE_LIMIT + 2**20, [None], ["101.0 MB"]),
}


@pytest.mark.parametrize(("size", "others", "has"), SIZES.values(), ids=SIZES)
def test_a_large_file(size: int, others: list[int | None], has: list[str]) -> None:
    """PyPI takes 100 MB, or what it has taken of the project already (59)."""
    files = [listed(f"demo-1.{number}.tar.gz", size=one) for number, one in enumerate(others)]
    sentence = (
        "File too large. Limit for project 'demo' is 100 MB, unless PyPI has raised it: "
        "this file has {}."
    )

    assert against(sized(size), *files) == [noted(sentence.format(one)) for one in has]


GIB = 2**30
TOTALS = {
    "at the limit": ([10 * GIB - 2], (1,), []),
    "over it, with what is staged": ([10 * GIB - 2], (2,), ["10.0 GB"]),
    "over it already": ([6 * GIB, 6 * GIB], (), ["12.0 GB"]),
    "over it, but one size is not told": ([6 * GIB, 6 * GIB, None], (), []),
}


@pytest.mark.parametrize(("out", "staged", "has"), TOTALS.values(), ids=TOTALS)
def test_a_large_project(out: list[int | None], staged: tuple[int, ...], has: list[str]) -> None:
    """PyPI takes 10 GB of a project, unless it has raised that limit (60)."""
    files = [listed(f"demo-1.{number}.tar.gz", size=one) for number, one in enumerate(out)]
    others = tuple(replace(WHEEL, size=one) for one in staged)
    sentence = (
        "Project size too large. Limit for project 'demo' total size is 10 GB, "
        "unless PyPI has raised it: with this file it has {}."
    )

    findings = against(sized(1), *files, staged=others)

    assert findings == [noted(sentence.format(one)) for one in has]


def test_what_is_staged_counts_once() -> None:
    """A staged file that is out, or is replaced by the one that comes, is not counted again."""
    staged = (replace(WHEEL, size=10 * GIB), sized(10 * GIB))

    assert against(sized(1), listed(WHEEL.filename), staged=staged) == [noted(OPEN, "version")]
