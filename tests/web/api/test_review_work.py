"""The review that background work completes: over HTTP, with a gate in front of the inspector."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import ArtifactDelta, ChangeKind, MemberDelta
from stageproxy.core.review.findings import NOT_REVIEWED, ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.fake_review_inspector import FakeReviewInspector
from tests.support.servers.service import RunningService, prefix_of, running_service

OLD_WHEEL, OLD_SDIST = a_wheel(version="1.0"), an_sdist(version="1.0")
WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
CHANGED = MemberDelta("demo/__init__.py", ChangeKind.CHANGED, 1, 2)
HOOK = ReviewFinding(
    Section.SUPPLY_CHAIN, Level.WARN, "pth-added", "It has a .pth file.", files=(WHEEL.filename,)
)
ODD = ReviewFinding(Section.PARITY, Level.NOTE, "odd", "One file is not in the sdist.")


@pytest.fixture
def inspector() -> FakeReviewInspector:
    """Return an inspector that finds a change and a hook in the wheel."""
    delta = ArtifactDelta(WHEEL.filename, OLD_WHEEL.filename, members=(CHANGED,))
    return FakeReviewInspector(
        reviews={WHEEL.filename: ArtifactReview(delta, findings=(HOOK,))},
        parities={WHEEL.filename: [ODD]},
    )


@pytest.fixture
async def service(
    tmp_path: Path, index: FakeIndex, inspector: FakeReviewInspector
) -> AsyncIterator[RunningService]:
    """Return a service that makes reviews in the background."""
    async with running_service(
        tmp_path / "data",
        index,
        reviewed_by=inspector,
        upstream={"fresh_for": 0},
        review={"background": True},
    ) as running:
        yield running


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return the stage of demo 2.0, with demo 1.0 on the index."""
    service.index.add("demo", OLD_WHEEL, OLD_SDIST)
    return await service.staged(WHEEL, SDIST)


async def review_of(service: RunningService, stage: Any) -> Any:
    """Return the review of a stage as it is now."""
    return (await service.get(f"{prefix_of(stage)}+review")).document


async def until_over(service: RunningService, stage: Any) -> Any:
    """Return the review of a stage once its background work is over."""
    while True:
        review = await review_of(service, stage)
        if review["progress"]["state"] not in {"waiting", "running"}:
            return review


def drafts(service: RunningService) -> list[Path]:
    """Return the files that were downloaded and are still there."""
    return [*(service.data / "derived" / "drafts").iterdir()]


