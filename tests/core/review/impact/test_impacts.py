"""What a release changes for each target, and at which moments."""

from collections.abc import Sequence

import pytest

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.impact.findings import impact_findings, named_targets
from stageproxy.core.review.impact.impact import Change, Choice, Impact, TargetImpact
from stageproxy.core.review.impact.impacts import impact_of
from stageproxy.core.review.impact.targets import DEFAULT_TARGETS, parse_target
from stageproxy.core.rules.findings import Level
from tests.support.builders.listings import a_listing, sdist_of, wheels_of
from tests.support.builders.stages import an_artifact

LINUX, MUSL, WINDOWS = (
    "cp313-manylinux_x86_64",
    "cp313-musllinux_x86_64",
    "cp313-win_amd64",
)
TAGS = {
    LINUX: "cp313 manylinux_2_17_x86_64",
    MUSL: "cp313 musllinux_1_2_x86_64",
    WINDOWS: "cp313 win_amd64",
}
NEW_LINUX = "cp313 manylinux_2_28_x86_64"
ANY_PLATFORM = "py3 none any"


def impact(
    staged: Sequence[str],
    listing: Listing | None = None,
    *,
    version: str = "2.0",
    requires_python: str | None = None,
    targets: Sequence[str] = (LINUX, MUSL, WINDOWS),
) -> Impact:
    """Return the impact of files of `demo 2.0`."""
    artifacts = [an_artifact(one, requires_python=requires_python) for one in staged]
    parsed = [parse_target(one) for one in targets]
    return impact_of(artifacts, listing or a_listing(), version, parsed)


def wheels(version: str, *targets: str) -> list[str]:
    """Return a wheel of a version for each target."""
    return wheels_of(version, *(TAGS[one] for one in targets))


def row(found: Impact, target: str) -> TargetImpact:
    """Return the row of a target."""
    return next(one for one in found.rows if str(one.target) == target)


BEFORE = a_listing(*wheels("1.0", LINUX, MUSL, WINDOWS), sdist_of("1.0"))
ONLY_WINDOWS = a_listing(*wheels("1.0", WINDOWS))
CHANGES = {
    "wheel after wheel": (wheels("2.0", LINUX), BEFORE, Change.UPDATED),
    "sdist after wheel": ([sdist_of("2.0")], BEFORE, Change.SOURCE_BUILD),
    "no file, and a wheel before": (wheels("2.0", WINDOWS), BEFORE, Change.LOSES_WHEEL),
    "no file, and an sdist before": (
        wheels("2.0", WINDOWS),
        a_listing(sdist_of("1.0")),
        Change.STAYS,
    ),
    "a newer system": (wheels_of("2.0", NEW_LINUX), BEFORE, Change.NEW_FLOOR),
    "a newer system beside the old one": (
        wheels_of("2.0", NEW_LINUX, TAGS[LINUX]),
        BEFORE,
        Change.UPDATED,
    ),
    "sdist after sdist": ([sdist_of("2.0")], a_listing(sdist_of("1.0")), Change.SDIST),
    "a first sdist": ([sdist_of("2.0")], a_listing(), Change.SDIST),
    "wheel after sdist": (wheels("2.0", LINUX), a_listing(sdist_of("1.0")), Change.GAINS_WHEEL),
    "first release": (wheels("2.0", LINUX), a_listing(), Change.GAINS_WHEEL),
    "a wheel for any platform instead": (
        wheels_of("2.0", ANY_PLATFORM, TAGS[WINDOWS]),
        BEFORE,
        Change.PURE_WHEEL,
    ),
    "a wheel for any platform, as before": (
        wheels_of("2.0", ANY_PLATFORM, TAGS[WINDOWS]),
        a_listing(*wheels_of("1.0", ANY_PLATFORM)),
        Change.UPDATED,
    ),
    "never a file": (wheels("2.0", WINDOWS), ONLY_WINDOWS, Change.NOTHING),
    "a newer release": (wheels("2.0", LINUX), a_listing(*wheels("3.0", LINUX)), Change.NOT_CHOSEN),
    "a newer release elsewhere": (
        wheels("2.0", LINUX),
        a_listing(*wheels("1.0", LINUX), *wheels("3.0", WINDOWS)),
        Change.UPDATED,
    ),
}


