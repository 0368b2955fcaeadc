"""Findings on the files of one release."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.rules.findings import Finding, Level, suspicious
from stageproxy.core.rules.upload import IndexState, Upload
from stageproxy.core.stage.accept import index_state_of
from stageproxy.core.stage.release_findings import findings_by_file, release_findings
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.uploads import an_upload
from tests.support.ports.clock import NOON

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
ONE_SDIST = Finding("content", "Only one sdist may be uploaded per release.")
LONG_AGO = "2026-01-01T12:00:00Z"


def a_listing(*filenames: str, status: str = "active", upload_time: str = LONG_AGO) -> Listing:
    """Return a listing of demo; each file has 1000 bytes."""
    files = {
        one: ListedFile(one, "0" * 64, None, None, size=1000, upload_time=upload_time)
        for one in filenames
    }
    return Listing(files, status)


def state_of(listing: Listing) -> IndexState:
    """Return the state of the index for demo 2.0 at noon."""
    return index_state_of(listing, "2.0", NOON)


def messages(*uploads: Upload, beside: IndexState | None = None) -> list[list[str]]:
    """Return the findings of each file."""
    found = findings_by_file(uploads, beside, NOON)
    return [[one.message for one in findings] for findings in found.values()]


def broken(filename: str) -> Upload:
    """Return a file that cannot be opened, with its form."""
    kinds = {"filetype", "pyversion", "sha256_digest", ":action", "protocol_version"}
    upload = an_upload(Distribution(filename, b"no archive"))
    form = tuple(pair for pair in upload.form if pair[0] in kinds)
    return Upload(
        form, filename, None, upload.sha256, "", "", name=upload.name, contents=upload.contents
    )


@pytest.mark.parametrize("beside", [None, state_of(Listing())], ids=["offline", "asked"])
def test_valid_files_have_no_findings(beside: IndexState | None) -> None:
    """Valid files have no findings and keep their order."""
    found = findings_by_file([an_upload(SDIST), an_upload(WHEEL)], beside, NOON)

    assert list(found.items()) == [(SDIST.filename, []), (WHEEL.filename, [])]


@pytest.mark.parametrize("beside", [None, state_of(Listing())], ids=["offline", "asked"])
def test_same_bytes_twice(beside: IndexState | None) -> None:
    """PyPI accepts no bytes under two names.

    The second file is refused, and the first one named.
    """
    renamed = Distribution("demo-2.0-1-py3-none-any.whl", WHEEL.content)

    first, second = messages(an_upload(WHEEL), an_upload(renamed), beside=beside)

    exists = f"('{renamed.filename}', with blake2_256 hash '{WHEEL.blake2b_256}')"
    assert first == []
    assert f"File already exists {exists}." in second
    assert f"'{WHEEL.filename}' has the same bytes." in second


@pytest.mark.parametrize("beside", [None, state_of(Listing())], ids=["offline", "asked"])
def test_second_sdist(beside: IndexState | None) -> None:
    """A release has one sdist, in any spelling of its version: the second one is refused."""
    other = an_sdist(version="2.0.0")

    found = findings_by_file([an_upload(SDIST), an_upload(other)], beside, NOON)

    assert found == {SDIST.filename: [], other.filename: [ONE_SDIST]}


def test_order_counts() -> None:
    """The file that comes later is refused."""
    other = an_sdist(version="2.0.0")

    found = findings_by_file([an_upload(other), an_upload(SDIST)], None, NOON)

    assert found == {other.filename: [], SDIST.filename: [ONE_SDIST]}


def test_age_of_a_release() -> None:
    """Without an index, the age of a release is not mentioned."""
    young = (NOON - timedelta(days=1)).isoformat()
    known = state_of(a_listing(WHEEL.filename, upload_time=young))

    until = "PyPI accepts files for this release until 2026-12-05 12:00 UTC."
    assert messages(an_upload(SDIST), beside=known) == [[until]]
    assert messages(an_upload(SDIST)) == [[]]


def test_closed_release() -> None:
    """PyPI closes a release after 14 days."""
    known = state_of(a_listing(WHEEL.filename))

    ((message,),) = messages(an_upload(SDIST), beside=known)

    assert message.startswith("Uploading new files to releases older than 14 days is not allowed.")


def test_sizes_add_up() -> None:
    """The size of the project grows with each file. Each file was checked alone once."""
    full = IndexState(NOON, has_project=True, size=10 * 2**30 - len(WHEEL.content))
    files = [replace(an_upload(one), size=len(one.content)) for one in (WHEEL, SDIST)]

    first, second = messages(*files, beside=full)

    assert first == []
    assert len(second) == 1
    assert "have a total size of 10.0 GB" in second[0]


BROKEN = {
    "sdist": ("demo-2.0.tar.gz", ["Invalid distribution file. File is not a tarfile"]),
    "wheel": (WHEEL.filename, ["Invalid distribution file. File is not a zipfile"]),
    "misnamed": (
        "README.md",
        [
            "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
            "Invalid source distribution filename: README.md",
        ],
    ),
}


@pytest.mark.parametrize(("filename", "expected"), BROKEN.values(), ids=BROKEN)
def test_unreadable_file(filename: str, expected: list[str]) -> None:
    """A file that cannot be opened has this one finding, and none on missing fields."""
    assert messages(broken(filename)) == [expected]


def test_wheel_without_metadata() -> None:
    """A wheel that only lacks METADATA is refused."""
    content = a_wheel(version="2.0").content.replace(b"METADATA", b"METADATE")
    upload = an_upload(Distribution(WHEEL.filename, content))

    found = findings_by_file([upload], None, NOON)[WHEEL.filename]

    assert any("METADATA" in one.message for one in found if one.level is Level.REFUSE)


def test_closed_project() -> None:
    """An archived project is reported once, before other findings."""
    listing = a_listing("demo-1.0-cp311-cp311-win32.whl", status="archived")

    assert release_findings([an_upload(LINUX)], listing) == [
        Finding("name", "Project demo is archived on PyPI and accepts no uploads."),
        suspicious("There is no wheel for win32, unlike in demo 1.0.", "release"),
    ]


def test_new_project_misses_nothing() -> None:
    """The first release of a project misses no wheels."""
    assert release_findings([an_upload(LINUX)], Listing(exists=False)) == []


@pytest.mark.parametrize("listing", [None, Listing()], ids=["offline", "asked"])
def test_no_files(listing: Listing | None) -> None:
    """No files have no findings."""
    assert release_findings([], listing) == []
    assert findings_by_file([], None, NOON) == {}


def test_published_wheel_is_not_missed() -> None:
    """A wheel of this release that is published already is not missing. It was once."""
    listing = a_listing("demo-1.0-cp311-cp311-win32.whl", "demo-2.0-cp311-cp311-win32.whl")

    assert release_findings([an_upload(LINUX)], listing) == []


def test_differences() -> None:
    """Differences between forms are reported, except those of a file that cannot be opened."""
    other = an_sdist(version="2.0", summary="Another")

    assert release_findings([an_upload(WHEEL), an_upload(other)], None) == [
        suspicious(
            f"{other.filename} has a different Summary than {WHEEL.filename}. "
            f"PyPI shows that of {WHEEL.filename} for all files, because it is published first.",
            "release",
        )
    ]
    assert release_findings([an_upload(WHEEL), broken(SDIST.filename)], None) == []
