"""What becomes of an artifact that arrives."""

import pytest

from stageproxy.core.errors import ConflictError, OtherReleaseError, RefusedError
from stageproxy.core.release.intake import Outcome, plan_intake
from stageproxy.core.release.stages import Artifact, Stage, Status
from tests.support.builders import a_stage, an_artifact

HELD = an_artifact("demo-2.0.tar.gz", content="bytes", form="form")
SAME = HELD
OTHER_FORM = an_artifact("demo-2.0.tar.gz", content="bytes", form="another form")
OTHER_BYTES = an_artifact("demo-2.0.tar.gz", content="other bytes")
OTHER_NAME = an_artifact("demo-2.0-py3-none-any.whl", content="bytes")
NEW = an_artifact("demo-2.0-py3-none-any.whl", content="a wheel")
STAGED = " These bytes are staged as 'demo-2.0.tar.gz'."


def plan(
    arriving: Artifact,
    *,
    stage: Stage | None = None,
    version: str = "2.0",
    elsewhere: tuple[Artifact, ...] = (),
    replace: bool = True,
) -> Outcome:
    """Plan what an artifact does to a stage that holds one sdist."""
    into = stage or a_stage("2.0", HELD)
    return plan_intake(into, arriving, version, [*into.artifacts, *elsewhere], replace=replace)


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
def test_an_artifact_is_taken_in(arriving: Artifact, outcome: Outcome, *, replace: bool) -> None:
    """The same file again is no change; with another form it is another release (#96)."""
    assert plan(arriving, replace=replace) is outcome


@pytest.mark.parametrize(
    ("arriving", "replace", "more"),
    [(OTHER_BYTES, False, ""), (OTHER_NAME, True, STAGED), (OTHER_NAME, False, STAGED)],
    ids=["other bytes, may not replace", "another name, may replace", "another name, may not"],
)
def test_what_pypi_has_seen_is_refused(arriving: Artifact, more: str, *, replace: bool) -> None:
    """PyPI takes no name twice and no bytes twice; the sentence names what arrives (#96)."""
    with pytest.raises(RefusedError) as caught:
        plan(arriving, replace=replace)

    arrived = f"({arriving.filename!r}, with blake2_256 hash {arriving.blake2b_256!r})"
    assert caught.value.sentence == f"File already exists {arrived}.{more}"


def test_bytes_of_another_stage_are_refused() -> None:
    """The live stages of a project share the rule: all of them are to be published."""
    with pytest.raises(RefusedError, match=r"are staged as 'demo-1\.0\.tar\.gz'\."):
        plan(NEW, elsewhere=(an_artifact("demo-1.0.tar.gz", content="a wheel"),))


def test_a_second_sdist_is_refused() -> None:
    """PyPI takes one sdist of a release, and another spelling of its version is none (#103)."""
    with pytest.raises(RefusedError) as caught:
        plan(an_artifact("demo-2.0.0.tar.gz"), version="2.0.0")

    assert caught.value.sentence == "Only one sdist may be uploaded per release."


def test_another_version_belongs_to_another_stage() -> None:
    """A stage is one release (#20)."""
    with pytest.raises(OtherReleaseError, match=r"which is demo 2\.0"):
        plan(NEW, version="2.1")


def test_another_spelling_is_the_same_release() -> None:
    """`2` and `2.0` are one release on PyPI, and one stage here."""
    assert plan(NEW, version="2") is Outcome.UPLOADED


def test_any_version_fits_a_stage_without_one() -> None:
    """The first artifact fixes the version."""
    assert plan(NEW, stage=a_stage(None), version="3.0") is Outcome.UPLOADED


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.PUBLISHED, Status.CANCELED])
@pytest.mark.parametrize("arriving", [NEW, SAME], ids=["new", "the same"])
def test_a_stage_that_is_closed_takes_nothing(status: Status, arriving: Artifact) -> None:
    """What is being published stays what it is, whatever arrives (#31)."""
    with pytest.raises(ConflictError, match=f"is {status} and cannot be edited"):
        plan(arriving, stage=a_stage("2.0", HELD, status=status))