@pytest.mark.parametrize(("staged", "listing", "expected"), CHANGES.values(), ids=CHANGES)
def test_change_for_a_target(staged: Sequence[str], listing: Listing, expected: Change) -> None:
    """What a release changes for CPython 3.13 on glibc."""
    assert row(impact(staged, listing), LINUX).change is expected


def test_table_of_a_pre_release() -> None:
    """The table has what changes for who asks for a pre-release, though a final one is chosen."""
    found = impact(wheels("2.0rc1", LINUX, MUSL), BEFORE, version="2.0rc1")

    assert (found.is_latest, found.newer) == (False, "1.0")
    assert row(found, LINUX).change is Change.UPDATED
    assert row(found, WINDOWS).change is Change.LOSES_WHEEL


def test_pre_release_of_a_final_release() -> None:
    """A pre-release of what is released is chosen by nobody who does not ask for it."""
    found = impact(wheels("1.0rc1", LINUX), BEFORE, version="1.0rc1")

    assert row(found, LINUX).change is Change.NOT_CHOSEN


def test_fall_back_to_a_pure_wheel() -> None:
    """A wheel for any platform does not hide that the compiled one is missing."""
    staged = [*wheels_of("2.0", ANY_PLATFORM), *wheels("2.0", LINUX, WINDOWS)]

    (found,) = impact_findings(impact(staged, BEFORE), "demo 2.0")

    assert (found.level, found.code) == (Level.WARN, "falls-back-to-pure-wheel")
    assert found.message == (
        "For cp313 on musllinux x86_64, installers choose a wheel of demo 2.0 for any platform, "
        "which has no compiled code. Today they choose a wheel of 1.0 for the platform."
    )


def test_row() -> None:
    """A row has the file that is chosen today and once the release is published."""
    (today,), (after,) = wheels("1.0", LINUX), wheels_of("2.0", NEW_LINUX)

    found = row(impact([after], BEFORE), LINUX)

    assert found.today == Choice("1.0", today, "glibc 2.17")
    assert found.after == Choice("2.0", after, "glibc 2.28")


def test_python_that_is_excluded() -> None:
    """A target that Requires-Python excludes stays on the older version."""
    found = impact(wheels("2.0", LINUX), BEFORE, requires_python=">=3.14")

    assert {one.change for one in found.rows} == {Change.STAYS}
    assert {one.after.version for one in found.rows} == {"1.0"}


def test_requires_python_of_the_first_file() -> None:
    """PyPI shows the Requires-Python of the file that is published first for all files."""
    first, second = wheels("2.0", LINUX, MUSL)
    artifacts = [an_artifact(second, requires_python=">=3.99"), an_artifact(first)]

    found = impact_of(artifacts, BEFORE, "2.0", [parse_target(MUSL)])

    assert found.rows[0].change is Change.UPDATED


def test_pre_release() -> None:
    """A pre-release is compared with what who wants it has, and is not the latest."""
    listing = a_listing(*wheels("1.0", LINUX), *wheels("2.0rc1", LINUX))

    found = impact(wheels("2.0rc2", LINUX), listing, version="2.0rc2", targets=[LINUX])

    assert (found.is_latest, found.newer) == (False, "1.0")
    assert (found.rows[0].today.version, found.rows[0].after.version) == ("2.0rc1", "2.0rc2")
    assert found.rows[0].change is Change.UPDATED


def test_maintenance_release() -> None:
    """A maintenance release is compared with its branch, where it can lose a wheel, too."""
    listing = a_listing(*wheels("1.26.4", LINUX), *wheels("3.0", LINUX))

    found = impact([sdist_of("1.26.5")], listing, version="1.26.5", targets=[LINUX])

    assert (found.is_latest, found.newer) == (False, "3.0")
    assert found.rows[0].today.version == "1.26.4"
    assert found.rows[0].change is Change.SOURCE_BUILD


def test_yanked_release_is_not_newer() -> None:
    """A newer release that is yanked is not chosen."""
    newer = sdist_of("3.0")

    found = impact(wheels("2.0", LINUX), a_listing(newer, yanked=(newer,)))

    assert found.is_latest


