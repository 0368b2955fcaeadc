"""The review of a stage with real processes that read the artifacts."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stageproxy.store.review_inspection import ReviewInspection
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0", summary="New", requires_python=">=3.11")


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that makes reviews in the background, with demo 1.0 on the index."""
    index.add("demo", a_wheel(version="1.0"), an_sdist(version="1.0"))
    settings: Mapping[str, Any] = {"upstream": {"fresh_for": 0}, "review": {"background": True}}
    with ReviewInspection() as inspection:
        async with running_service(
            tmp_path / "data", index, reviewed_by=inspection, **settings
        ) as running:
            yield running


async def deltas_of(service: RunningService, stage: Any) -> Any:
    """Return the deltas of a stage once its background work is over."""
    while True:
        review = (await service.get(f"{prefix_of(stage)}+review")).document
        if review["progress"]["state"] not in {"waiting", "running"}:
            assert review["progress"]["state"] == "done"
            return review["deltas"]


async def test_contents_of_real_artifacts(service: RunningService) -> None:
    """What a wheel and an sdist change is read from both, and from what was staged before."""
    stage = await service.staged(WHEEL, an_sdist(version="2.0"))
    (release,) = await deltas_of(service, stage)
    await service.staged(a_wheel(version="2.0", summary="Newer", requires_python=">=3.11"))
    _, candidate = await deltas_of(service, stage)

    assert [(one["name"], one["change"]) for one in release["requirements"]] == [
        ("python", "tightened")
    ]
    wheel, sdist = release["artifacts"]
    assert "demo/__init__.py" in [one["path"] for one in wheel["members"] if one["diff"]]
    assert (wheel["not-compared"], sdist["not-compared"]) == ("", "")
    assert [(one["before"], one["after"]) for one in candidate["fields"]] == [("New", "Newer")]
