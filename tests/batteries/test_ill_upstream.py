"""A stage in front of an upstream that is ill in every way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.batteries.ill_upstream import Battery, recorded
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.content_faults import LONGEST
from tests.support.index.fake_index import JUST_OUT, FakeIndex
from tests.support.index.ill_server import ill_server
from tests.support.servers.service import prefix_of, running_service

WHEEL = a_wheel(version="2.0")
PATIENCE = {"read_timeout": 0.2, "max_page_size": LONGEST, "fresh_for": 0}
SHOWN, NOT_SHOWN = {"stale_for": "1d"}, {"stale_for": 0}
FORMS = [
    pytest.param("ill-upstream", SHOWN, marks=pytest.mark.journey),
    pytest.param("ill-upstream-without-copies", NOT_SHOWN, marks=pytest.mark.battery),
]


@asynccontextmanager
async def battery(tmp_path: Path, index: FakeIndex, copies: Any) -> AsyncIterator[Battery]:
    """Run a stage of demo 2.0 in front of a server with the documents of an index."""
    index.add("demo", a_wheel(version="1.0"))
    index.add("demo", an_sdist(version="2.0"), extra_file_keys=JUST_OUT)
    index.add("other", a_wheel("other"))
    async with running_service(tmp_path / "first", index) as service:
        documents = await recorded(index.url, service)
    async with (
        ill_server(documents) as server,
        running_service(
            tmp_path / "data", index, upstream={"url": server.url, **PATIENCE, **copies}
        ) as service,
    ):
        stage = await service.staged(WHEEL)
        file_url = stage["files"][WHEEL.filename]["link"]
        yield Battery(service, server, prefix_of(stage), file_url)


@pytest.mark.parametrize(("name", "copies"), FORMS)
async def test_every_fault(tmp_path: Path, index: FakeIndex, name: str, copies: Any) -> None:
    """No fault is an unhandled error, a wrong page, or kept; staged files are always served."""
    async with battery(tmp_path, index, copies) as running:
        report = await running.run(name)

    print(report.counts)  # noqa: T201 - the result of the run
    assert report.counts["cases"] >= 240
    report.check()


@pytest.mark.parametrize(("name", "copies"), FORMS)
async def test_planted_defect(
    tmp_path: Path, index: FakeIndex, monkeypatch: pytest.MonkeyPatch, name: str, copies: Any
) -> None:
    """A server that keeps half a page is found."""
    monkeypatch.setattr("stageproxy.upstream.index.check_is_complete", lambda *_: None)

    async with battery(tmp_path, index, copies) as running:
        report = await running.run(name, ["JSON page"])

    assert "JSON page, cut off, of unknown length: not the same after the fault" in (
        report.violations
    )
    replace(report, planted="half a page is kept").check()
