"""Hostile descriptions that are sent to a real server, eight at once."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import FormData

from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.builders.hostile_forms import nested_substitutions
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.inspection_processes import inspection_processes, memory_of
from tests.support.servers.processes import Server, running_server

pytestmark = pytest.mark.journey

HOSTILE = [a_wheel(tag=f"py3{number}-none-any") for number in range(8)]
HONEST = a_wheel("honest")
MIB = 2**20
MOST_GROWTH = 256 * MIB
NOT_RENDERED = "The description was not rendered here"


class _KilledError(Exception):
    """The server was killed."""


@asynccontextmanager
async def killed_server(folder: Path, upstream: str, *, planted: str) -> AsyncIterator[Server]:
    """Run a server, with a *planted* defect if one is named, and kill it: it has uploads to end."""
    program = ("tests.batteries.planted_server", planted) if planted else ("stageproxy",)
    settings = {"UPSTREAM__URL": upstream}
    with suppress(_KilledError):
        async with running_server(
            folder / "data", logs=folder, settings=settings, program=program
        ) as server:
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


async def until_many_wait(server: Server, many: int) -> None:
    """Wait until so many uploads wait for their turn. Each answer shows that the server answers."""
    async with asyncio.timeout(60):
        while True:
            _, metrics = await server.ask("GET", "/metrics")
            found = re.search(rb"^stageproxy_inspections_waiting (\d+)", metrics, re.MULTILINE)
            if found and int(found[1]) >= many:
                return


@pytest.mark.parametrize(("planted", "at_once"), [("", 8), ("no turns", 4)])
async def test_hostile_descriptions(
    tmp_path: Path, index: FakeIndex, planted: str, at_once: int
) -> None:
    """Hostile descriptions stop nobody: an honest upload is done before most of them.

    They are staged, with what was not rendered, by processes that take bounded memory.
    """
    async with killed_server(tmp_path, index.url, planted=planted) as server:
        report = await run(server, HOSTILE[:at_once], planted)

    report.check()


async def run(server: Server, wheels: Sequence[Distribution], planted: str) -> BatteryReport:
    """Upload hostile wheels at once and an honest one, and return what happened."""
    hostile_token, honest_token = [
        await server.new_token(one, can="upload") for one in ("demo", "honest")
    ]
    rst = {"description": nested_substitutions(), "description_content_type": "text/x-rst"}
    before = memory_of(server.process.pid, most=True)
    hostile = [asyncio.ensure_future(upload(server, hostile_token, one, **rst)) for one in wheels]
    try:
        await until_many_wait(server, len(wheels) // 2)
        live, _ = await server.ask("GET", "/health/live")
        await upload(server, honest_token, HONEST)
        ended = sum(one.done() for one in hostile)
        await asyncio.wait(hostile, return_when=asyncio.FIRST_COMPLETED)
        answer = next(one for one in hostile if one.done()).result()
    finally:
        for one in hostile:
            one.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)
    growth = memory_of(server.process.pid, most=True) - before
    largest = max(memory_of(pid, most=True) for pid in inspection_processes(server.process.pid))
    found = {
        "The server was not live.": live != 200,
        f"An honest upload was done after {ended} hostile ones.": ended > len(wheels) // 2,
        "It was not said what was not rendered.": NOT_RENDERED not in answer,
        "A process grew too much.": max(growth, largest) > MOST_GROWTH,
    }
    counts = {
        "hostile descriptions": len(wheels),
        "done before the honest one": ended,
        "growth of the server in MiB": growth // MIB,
        "largest process in MiB": largest // MIB,
    }
    violations = [sentence for sentence, holds in found.items() if holds]
    return BatteryReport("hostile-forms", SEED, counts, violations, planted)
