"""Findings on the files of one release."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.rules.findings import RELEASE, Finding, FindingsByFile, Level, suspicious
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.release_findings import (
    IndexAnswer,
    examined_file,
    findings_of_release,
    staged_file,
    stored_findings,
)
from stageproxy.core.stage.stage import Status
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.stages import a_stage, an_artifact
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


def found(*uploads: Upload, beside: Listing | None = None) -> dict[str, Sequence[Finding]]:
    """Return the findings on local files beside what the index lists."""
    files = [examined_file(one) for one in uploads]
    return dict(findings_of_release(files, IndexAnswer(beside), NOON))


def by_file(*uploads: Upload, beside: Listing | None = None) -> FindingsByFile:
    """Return the findings on each file."""
    findings = found(*uploads, beside=beside)
    del findings[RELEASE]
    return findings


def on_release(*uploads: Upload, beside: Listing | None = None) -> Sequence[Finding]:
    """Return the findings on the release."""
    return found(*uploads, beside=beside)[RELEASE]


def messages(*uploads: Upload, beside: Listing | None = None) -> list[list[str]]:
    """Return the messages on each file."""
    findings = by_file(*uploads, beside=beside).values()
    return [[one.message for one in on_file] for on_file in findings]


def broken(filename: str) -> Upload:
    """Return a file that cannot be opened, with its form."""
    kinds = {"filetype", "pyversion", "sha256_digest", ":action", "protocol_version"}
    upload = an_upload(Distribution(filename, b"no archive"))
    form = tuple(pair for pair in upload.form if pair[0] in kinds)
    return Upload(
        form, filename, None, upload.sha256, "", "", name=upload.name, contents=upload.contents
    )


@pytest.mark.parametrize("beside", [None, Listing()], ids=["offline", "asked"])
def test_valid_files_have_no_findings(beside: Listing | None) -> None:
    """Valid files have no findings and keep their order."""
    findings = by_file(an_upload(SDIST), an_upload(WHEEL), beside=beside)

    assert list(findings.items()) == [(SDIST.filename, []), (WHEEL.filename, [])]


@pytest.mark.parametrize("beside", [None, Listing()], ids=["offline", "asked"])
def test_same_bytes_twice(beside: Listing | None) -> None:
    """PyPI accepts no bytes under two names.

    The second file is refused, and the first one named.
    """
    renamed = Distribution("demo-2.0-1-py3-none-any.whl", WHEEL.content)

    first, second = messages(an_upload(WHEEL), an_upload(renamed), beside=beside)

    exists = f"('{renamed.filename}', with blake2_256 hash '{WHEEL.blake2b_256}')"
    assert first == []
    assert f"File already exists {exists}." in second
    assert f"'{WHEEL.filename}' has the same bytes." in second


@pytest.mark.parametrize("beside", [None, Listing()], ids=["offline", "asked"])
def test_second_sdist(beside: Listing | None) -> None:
    """A release has one sdist, in any spelling of its version: the second one is refused."""
    other = an_sdist(version="2.0.0")

    findings = by_file(an_upload(SDIST), an_upload(other), beside=beside)

    assert findings == {SDIST.filename: [], other.filename: [ONE_SDIST]}


def test_order_counts() -> None:
    """The file that comes later is refused."""
    other = an_sdist(version="2.0.0")

    findings = by_file(an_upload(other), an_upload(SDIST))

    assert findings == {other.filename: [], SDIST.filename: [ONE_SDIST]}


def test_age_of_a_release() -> None:
    """Without an index, the age of a release is not mentioned."""
    young = (NOON - timedelta(days=1)).isoformat()
    known = a_listing(WHEEL.filename, upload_time=young)

    until = "PyPI accepts files for this release until 2026-12-05 12:00 UTC."
    assert messages(an_upload(SDIST), beside=known) == [[until]]
    assert messages(an_upload(SDIST)) == [[]]


def test_closed_release() -> None:
    """PyPI closes a release after 14 days."""
    known = a_listing(WHEEL.filename)

    ((message,),) = messages(an_upload(SDIST), beside=known)

    assert message.startswith("Uploading new files to releases older than 14 days is not allowed.")


def test_size_of_the_project() -> None:
    """The size of the project is one finding on the release, and not one on each file.

    The sizes of the files add up. Each file was checked alone once.
    """
    largest = ListedFile("demo-1.0.tar.gz", None, None, None, size=10 * 2**30 - 1)
    full = Listing({largest.filename: largest})
    uploads = [replace(an_upload(one), size=len(one.content)) for one in (WHEEL, SDIST)]

    findings = found(*uploads, beside=full)

    (size,) = [one for one in findings.pop(RELEASE) if one.level is Level.UNKNOWN]
    assert list(findings.values()) == [[], []]
    assert size.message.startswith(
        "The files of the project would have a total size of 10.0 GB. PyPI accepts up to 10 GB"
    )


def test_unknown_size_of_the_project() -> None:
    """Where the index does not list every size, that of the project is not mentioned."""
    unknown = ListedFile("demo-1.0.tar.gz", None, None, None, size=None)
    upload = replace(an_upload(SDIST), size=20 * 2**30)

    assert on_release(upload, beside=Listing({unknown.filename: unknown})) == []


def test_published_file() -> None:
    """A file that the index has already is not uploaded again: it has no findings."""
    listed = ListedFile(WHEEL.filename, an_upload(WHEEL).sha256, None, None)
    artifact = an_artifact(WHEEL.filename, content="x")
    same = replace(artifact, sha256=an_upload(WHEEL).sha256)
    answer = IndexAnswer(Listing({listed.filename: listed}))

    (kept, dropped) = (
        findings_of_release([staged_file(one, [suspicious("Odd.")])], answer, NOON)[WHEEL.filename]
        for one in (artifact, same)
    )

    assert (suspicious("Odd.") in kept, dropped) == (True, [])


def test_staged_and_local_files_have_the_same_findings() -> None:
    """A staged file is judged beside the index as the same file on disk is."""
    listing = a_listing("demo-1.0-cp311-cp311-win32.whl", "demo-2.0.zip", status="archived")
    uploads = [an_upload(LINUX), an_upload(SDIST)]
    local = [examined_file(one) for one in uploads]
    artifacts = [
        replace(
            an_artifact(one.filename),
            sha256=one.sha256,
            blake2b_256=one.blake2b_256,
            size=one.size,
            summary=one.get("summary"),
            requires_python=one.get("requires_python"),
            requires_dist=tuple(one.values("requires_dist")),
        )
        for one in uploads
    ]
    staged = [staged_file(one, file.findings) for one, file in zip(artifacts, local, strict=True)]

    answer = IndexAnswer(listing)
    on_disk = findings_of_release(local, answer, NOON)

    assert len(on_disk[SDIST.filename]) > 0
    assert findings_of_release(staged, answer, NOON) == on_disk


def test_stored_findings() -> None:
    """Without the index there are the findings of the files, and how they differ."""
    wheel = replace(an_artifact(WHEEL.filename), findings=(suspicious("Odd."),))
    sdist = an_artifact(SDIST.filename, requires_python=">=3.9")
    stage = a_stage("2.0", wheel, sdist)

    stored = stored_findings(stage)

    assert [stored[WHEEL.filename], stored[SDIST.filename]] == [(suspicious("Odd."),), ()]
    assert [one.message[:50] for one in stored[RELEASE]] == [
        f"{SDIST.filename} has a different Requires-Python than"[:50]
    ]
    assert stored_findings(replace(stage, status=Status.CANCELED)) == {}


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

    findings = by_file(upload)[WHEEL.filename]

    assert any("METADATA" in one.message for one in findings if one.level is Level.REFUSE)


def test_closed_project() -> None:
    """An archived project is reported once, before other findings."""
    listing = a_listing("demo-1.0-cp311-cp311-win32.whl", status="archived")

    assert on_release(an_upload(LINUX), beside=listing) == [
        Finding("name", "Project demo is archived on PyPI and accepts no uploads."),
        suspicious("There is no wheel for win32, unlike in demo 1.0.", "release"),
    ]


def test_new_project_misses_nothing() -> None:
    """The first release of a project misses no wheels."""
    assert on_release(an_upload(LINUX), beside=Listing(exists=False)) == []


@pytest.mark.parametrize("listing", [None, Listing()], ids=["offline", "asked"])
def test_no_files(listing: Listing | None) -> None:
    """No files have no findings."""
    assert on_release(beside=listing) == []
    assert by_file() == {}


def test_published_wheel_is_not_missed() -> None:
    """A wheel of this release that is published already is not missing. It was once."""
    listing = a_listing("demo-1.0-cp311-cp311-win32.whl", "demo-2.0-cp311-cp311-win32.whl")

    assert on_release(an_upload(LINUX), beside=listing) == []


def test_differences() -> None:
    """Differences between forms are reported, except those of a file that cannot be opened."""
    other = an_sdist(version="2.0", summary="Another")

    assert on_release(an_upload(WHEEL), an_upload(other)) == [
        suspicious(
            f"{other.filename} has a different Summary than {WHEEL.filename}. "
            f"PyPI shows that of {WHEEL.filename} for all files, because it is published first.",
            "release",
        )
    ]
    assert on_release(an_upload(WHEEL), broken(SDIST.filename)) == []