async def test_first_request_starts_it(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """The first answer has what is known at once; the comparison follows, pair by pair."""
    first = await review_of(service, stage)
    done = await until_over(service, stage)

    assert first["progress"]["state"] == "waiting"
    assert first["baseline"]["version"] == "1.0"
    assert first["impact"]["rows"]
    assert done["progress"]["state"] == "done"
    assert sorted(inspector.asked) == [
        (WHEEL.filename, OLD_WHEEL.filename),
        (WHEEL.filename, SDIST.filename),
        (SDIST.filename, OLD_SDIST.filename),
    ]
    delta = done["deltas"][0]
    assert (delta["against"], delta["version"], delta["label"]) == ("release", "1.0", "demo 1.0")
    assert {"pth-added", "odd"} <= {one["code"] for one in done["findings"]}
    assert drafts(service) == []


async def test_unread_files_are_read_again(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """What a busy server could not read is read once more; what it has read is not."""
    unread = ReviewFinding(Section.SUPPLY_CHAIN, Level.UNKNOWN, NOT_REVIEWED, "Not read.")
    delta = ArtifactDelta(SDIST.filename, OLD_SDIST.filename)
    inspector.reviews = {
        **inspector.reviews,
        SDIST.filename: ArtifactReview(delta, findings=(unread,)),
    }
    await until_over(service, stage)
    inspector.asked.clear()

    other = a_wheel(version="2.0", tag="py2-none-any")
    await service.upload(other)
    await until_over(service, stage)

    again = [after for after, before in inspector.asked if before != SDIST.filename]
    assert sorted(again) == sorted([SDIST.filename, other.filename])


async def test_counterparts_are_downloaded(service: RunningService, stage: Any) -> None:
    """Only the counterparts are downloaded, each once."""
    await until_over(service, stage)

    downloaded = [one.path.rpartition("/")[2] for one in service.index.requests]
    assert sorted(one for one in downloaded if one.startswith("demo-")) == sorted(
        [OLD_WHEEL.filename, OLD_SDIST.filename]
    )


async def test_done_is_done(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """A review that is done stays as it is, with its ETag; nothing is read again."""
    await until_over(service, stage)
    url, asked = f"{prefix_of(stage)}+review", list(inspector.asked)
    before = await service.get(url)
    service.clock.advance(minutes=5)
    again = await service.get(url, If_None_Match=before.headers["ETag"])

    assert again.status == 304
    assert inspector.asked == asked


async def test_changed_file_is_compared_alone(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """When a file is replaced, the review is about the new one, and only that is read."""
    await until_over(service, stage)
    inspector.asked.clear()
    replaced = a_wheel(version="2.0", summary="Another")
    await service.staged(replaced)
    review = await until_over(service, stage)

    assert review["manifest-digest"] != stage["manifest-digest"]
    assert inspector.asked == [
        (replaced.filename, OLD_WHEEL.filename),
        (replaced.filename, SDIST.filename),
    ]
    assert [one["against"] for one in review["deltas"]] == ["release", "candidate"]


async def test_contents_since_the_last_candidate(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """What a new build changes beside the one before follows from the comparisons of both."""
    await until_over(service, stage)
    again = replace(CHANGED, size_after=3, sha256="3")
    delta = ArtifactDelta(WHEEL.filename, OLD_WHEEL.filename, members=(again,))
    inspector.reviews = {WHEEL.filename: ArtifactReview(delta)}
    await service.staged(a_wheel(version="2.0", summary="Another"))
    review = await until_over(service, stage)

    (candidate,) = (one for one in review["deltas"] if one["against"] == "candidate")
    (artifact,) = candidate["artifacts"]
    (member,) = artifact["members"]
    assert (artifact["before"], artifact["not-compared"]) == (WHEEL.filename, "")
    assert (member["path"], member["size-before"], member["size-after"]) == (CHANGED.path, 2, 3)


async def test_reading_changes_no_row(service: RunningService, stage: Any) -> None:
    """A review and its background work change nothing in the database."""
    before = service.parts.database.state()
    await until_over(service, stage)

    assert service.parts.database.state() == before


async def test_new_baseline(
    service: RunningService, stage: Any, inspector: FakeReviewInspector
) -> None:
    """When another release becomes the last one, the review is about that."""
    await until_over(service, stage)
    service.index.add("demo", a_wheel(version="1.1"))
    review = await until_over(service, stage)

    assert review["deltas"][0]["version"] == "1.1"
    assert (WHEEL.filename, "demo-1.1-py3-none-any.whl") in inspector.asked


async def test_first_release(service: RunningService, inspector: FakeReviewInspector) -> None:
    """The first release of a project is compared with nothing, and its files are read alone."""
    stage = await service.staged(WHEEL)
    review = await until_over(service, stage)

    assert (review["baseline"], review["deltas"]) == (None, [])
    assert inspector.asked == [(WHEEL.filename, "")]


async def test_restart_of_the_server(
    tmp_path: Path, index: FakeIndex, inspector: FakeReviewInspector
) -> None:
    """A server that is stopped while it compares ends the work; the next one does the rest."""
    inspector.gate.clear()
    settings: Any = {"reviewed_by": inspector, "review": {"background": True}}
    index.add("demo", OLD_WHEEL)
    async with running_service(tmp_path / "data", index, **settings) as first:
        stage = await first.staged(WHEEL)
        await review_of(first, stage)
        await inspector.begun.wait()
    inspector.gate.set()
    async with running_service(tmp_path / "data", index, **settings) as second:
        shown = (await second.api("GET", f"stages/{stage['id']}")).document
        review = await until_over(second, shown)
        assert drafts(second) == []

    assert review["progress"]["state"] == "done"


async def test_resolution(service: RunningService) -> None:
    """The review says what would be installed for three Pythons, and what conflicts."""
    service.index.add("idna", a_wheel("idna", "3.0"))
    service.index.add("httpx", a_wheel("httpx", "1.0", requires_dist=["idna<3"]))
    good = await service.staged(a_wheel(version="2.0", requires_dist=["idna"]))
    bad = await service.staged(a_wheel("other", "2.0", requires_dist=["idna>=3", "httpx"]))

    resolved, conflict = [await until_over(service, one) for one in (good, bad)]

    assert [one["python"] for one in resolved["resolutions"]] == ["3.15", "3.12", "3.10"]
    assert resolved["resolutions"][0]["chosen"] == ["demo==2.0", "idna==3.0"]
    assert {one["outcome"] for one in conflict["resolutions"]} == {"conflict"}
    (finding,) = (one for one in conflict["findings"] if one["section"] == "resolution")
    assert finding["level"] == "warn"
    assert "other==2.0 requires idna>=3" in finding["message"]
    assert "httpx==1.0 requires idna<3" in finding["message"]
