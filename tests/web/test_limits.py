"""What may be stored and how often something may be done, by real requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
KIB = 2**10


@asynccontextmanager
async def limited(tmp_path: Path, index: FakeIndex, **limits: int) -> AsyncIterator[RunningService]:
    """Serve with *limits*."""
    async with running_service(tmp_path / "data", index, limits=limits) as service:
        yield service


def kept(service: RunningService) -> list[str]:
    """Return the names of the files on the disk."""
    return [one.name for one in (service.data / "files" / "kept").glob("*/*")]


async def used(service: RunningService, path: str) -> dict[str, Any]:
    """Return what is used, by setting."""
    document = (await service.api("GET", path)).document
    return {one["setting"]: one["used"] for one in document["limits"]}


@pytest.mark.parametrize("limit", ["total_bytes", "project_bytes", "token_bytes"])
async def test_bytes(tmp_path: Path, index: FakeIndex, limit: str) -> None:
    """An upload that exceeds a limit of bytes is 413 on one line, and leaves nothing behind."""
    async with limited(tmp_path, index, **{limit: 1}) as service:
        answer = await service.upload(WHEEL)

        assert answer.status == 413
        assert answer.reason is not None
        assert answer.reason.endswith(f"ask the server's operator to raise limits.{limit}.")
        assert (await service.api("GET", "stages")).document == {"stages": []}
        assert kept(service) == []


async def test_what_is_staged_already(tmp_path: Path, index: FakeIndex) -> None:
    """The same file again, and a smaller one in its place, are accepted at the limit."""
    large = a_wheel(version="2.0", summary="x" * 500)
    async with running_service(tmp_path / "data", index) as service:
        await service.upload(large)
        full = (await used(service, "projects/demo/limits"))["limits.project_bytes"]
    async with limited(tmp_path, index, project_bytes=full) as service:
        same, other = await service.upload(large), await service.upload(SDIST)
        smaller = await service.upload(WHEEL)

        assert (same.status, other.status, smaller.status) == (200, 413, 200)


async def test_room_is_free_again(tmp_path: Path, index: FakeIndex) -> None:
    """What is withdrawn or canceled makes room for others."""
    async with limited(tmp_path, index, project_bytes=1) as service:
        assert (await service.upload(WHEEL)).status == 413
    async with limited(tmp_path, index, stage_files=1) as service:
        stage = await service.staged(WHEEL)
        refused = await service.upload(SDIST)
        await service.api("DELETE", f"stages/{stage['id']}/files/{WHEEL.filename}")

        assert (refused.status, (await service.upload(SDIST)).status) == (429, 200)


async def test_announced_bytes_are_reserved(tmp_path: Path, index: FakeIndex) -> None:
    """What is announced counts as if it had come, until it has, or is deleted."""
    async with limited(tmp_path, index, token_bytes=100 * KIB) as service:
        client = Pep694Client(service)
        session = await client.session()
        first = await client.announce(session, WHEEL, size=60 * KIB)
        second = await client.announce(session, SDIST, size=60 * KIB)
        await client.ask("DELETE", first.document["links"]["file-upload-session"])
        third = await client.announce(session, SDIST, size=60 * KIB)

        assert (first.status, second.status, third.status) == (202, 413, 202)
        assert "at most 102,400 bytes, of which 61,440 are used" in second.document["detail"]


async def test_no_room_for_what_is_complete(tmp_path: Path, index: FakeIndex) -> None:
    """A file that is complete waits for room: it was sent, and nothing is wrong with it."""
    async with limited(tmp_path, index, project_bytes=len(WHEEL.content)) as service:
        client = Pep694Client(service)
        session = await client.session()

        answer = await client.upload(session, WHEEL)

        assert answer.status == 413
        assert await client.files(session) == {WHEEL.filename: "pending"}


@pytest.mark.parametrize("limit", ["stage_uploads", "token_uploads", "stage_files"])
async def test_unfinished_uploads(tmp_path: Path, index: FakeIndex, limit: str) -> None:
    """The number of files that are announced is limited."""
    async with limited(tmp_path, index, **{limit: 1}) as service:
        client = Pep694Client(service)
        session = await client.session()

        answers = [await client.announce(session, one) for one in (WHEEL, SDIST)]

        assert [one.status for one in answers] == [202, 429]
        assert f"raise limits.{limit}." in answers[1].document["detail"]


async def test_openings(tmp_path: Path, index: FakeIndex) -> None:
    """A token can open so many stages of a project, and is told when it can open another."""
    async with limited(tmp_path, index, openings_per_hour=2) as service:
        opened = [await service.api("POST", "stages", name="demo", version=v) for v in "123"]
        upload = await service.upload(a_wheel(version="4.0"))
        other = await service.api("POST", "stages", name="other", version="1")
        service.clock.advance(minutes=30)
        later = await service.api("POST", "stages", name="demo", version="3")

        assert [one.status for one in (*opened, upload, other, later)] == [
            *(201, 201, 429),
            *(429, 201, 201),
        ]
        assert opened[2].headers["Retry-After"] == upload.headers["Retry-After"] == "1800"


async def test_changes(tmp_path: Path, index: FakeIndex) -> None:
    """A token can try so many changes, refused ones too; reading is not counted."""
    async with limited(tmp_path, index, changes_per_hour=3) as service:
        token = await service.token()
        tried = [await service.api("DELETE", "tokens/x", token) for _ in range(3)]
        upload = await service.upload(WHEEL, token=token)
        read = await service.api("GET", "stages", token)
        others = await service.upload(WHEEL)

        assert {one.status for one in tried} == {403}
        assert (upload.status, read.status, others.status) == (429, 200, 200)
        assert upload.headers["Retry-After"] == "1200"
        assert "raise limits.changes_per_hour." in str(upload.reason)


async def test_use_is_shown(tmp_path: Path, index: FakeIndex) -> None:
    """The limits and their use are shown for the server, the token and the project."""
    async with limited(tmp_path, index, project_bytes=4000) as service:
        await service.upload(WHEEL)

        project = (await service.api("GET", "projects/Demo/limits")).document["limits"]
        mine = await used(service, "limits")
        metrics = (await service.get("/metrics")).text

    held, stages, openings = project
    assert (held["limit"], held["of"]) == (4000, "project")
    assert held["used"] > len(WHEEL.content)
    assert mine["limits.total_bytes"] == mine["limits.token_bytes"] == held["used"]
    assert (stages["used"], openings["used"]) == (1, 1)
    assert 'stageproxy_limit{setting="limits.project_bytes"} 4000.0' in metrics
    assert f"stageproxy_used_bytes {float(held['used'])}" in metrics


async def test_no_project(tmp_path: Path, index: FakeIndex) -> None:
    """The limits of what cannot be a project are not shown."""
    async with limited(tmp_path, index) as service:
        refused = await service.api("GET", "projects/no%20name/limits")

    assert (refused.status, refused.document["detail"]) == (400, "'no name' is not a project name.")


async def test_refusals_are_counted(tmp_path: Path, index: FakeIndex) -> None:
    """A refusal because of a limit is counted by its setting, without a project or a token."""
    async with limited(tmp_path, index, total_bytes=1) as service:
        await service.upload(WHEEL)

        text = (await service.get("/metrics")).text

    assert 'stageproxy_limit_refusals_total{setting="limits.total_bytes"} 1.0' in text


async def test_shortest_lifetime(service: RunningService) -> None:
    """A stage lives for some seconds at least, and its notice says so."""
    stage = (
        await service.api("POST", "stages", name="demo", version="1.0", lifetime="1s")
    ).document
    service.clock.advance(seconds=1)

    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert shown["status"] == "open"
    assert "at least 2s after each change" in stage["notices"][-1]


async def test_shorter_lifetime_of_the_settings(tmp_path: Path, index: FakeIndex) -> None:
    """Where the settings have a shorter lifetime, that is the shortest."""
    async with running_service(tmp_path / "data", index, stage={"lifetime": "2s"}) as service:
        stage = await service.open_stage()
        service.clock.advance(seconds=2)

        shown = (await service.api("GET", f"stages/{stage['id']}")).document
        assert (stage["notices"], shown["end"]) == ([], "expired")
