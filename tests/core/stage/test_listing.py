"""The artifacts of a stage as an index lists them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stageproxy.core.index.pages import StagedFile
from stageproxy.core.stage.listing import artifact_at, rfc3339, staged_files
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

WHEEL = an_artifact("demo-2.0-py3-none-any.whl", requires_python=">=3.9")
SDIST = an_artifact("demo-2.0.tar.gz", requires_python=">=3.8")


def test_artifact_is_listed_with_all_attributes() -> None:
    """A link has the attributes of PyPI's, and the path that the file will have there."""
    digest = WHEEL.blake2b_256

    assert staged_files(a_stage("2.0", WHEEL), "../../") == [
        StagedFile(
            filename="demo-2.0-py3-none-any.whl",
            version="2.0",
            link=(
                f"../../packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/demo-2.0-py3-none-any.whl"
            ),
            sha256=WHEEL.sha256,
            size=WHEEL.size,
            upload_time="2026-11-22T12:00:00.123456Z",
            requires_python=">=3.9",
            yanked=None,
            core_metadata_sha256=WHEEL.core_metadata_sha256,
            blake2b_256=WHEEL.blake2b_256,
            md5=WHEEL.md5,
            packagetype="bdist_wheel",
            python_version="py3",
        )
    ]


def test_release_has_the_requires_python_of_its_first_file() -> None:
    """PyPI reads Requires-Python of a release from the file that it gets first."""
    listed = staged_files(a_stage("2.0", SDIST, WHEEL), "")

    assert [one.requires_python for one in listed] == [">=3.9", ">=3.9"]


def test_sdists_have_no_metadata_file() -> None:
    """PyPI serves METADATA for wheels only."""
    assert staged_files(a_stage("2.0", SDIST), "")[0].core_metadata_sha256 is None


def test_empty_stage_lists_nothing() -> None:
    """A stage without version has no artifacts."""
    assert staged_files(a_stage(None), "") == []


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (NOON, "2026-11-22T12:00:00.123456Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (
            datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-01T23:00:00.000000Z",
        ),
    ],
    ids=["microseconds", "none", "another zone"],
)
def test_times_are_formatted_as_on_pypi(time: datetime, written: str) -> None:
    """A time is UTC with six digits and `Z`: installers drop files whose time they cannot parse."""
    assert rfc3339(time) == written


@pytest.mark.parametrize(
    ("digest", "filename", "found"),
    [
        (WHEEL.blake2b_256, WHEEL.filename, True),
        (SDIST.blake2b_256, WHEEL.filename, False),
        (WHEEL.blake2b_256, "demo-2.0-py2-none-any.whl", False),
        ("", WHEEL.filename, False),
    ],
    ids=["both right", "another digest", "another name", "no digest"],
)
def test_artifact_is_found_by_digest_and_name(digest: str, filename: str, *, found: bool) -> None:
    """A path with the digest of replaced bytes finds nothing."""
    stage = a_stage("2.0", WHEEL, SDIST)

    assert artifact_at(stage, digest, filename) == (WHEEL if found else None)
