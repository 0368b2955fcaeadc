"""The release that a stage is compared with."""

from datetime import UTC, datetime

import pytest

from stageproxy.core.index.pages import ListedFile
from stageproxy.core.review.baseline import choose_baseline
from stageproxy.core.review.review import Baseline
from tests.support.builders.listings import a_listing, merged, sdist_of

RELEASES = ("1.25.2", "1.26.3", "1.26.4", "2.0rc1", "2.0", "2.1rc1", "2.1rc2")
CASES = {
    "a final release": ("2.1", "2.0", "final"),
    "a maintenance release": ("1.26.5", "1.26.4", "1.26"),
    "the first of a branch": ("1.26.0", "1.25.2", "1.25"),
    "a pre-release": ("2.1rc3", "2.1rc2", "pre-release"),
    "the first pre-release after a final one": ("2.0.1rc1", "2.0", "final"),
    "a pre-release of a branch": ("1.26.5rc1", "1.26.4", "1.26"),
    "another spelling of a release": ("2.0.0", "1.26.4", "final"),
}


@pytest.mark.parametrize(("version", "expected", "channel"), CASES.values(), ids=CASES)
def test_baseline(version: str, expected: str, channel: str) -> None:
    """A release is compared with what the users of its channel have today."""
    found = choose_baseline(version, a_listing(*map(sdist_of, RELEASES)))

    assert found is not None
    assert (found.version, found.channel) == (expected, channel)


def test_first_release() -> None:
    """The first release has no baseline, even if there are later ones."""
    assert choose_baseline("1.0", a_listing(sdist_of("2.0"))) is None


def test_first_final_release() -> None:
    """The first final release is compared with its last pre-release."""
    found = choose_baseline("1.0", a_listing(sdist_of("1.0rc1")))

    assert found is not None
    assert (found.version, found.channel) == ("1.0rc1", "pre-release")


def test_yanked_release() -> None:
    """A yanked release is passed over, also when the branch is named."""
    names = [sdist_of(one) for one in ("1.0", "1.1", "3.0")]

    found = choose_baseline("2.0", a_listing(*names, yanked=(names[1], names[2])))

    assert found is not None
    assert (found.version, found.channel) == ("1.0", "final")


def test_facts_of_the_baseline() -> None:
    """A baseline was published with its first file, and has the files that are not yanked."""
    wheel, other, yanked = (
        ListedFile(f"demo-1.0-{build}-py3-none-any.whl", None, None, reason, 1, time)
        for build, reason, time in (
            (1, None, "2026-02-03T04:05:06Z"),
            (2, None, "nonsense"),
            (3, "broken", "2026-01-01T00:00:00Z"),
        )
    )

    assert choose_baseline("2.0", merged(wheel, other, yanked)) == Baseline(
        "1.0", "final", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), (wheel.filename, other.filename)
    )
