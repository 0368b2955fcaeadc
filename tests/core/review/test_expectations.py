"""What a release is expected to have."""

from collections.abc import Sequence

import pytest

from stageproxy.core.review.completeness import Completeness, Expectation, Origin
from stageproxy.core.review.expectations import (
    LONGEST_PATTERN,
    MOST_PATTERNS,
    completeness_findings,
    completeness_of,
    parse_expects,
)
from stageproxy.core.rules.findings import Level
from tests.support.builders.listings import sdist_of, wheels_of

LINUX, MUSL, STABLE, PURE = wheels_of(
    "2.0",
    "cp313 manylinux_2_17_x86_64",
    "cp313 musllinux_1_2_x86_64",
    "cp310 abi3 win_amd64",
    "py3 none any",
)
SDIST = sdist_of("2.0")
PATTERNS = {
    "sdist": {"sdist": (SDIST,)},
    "demo-*-MUSLlinux*": {"demo-*-MUSLlinux*": (MUSL,)},
    "cp313-manylinux_x86_64": {"cp313-manylinux_x86_64": (LINUX,)},
    "cp311,cp313-win_amd64": {"cp311-win_amd64": (STABLE,), "cp313-win_amd64": (STABLE,)},
    "cp313-musllinux_x86_64,win32": {"cp313-musllinux_x86_64": (MUSL,), "cp313-win32": ()},
    "cp313t-win_amd64": {"cp313t-win_amd64": ()},
    "py3-any": {"py3-any": ()},
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items(), ids=PATTERNS)
def test_declared(pattern: str, expected: dict[str, tuple[str, ...]]) -> None:
    """A pattern is a glob, `sdist`, or Pythons and platforms that wheels have to serve."""
    found = completeness_of([LINUX, MUSL, STABLE, SDIST], expects=parse_expects([pattern]))

    assert {one.pattern: one.files for one in found.expectations} == expected


BAD = ["", "wheel", "cp313", "cp313-manylinux_2_17_x86_64", "cp27-win32", "x" * 300, "demo*\x1b"]


@pytest.mark.parametrize("pattern", BAD)
def test_no_pattern(pattern: str) -> None:
    """What is no pattern is refused."""
    with pytest.raises(ValueError, match="pattern"):
        parse_expects([pattern])


def test_too_many_patterns() -> None:
    """There is a limit on the number of patterns, and on their length."""
    with pytest.raises(ValueError, match=str(MOST_PATTERNS)):
        parse_expects([f"{one}*" for one in range(MOST_PATTERNS + 1)])
    with pytest.raises(ValueError, match="too long"):
        parse_expects(["*" * (LONGEST_PATTERN + 1)])


def last(
    files: Sequence[str], before: Sequence[str], requires_python: str | None = None
) -> Completeness:
    """Return how complete files are beside those of the release before."""
    names = [one.replace("2.0", "1.0") for one in before]
    return completeness_of(files, names, requires_python=requires_python)


def test_last_release() -> None:
    """What the wheels of the last release serve is expected, and its sdist."""
    found = last([LINUX], [LINUX, MUSL, SDIST])

    assert found.expectations == (
        Expectation("cp313-manylinux_x86_64", Origin.LAST_RELEASE, (LINUX,)),
        Expectation("cp313-musllinux_x86_64", Origin.LAST_RELEASE),
        Expectation("sdist", Origin.LAST_RELEASE),
    )


def test_last_release_with_a_pure_wheel() -> None:
    """A pure wheel of the last release is expected as such."""
    found = last([PURE], [PURE])

    assert found.expectations == (Expectation("py3-any", Origin.LAST_RELEASE, (PURE,)),)


def test_python_that_is_excluded() -> None:
    """A Python that Requires-Python excludes is not expected as before."""
    assert last([MUSL], [LINUX], requires_python=">=3.14").expectations == ()


def test_surplus() -> None:
    """Files that nothing expects are surplus."""
    assert last([LINUX, MUSL], [LINUX]).surplus == (MUSL,)
    assert completeness_of([LINUX]).surplus == ()


def test_findings() -> None:
    """What is declared and missing is loud, and a file that nothing expects is a note."""
    found = completeness_findings(completeness_of([LINUX, MUSL], [], ["sdist", "*-musllinux*"]))

    assert [(one.level, one.code) for one in found] == [
        (Level.WARN, "expected-file-missing"),
        (Level.NOTE, "unexpected-file"),
    ]
    assert found[0].message == "No file meets what is expected of the release: sdist."
    assert found[1].files == (LINUX,)


def test_no_findings_on_the_last_release() -> None:
    """What only the last release had is no finding here: the impact has it."""
    assert completeness_findings(last([LINUX], [LINUX, MUSL])) == []
