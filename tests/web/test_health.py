"""Liveness and readiness."""

import pytest

from stageproxy.store.sqlite.database import Database
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import RunningService


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_well(service: RunningService, path: str) -> None:
    """A working server reports it, without credentials."""
    answer = await service.get(path)

    assert (answer.status, answer.document["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_head(service: RunningService, path: str) -> None:
    """HEAD works as GET does: some monitors send nothing else."""
    answer = await service.get(path, method="HEAD")

    assert (answer.status, answer.body) == (200, b"")


async def test_upstream_does_not_count(service: RunningService) -> None:
    """A server is ready while upstream is down: a restart would not help."""
    service.index.quirks = Quirks(status=503)

    assert (await service.get("/health/ready")).status == 200
    assert service.index.requests == []


async def test_not_ready(service: RunningService) -> None:
    """A server that cannot write reports what is wrong, without paths."""
    database = service.parts.database
    assert isinstance(database, Database)
    database._writer.execute("PRAGMA query_only = ON")  # noqa: SLF001 - a full disk

    ready = await service.get("/health/ready")
    live = await service.get("/health/live")

    assert (ready.status, live.status) == (503, 200)
    assert ready.document["status"] == "not ready"
    assert str(service.data) not in ready.text
