"""What a review says at once, each thing once."""

from collections.abc import Sequence

from stageproxy.core.index.pages import Listing
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.first_step import FirstStep, first_step
from stageproxy.core.review.impact.targets import DEFAULT_TARGETS
from stageproxy.core.review.verdict import verdict_findings
from stageproxy.core.stage.release_findings import (
    IndexAnswer,
    findings_of_release,
    staged_file,
)
from tests.support.builders.listings import a_listing, sdist_of, wheels_of
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

LINUX, MUSL, POWER = (
    f"cp313 {one}"
    for one in ("manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "manylinux_2_17_ppc64le")
)
NEW_LINUX = "cp313 manylinux_2_28_x86_64"


def step(
    listing: Listing, files: Sequence[str], *, version: str = "2.0", expects: Sequence[str] = ()
) -> FirstStep:
    """Return the first step of the review of files, with all findings of their verdict."""
    stage = a_stage(version, *map(an_artifact, files))
    examined = [staged_file(one, ()) for one in stage.artifacts]
    verdict = findings_of_release(examined, IndexAnswer(listing), NOON)
    return first_step(
        stage, listing, verdict_findings(verdict), targets=DEFAULT_TARGETS, expects=expects
    )


def codes(found: FirstStep) -> list[str]:
    """Return the codes of the findings."""
    return [one.code for one in found.findings]


def said_of(found: FirstStep, what: str) -> list[ReviewFinding]:
    """Return the findings that name something."""
    return [one for one in found.findings if what in one.message]


def test_lost_wheel_is_said_once() -> None:
    """A lost wheel is a finding on the impact, and the verdict's sentence on it is left out."""
    sdists = [sdist_of("1.0"), sdist_of("2.0")]
    before = a_listing(*wheels_of("1.0", LINUX, MUSL), sdists[0])

    found = step(before, [*wheels_of("2.0", LINUX), sdists[1]])

    assert codes(found) == ["falls-back-to-source-build"]


def test_higher_floor_is_said_once() -> None:
    """A newer system is a finding on the impact alone."""
    found = step(a_listing(*wheels_of("1.0", LINUX)), wheels_of("2.0", NEW_LINUX))

    assert codes(found) == ["floor-rose"]


def test_all_wheels_are_lost() -> None:
    """A release without wheels is one finding."""
    before = a_listing(*wheels_of("1.0", LINUX, POWER), sdist_of("1.0"))

    assert codes(step(before, [sdist_of("2.0")])) == ["falls-back-to-source-build"]


def test_pure_wheel_is_lost() -> None:
    """A pure wheel that is replaced by one for a platform is one finding."""
    before = a_listing(*wheels_of("1.0", "py3 none any"), sdist_of("1.0"))

    found = step(before, [*wheels_of("2.0", LINUX), sdist_of("2.0")])

    assert codes(found) == ["falls-back-to-source-build", "floor-rose"]


def test_platform_that_is_no_target() -> None:
    """What is lost on a platform that is no target is said by the verdict."""
    before = a_listing(*wheels_of("1.0", LINUX, POWER))

    found = step(before, wheels_of("2.0", LINUX))

    assert codes(found) == ["release"]
    assert said_of(found, "ppc64le") == list(found.findings)


def test_sdist_is_lost() -> None:
    """That an sdist is missing is said by the verdict, and who misses it by the impact."""
    before = a_listing(*wheels_of("1.0", LINUX), sdist_of("1.0"))

    assert codes(step(before, wheels_of("2.0", LINUX))) == ["release", "stays-on-old-version"]


def test_lost_since_the_last_candidate() -> None:
    """What the last pre-release had is missed, even if the last final release had it not."""
    before = a_listing(*wheels_of("1.0", LINUX), *wheels_of("2.0rc1", LINUX, POWER))

    found = step(before, wheels_of("2.0rc2", LINUX), version="2.0rc2")

    assert found.baseline is not None
    assert found.baseline.version == "2.0rc1"
    assert codes(found) == ["not-the-latest", "missing-unlike-last-release"]
    assert "cp313-manylinux_ppc64le, unlike in 2.0rc1" in found.findings[1].message


def test_files_that_are_published_already() -> None:
    """Files of the release that are published already belong to it."""
    before = a_listing(*wheels_of("1.0", LINUX, MUSL), *wheels_of("2.0", MUSL))

    found = step(before, wheels_of("2.0", LINUX), expects=["cp313-musllinux_x86_64"])

    assert "expected-file-missing" not in codes(found)
    assert found.completeness.expectations[0].files == tuple(wheels_of("2.0", MUSL))


def test_declared_for_the_stage() -> None:
    """What a stage was opened with counts instead of what the settings say."""
    assert "expected-file-missing" in codes(
        step(a_listing(), wheels_of("2.0", LINUX), expects=["sdist"])
    )
