"""What accepting an artifact does to a stage."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stageproxy.core.errors import ConflictError, OtherReleaseError, RefusedError
from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.rules.upload import IndexState
from stageproxy.core.stage.accept import (
    NOTHING_FINAL,
    Final,
    Outcome,
    check_bytes_as_published,
    check_project_accepts_uploads,
    index_state_of,
    is_published,
    plan_acceptance,
)
from stageproxy.core.stage.stage import Artifact, Stage, Status
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.errors import find_refusal
from tests.support.ports.clock import NOON

HELD = an_artifact("demo-2.0.tar.gz", content="bytes", form="form")
SAME = HELD
OTHER_FORM = an_artifact("demo-2.0.tar.gz", content="bytes", form="another form")
OTHER_BYTES = an_artifact("demo-2.0.tar.gz", content="other bytes")
OTHER_NAME = an_artifact("demo-2.0-py3-none-any.whl", content="bytes")
NEW = an_artifact("demo-2.0-py3-none-any.whl", content="a wheel")
EXISTS = "File already exists ('{}', with blake2_256 hash '{}')."


def plan(
    arriving: Artifact,
    *,
    stage: Stage | None = None,
    version: str = "2.0",
    elsewhere: tuple[Artifact, ...] = (),
    replace: bool = True,
    final: Final = NOTHING_FINAL,
) -> Outcome:
    """Plan what an artifact does to a stage with one sdist."""
    into = stage or a_stage("2.0", HELD)
    others = [*into.artifacts, *elsewhere]
    return plan_acceptance(into, arriving, version, others, replace=replace, final=final)


@pytest.mark.parametrize(
    ("arriving", "replace", "outcome"),
    [
        (NEW, True, Outcome.UPLOADED),
        (NEW, False, Outcome.UPLOADED),
        (SAME, True, Outcome.UNCHANGED),
        (SAME, False, Outcome.UNCHANGED),
        (OTHER_FORM, True, Outcome.REPLACED),
        (OTHER_FORM, False, Outcome.UNCHANGED),
        (OTHER_BYTES, True, Outcome.REPLACED),
    ],
    ids=[
        "new, may replace",
        "new, may not",
        "the same, may replace",
        "the same, may not",
        "another form, may replace",
        "another form, may not",
        "other bytes, may replace",
    ],
)
def test_artifact_is_accepted(arriving: Artifact, outcome: Outcome, *, replace: bool) -> None:
    """The same file again changes nothing; with another form it replaces the first."""
    assert plan(arriving, replace=replace) is outcome


@pytest.mark.parametrize(
    ("arriving", "replace"),
    [(OTHER_BYTES, False), (OTHER_NAME, True), (OTHER_NAME, False)],
    ids=["other bytes, may not replace", "another name, may replace", "another name, may not"],
)
def test_used_name_or_bytes_are_refused(arriving: Artifact, *, replace: bool) -> None:
    """PyPI accepts no filename and no bytes twice; the sentence is PyPI's."""
    with pytest.raises(RefusedError) as caught:
        plan(arriving, replace=replace)

    assert caught.value.sentence == EXISTS.format(arriving.filename, arriving.blake2b_256)


def test_bytes_of_another_stage_are_refused() -> None:
    """The live stages of a project cannot have the same bytes: all are to be published."""
    with pytest.raises(RefusedError, match=r"File already exists \('demo-2.0-py3"):
        plan(NEW, elsewhere=(an_artifact("demo-1.0.tar.gz", content="a wheel"),))


def test_another_version_belongs_to_another_stage() -> None:
    """A stage is one release."""
    with pytest.raises(OtherReleaseError, match=r"does not belong to stage demo 2\.0"):
        plan(NEW, version="2.1")


def test_another_spelling_is_the_same_release() -> None:
    """`2` and `2.0` are one release on PyPI, and one stage here."""
    assert plan(NEW, version="2") is Outcome.UPLOADED


def test_first_artifact_fixes_the_version() -> None:
    """A stage without a version accepts any version."""
    assert plan(NEW, stage=a_stage(None), version="3.0") is Outcome.UPLOADED


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.PUBLISHED, Status.CANCELED])
@pytest.mark.parametrize("arriving", [NEW, SAME], ids=["new", "the same"])
def test_closed_stage_accepts_nothing(status: Status, arriving: Artifact) -> None:
    """A stage that is being published or has ended accepts no artifacts."""
    with pytest.raises(ConflictError, match=f"is {status} and cannot be edited"):
        plan(arriving, stage=a_stage("2.0", HELD, status=status))


PARTIAL = a_stage("2.0", HELD, NEW, status=Status.ERROR, sent=True)
WHEEL_FINAL = {NEW.filename: "is published"}


@pytest.mark.parametrize(
    ("arriving", "outcome"),
    [
        (OTHER_BYTES, Outcome.REPLACED),
        (OTHER_FORM, Outcome.REPLACED),
        (SAME, Outcome.UNCHANGED),
        (NEW, Outcome.UNCHANGED),
        (an_artifact("demo-2.0-cp313-none-any.whl", content="another"), Outcome.UPLOADED),
    ],
    ids=["other bytes", "another form", "the same", "a final file again", "another wheel"],
)
def test_partially_published_stage(arriving: Artifact, outcome: Outcome) -> None:
    """A partially published stage takes files that certainly are not published."""
    assert plan(arriving, stage=PARTIAL, final=WHEEL_FINAL) is outcome


