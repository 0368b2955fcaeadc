"""Hostile descriptions that are sent to a real server, eight at once."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import FormData

from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.builders.hostile_forms import nested_substitutions
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.inspection_processes import inspection_processes, memory_of
from tests.support.servers.processes import Server, running_server

pytestmark = pytest.mark.journey

HOSTILE = [a_wheel(tag=f"py3{number}-none-any") for number in range(8)]
HONEST = a_wheel("honest")
MOST_GROWTH = 128 * 2**20


class _KilledError(Exception):
    """The server was killed."""


@pytest.fixture
async def server(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Server]:
    """Return a server in front of an empty index, which is killed: it has uploads to finish."""
    settings = {"UPSTREAM__URL": index.url}
    with suppress(_KilledError):
        async with running_server(tmp_path / "data", logs=tmp_path, settings=settings) as server:
            yield server
            server.process.kill()
            raise _KilledError


async def upload(server: Server, token: str, wheel: Distribution, **changes: str) -> str:
    """Upload a wheel, which is accepted, and return the answer."""
    form = FormData([*upload_form(wheel, **changes), ("staged", "true")])
    form.add_field("content", io.BytesIO(wheel.content), filename=wheel.filename)
    status, body = await server.ask("POST", "/legacy/", token=token, form=form)
    assert status == 200, body
    return body.decode()


async def until_many_wait(server: Server) -> None:
    """Wait until most hostile uploads wait for their turn. Each answer shows that it can wait."""
    async with asyncio.timeout(60):
        while True:
            _, metrics = await server.ask("GET", "/metrics")
            found = re.search(rb"^stageproxy_inspections_waiting (\d+)", metrics, re.MULTILINE)
            if found and int(found[1]) >= len(HOSTILE) // 2:
                return


async def test_hostile_descriptions(server: Server) -> None:
    """Eight hostile descriptions at once stop nobody: an honest upload is done before them.

    They are staged, with what was not rendered, and the process that tried it is gone.
    """
    hostile_token, honest_token = [
        await server.new_token(one, can="upload") for one in ("demo", "honest")
    ]
    rst = {"description": nested_substitutions(), "description_content_type": "text/x-rst"}
    before = memory_of(server.process.pid, most=True)
    hostile = [asyncio.ensure_future(upload(server, hostile_token, one, **rst)) for one in HOSTILE]
    try:
        await until_many_wait(server)
        live, _ = await server.ask("GET", "/health/live")
        await upload(server, honest_token, HONEST)
        pending = [one for one in hostile if not one.done()]
        await asyncio.wait(hostile, return_when=asyncio.FIRST_COMPLETED)
        first = next(one for one in hostile if one.done())
        notices = [
            notice
            for file in json.loads(first.result())["files"].values()
            for notice in file["notices"]
        ]
    finally:
        for one in hostile:
            one.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)

    assert (live, len(pending) > 0) == (200, True)
    assert any("The description was not rendered here" in one for one in notices)
    processes = [memory_of(pid, most=True) for pid in inspection_processes(server.process.pid)]
    assert max(memory_of(server.process.pid, most=True) - before, *processes) < 2 * MOST_GROWTH
