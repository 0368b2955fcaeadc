"""Hostile archives that are sent to a real server."""

import asyncio
import io
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.distributions import Distribution
from tests.support.builders.forms import FORM, body_of
from tests.support.builders.hostile import HONEST_SDIST, HONEST_WHEEL, Fate, hostile_form
from tests.support.builders.hostile_tars import HOSTILE_SDISTS
from tests.support.builders.hostile_zips import HOSTILE_WHEELS
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.inspection_processes import (
    first_asked,
    inspection_processes,
    is_running,
    memory_of,
    stop,
)
from tests.support.servers.processes import Server, running_server

pytestmark = pytest.mark.journey

MIB = 2**20
MOST_GROWTH = 128 * MIB
LONGEST_ANSWER = 8
ALL = [
    *((HONEST_WHEEL.filename, case, hostile) for case, hostile in HOSTILE_WHEELS.items()),
    *((HONEST_SDIST.filename, case, hostile) for case, hostile in HOSTILE_SDISTS.items()),
]


class _KilledError(Exception):
    """The server was killed."""


@pytest.fixture
async def server(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Server]:
    """Return a server in front of an empty index."""
    settings = {"UPSTREAM__URL": index.url}
    async with running_server(tmp_path / "data", logs=tmp_path, settings=settings) as server:
        yield server


async def upload(server: Server, filename: str, content: bytes) -> tuple[int, str, list[str]]:
    """Return the status of an upload, its sentence, and the notices of the file."""
    headers = {"Authorization": f"Bearer {server.admin_token}", "Content-Type": FORM}
    body = body_of(hostile_form(Distribution(filename, content)))
    async with (
        ClientSession(headers=headers) as session,
        session.post(f"{server.url}/legacy/", data=io.BytesIO(body)) as response,
    ):
        text = await response.text()
    assert response.content_type == (
        "application/vnd.pypi.upload.v2+json" if response.status == 200 else "text/plain"
    )
    if response.status != 200:
        return response.status, text, []
    return response.status, text, json.loads(text)["files"][filename]["notices"]


def fate_of(status: int, notices: list[str]) -> Fate:
    """Return the fate of an archive."""
    if status == 400:
        return Fate.REFUSED
    assert status == 200
    return Fate.NOTED if notices else Fate.ANSWERED


def left_of(server: Server) -> list[Path]:
    """Return the files that are still being received."""
    return list((server.data / "files" / "incoming").iterdir())


def internal_errors(server: Server) -> list[str]:
    """Return the lines of the log on internal errors."""
    lines = (server.logs / "stderr").read_text().splitlines()
    return [line for line in lines if "Traceback" in line or " ERROR " in line]


async def until_gone(pids: Collection[int]) -> None:
    """Wait until all of these processes have ended."""
    async with asyncio.timeout(20):
        while any(map(is_running, pids)):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


async def stopped_processes(server: Server) -> set[int]:
    """Upload a file, and stop the processes that have read it, as if they were busy."""
    assert (await upload(server, HONEST_WHEEL.filename, HONEST_WHEEL.content))[0] == 200
    pids = inspection_processes(server.process.pid)
    for pid in pids:
        stop(pid)
    return pids


async def test_hostile_archives(server: Server) -> None:
    """Each archive is answered in time and takes little memory, and the next upload works."""
    await upload(server, HONEST_WHEEL.filename, HONEST_WHEEL.content)
    before, odd, slowest, largest = memory_of(server.process.pid, most=True), [], 0.0, 0
    idle = min(memory_of(pid) for pid in inspection_processes(server.process.pid))
    for filename, case, hostile in ALL:
        content = await asyncio.to_thread(hostile.build)
        began = time.monotonic()
        status, said, notices = await upload(server, filename, content)
        took = time.monotonic() - began
        slowest = max(slowest, took)
        behind = await upload(server, HONEST_WHEEL.filename, HONEST_WHEEL.content)
        pids = inspection_processes(server.process.pid)
        largest = max(largest, *(memory_of(pid, most=True) for pid in pids))
        if fate_of(status, notices) < hostile.fate or took > LONGEST_ANSWER or behind[0] != 200:
            odd.append(f"{case}: {status} after {took:.1f} s, then {behind[0]}. {said}")

    growth = memory_of(server.process.pid, most=True) - before
    if max(growth, largest - idle) >= MOST_GROWTH:
        odd.append("A process grew too much.")
    odd += [f"{path.name} was left behind." for path in left_of(server)]
    counts = {
        "archives": len(ALL),
        "slowest answer in s": round(slowest, 1),
        "growth of the server in MiB": growth // MIB,
        "largest process in MiB": largest // MIB,
    }
    violations = [*odd, *internal_errors(server)]
    BatteryReport("hostile-archives", SEED, counts, violations).check()


async def test_process_that_is_killed(server: Server) -> None:
    """The file of a killed process is refused and removed, and the next upload works."""
    pids = await stopped_processes(server)

    async with asyncio.TaskGroup() as group:
        uploading = group.create_task(upload(server, HONEST_SDIST.filename, HONEST_SDIST.content))
        asked = await first_asked(pids)
        for pid in pids:
            os.kill(pid, signal.SIGKILL if pid == asked else signal.SIGCONT)
    left = left_of(server)
    again = await upload(server, HONEST_SDIST.filename, HONEST_SDIST.content)

    status, said, _ = uploading.result()
    assert (status, left, again[0]) == (400, [], 200)
    assert "Invalid distribution file. File cannot be read" in said


async def test_process_that_takes_too_long(server: Server) -> None:
    """The file of a slow process is refused in time, and the next upload works."""
    pids = await stopped_processes(server)
    began = time.monotonic()

    async with asyncio.TaskGroup() as group:
        uploading = group.create_task(upload(server, HONEST_SDIST.filename, HONEST_SDIST.content))
        asked = await first_asked(pids)
        for pid in pids - {asked}:
            os.kill(pid, signal.SIGCONT)
    took = time.monotonic() - began
    left = left_of(server)
    again = await upload(server, HONEST_SDIST.filename, HONEST_SDIST.content)

    status, said, _ = uploading.result()
    assert (status, left, again[0]) == (400, [], 200)
    assert "Invalid distribution file. File takes more than 5 seconds to read" in said
    assert took < LONGEST_ANSWER
    assert len(list(filter(is_running, pids))) == len(pids) - 1


async def test_stopped_server_leaves_no_processes(server: Server) -> None:
    """A server that is stopped leaves no process."""
    await upload(server, HONEST_WHEEL.filename, HONEST_WHEEL.content)
    pids = inspection_processes(server.process.pid)

    await server.stop()

    assert pids
    assert not any(map(is_running, pids))


async def test_killed_server_leaves_no_processes(tmp_path: Path, index: FakeIndex) -> None:
    """The processes of a killed server end soon."""
    settings = {"UPSTREAM__URL": index.url}
    with suppress(_KilledError):
        async with running_server(tmp_path / "data", logs=tmp_path, settings=settings) as server:
            await upload(server, HONEST_WHEEL.filename, HONEST_WHEEL.content)
            pids = inspection_processes(server.process.pid)
            server.process.kill()
            await server.process.wait()
            raise _KilledError

    assert pids
    await until_gone(pids)