def test_moments() -> None:
    """A promotion has three moments, and targets without a wheel stay until the sdist is there."""
    staged = [sdist_of("2.0"), *wheels("2.0", LINUX, WINDOWS)]

    found = impact(staged, BEFORE)

    assert [(one.label, one.updated, one.stays) for one in found.moments] == [
        ("one wheel", 1, 2),
        ("the other wheel", 2, 1),
        ("the sdist", 3, 0),
    ]
    assert [one.published for one in found.moments] == [
        tuple(wheels("2.0", LINUX)),
        tuple(wheels("2.0", WINDOWS)),
        (sdist_of("2.0"),),
    ]
    assert found.moments[1].source_builds == ()
    assert found.moments[2].source_builds == (parse_target(MUSL),)


def test_sdist_that_is_published_already() -> None:
    """An sdist that is published before its wheels is built meanwhile."""
    listing = a_listing(*wheels("1.0", LINUX, MUSL), sdist_of("2.0"))
    staged = wheels("2.0", LINUX, MUSL)

    found = impact([*staged, sdist_of("2.0")], listing, targets=[LINUX, MUSL])

    assert [one.label for one in found.moments] == ["the 2 wheels"]
    assert row(found, LINUX).today.filename == sdist_of("2.0")
    assert row(found, LINUX).change is Change.GAINS_WHEEL


def test_provisional_wheel() -> None:
    """A pure wheel that is published first is chosen until the better wheel is published."""
    staged = wheels_of("2.0", "cp312 abi3 win_amd64", "cp313 win_amd64")

    found = impact(staged, BEFORE, targets=[WINDOWS])

    assert found.moments[0].provisional == (parse_target(WINDOWS),)
    assert found.moments[1].provisional == ()


def test_findings() -> None:
    """Each loss is one loud finding, with the targets that lose, and what to do about it."""
    staged = [*wheels_of("2.0", NEW_LINUX), sdist_of("2.0")]

    found = impact_findings(impact(staged, BEFORE), "demo 2.0")

    assert [(one.level, one.code) for one in found] == [
        (Level.WARN, "falls-back-to-source-build"),
        (Level.WARN, "floor-rose"),
    ]
    assert found[0].message == (
        "For cp313 on musllinux x86_64, win amd64, installers build demo 2.0 from the sdist. "
        "Today they choose a wheel of 1.0."
    )
    assert found[0].files == (sdist_of("2.0"),)
    assert all(one.advice for one in found)


def test_what_the_release_before_left_behind() -> None:
    """A target that stays on a version before the last one is no news."""
    listing = a_listing(*wheels("0.9", LINUX), *wheels("1.0", WINDOWS))

    found = impact(wheels("2.0", WINDOWS), listing)

    assert row(found, LINUX).change is Change.LOSES_WHEEL
    assert impact_findings(found, "demo 2.0") == []


def test_nothing_is_lost() -> None:
    """A release with the files of the one before has no findings."""
    staged = [*wheels("2.0", LINUX, MUSL, WINDOWS), sdist_of("2.0")]

    assert impact_findings(impact(staged, BEFORE), "demo 2.0") == []


def test_names_of_many_targets() -> None:
    """Targets are named in groups."""
    assert named_targets(DEFAULT_TARGETS) == (
        "cp39, cp310, cp311, cp312, cp313, cp314, cp315, cp313t, cp314t, cp315t, pp310, pp311 on "
        "manylinux x86_64, manylinux aarch64, macosx x86_64, macosx arm64, win amd64; "
        "cp39, cp310, cp311, cp312, cp313, cp314, cp315, cp313t, cp314t, cp315t on "
        "musllinux x86_64, musllinux aarch64, win arm64"
    )


class CountedFiles(dict[str, ListedFile]):
    """The files of a page, which counts how many are looked at."""

    looked_at = 0

    def __getitem__(self, filename: str) -> ListedFile:
        self.looked_at += 1
        return super().__getitem__(filename)


def test_few_files_of_a_long_page_are_read() -> None:
    """Of a page with thousands of files, only those of releases that may be chosen are read."""
    versions = [f"1.{minor}" for minor in range(300)]
    names = [name for one in versions for name in (*wheels(one, LINUX, MUSL), sdist_of(one))]
    files = CountedFiles(a_listing(*names).files)

    impact(wheels("2.0", LINUX, MUSL), Listing(files))

    assert files.looked_at == 3