@pytest.mark.parametrize(
    "arriving",
    [
        an_artifact(NEW.filename, content="other bytes"),
        an_artifact(NEW.filename, content="a wheel", form="another form"),
    ],
    ids=["other bytes", "another form"],
)
def test_final_file_is_not_replaced(arriving: Artifact) -> None:
    """A file that may be published cannot be replaced, and the sentence says why."""
    with pytest.raises(ConflictError) as caught:
        plan(arriving, stage=PARTIAL, final=WHEEL_FINAL)

    assert caught.value.sentence == (
        f"{NEW.filename} is published, so it can be neither replaced nor withdrawn. "
        "Files that certainly are not published can be."
    )


def test_nothing_is_added_after_the_sdist() -> None:
    """Once the sdist may be published, no wheel is added: the sdist is published last."""
    another = an_artifact("demo-2.0-cp313-none-any.whl", content="another")
    final = {HELD.filename: "was accepted by the index"}

    with pytest.raises(ConflictError) as caught:
        plan(another, stage=PARTIAL, final=final)

    assert caught.value.sentence == (
        f"{HELD.filename} was accepted by the index. The sdist is the last file of a release, "
        "so demo 2.0 takes no more files. Publish another version."
    )


@pytest.mark.parametrize(
    ("sha256", "published"),
    [(HELD.sha256, True), (None, False)],
    ids=["the same bytes", "not listed"],
)
def test_published_file_is_recognized(sha256: str | None, *, published: bool) -> None:
    """A file that upstream lists with the same digest is published already."""
    check_bytes_as_published(HELD, listing_of(sha256))
    assert is_published(HELD, listing_of(sha256)) is published


@pytest.mark.parametrize("sha256", ["0" * 64, ""], ids=["another digest", "an empty digest"])
def test_other_bytes_upstream_are_refused(sha256: str) -> None:
    """A filename that upstream lists with other bytes can never be published."""
    assert not is_published(HELD, listing_of(sha256))
    with pytest.raises(RefusedError, match=r"^File already exists"):
        check_bytes_as_published(HELD, listing_of(sha256))


def test_file_without_a_digest_is_refused() -> None:
    """A file that upstream lists without a digest may have other bytes."""
    listing = Listing({HELD.filename: ListedFile(HELD.filename, None, None, None)})

    with pytest.raises(RefusedError):
        check_bytes_as_published(HELD, listing)


def listing_of(sha256: str | None) -> Listing:
    """Return a listing that has the staged file with a digest, or not at all."""
    if sha256 is None:
        return Listing()
    return Listing({HELD.filename: ListedFile(HELD.filename, sha256, None, None)})


def a_page_of(*uploads: tuple[str, str | None]) -> Listing:
    """Return a listing of files, each with its upload time."""
    files = [ListedFile(name, name, None, None, 7, time) for name, time in uploads]
    return Listing({file.filename: file for file in files})


def test_index_state_of_a_release() -> None:
    """The state of the index has all files of the project, and the first upload of the release."""
    later, first = "2026-11-21T12:00:00Z", "2026-11-20T12:00:00.5Z"
    page = a_page_of(
        ("demo-1.0.tar.gz", "2020-01-01T00:00:00Z"),
        ("demo-2.0.tar.gz", later),
        ("demo-2.0.0-py3-none-any.whl", first),
    )

    assert index_state_of(page, "2", NOON) == IndexState(
        now=NOON,
        has_project=True,
        files={name: name for name in page.files},
        release=("demo-2.0.tar.gz", "demo-2.0.0-py3-none-any.whl"),
        first_upload=datetime(2026, 11, 20, 12, 0, 0, 500000, UTC),
        size=21,
        largest=7,
    )


@pytest.mark.parametrize("time", [None, "yesterday", "2026-11-20", "2026-11-20T12:00:00"], ids=str)
def test_unreadable_time_is_unknown(time: str | None) -> None:
    """A page without times, or with unreadable ones, leaves the age of the release unknown."""
    found = index_state_of(a_page_of(("demo-2.0.tar.gz", time)), "2.0", NOON)

    assert (found.first_upload, found.is_age_known) == (None, False)
    assert found.release == ("demo-2.0.tar.gz",)


def test_staged_files_count_for_the_size() -> None:
    """The size of the project includes staged files; one that is also published counts once."""
    page = a_page_of(("demo-1.0.tar.gz", None), (HELD.filename, None))
    other = replace(HELD, filename="demo-2.0-py3-none-any.whl", size=100)

    assert index_state_of(page, None, NOON, staged=[HELD, other]).size == 114


def test_unknown_size() -> None:
    """If the size of a file is missing, the size of the project is unknown."""
    unknown = ListedFile("demo-1.0.tar.gz", None, None, None)

    assert index_state_of(Listing({unknown.filename: unknown}), None, NOON).size is None


def test_new_project() -> None:
    """An index without the project has an empty state."""
    assert index_state_of(Listing(exists=False), None, NOON) == IndexState(
        NOON, has_project=False, size=0
    )


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_closed_project_accepts_no_uploads(status: str) -> None:
    """Archived and quarantined projects accept no uploads (PEP 792)."""
    with pytest.raises(RefusedError) as caught:
        check_project_accepts_uploads("demo", Listing(status=status))

    assert caught.value.sentence == f"Project demo is {status} on PyPI and accepts no uploads."


@pytest.mark.parametrize(
    ("status", "is_closed"),
    [("active", False), ("deprecated", False), ("something new", False), ("archived", True)],
    ids=str,
)
def test_other_projects_accept_uploads(status: str, *, is_closed: bool) -> None:
    """An unknown status of a project is no reason to refuse uploads."""
    refusal = find_refusal(check_project_accepts_uploads, "demo", Listing(status=status))

    assert (refusal is not None) is is_closed
