"""Slow clients: each is shut out, nothing stays open for it, and honest ones are answered."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from tests.batteries.report import SEED
from tests.batteries.slow_clients import SlowClients
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import running_server

MIB = 2**20
FILE = a_wheel("demo", "2.0", extra={"demo/large": Random(SEED).randbytes(8 * MIB)})
HURRIED = "tests.batteries.hurried_server"
SHORT = {"SERVER__SEND_TIMEOUT": "3s", "UPLOAD__STALL_TIMEOUT": "3s"}
KEEP_ALIVE_SECONDS = 15
LEEWAY = 20
READERS = ("nothing read", "a sip now and then")


@asynccontextmanager
async def clients_of(
    folder: Path, index: FakeIndex, program: Sequence[str], **settings: str
) -> AsyncIterator[SlowClients]:
    """Serve a stage with a large file, and return its clients."""
    index.add("demo", a_wheel("demo", "1.0"))
    given = {"UPSTREAM__URL": index.url, **settings}
    async with running_server(
        folder / "data", logs=folder, settings=given, program=program
    ) as server:
        stage = await server.stage(FILE)
        clients = SlowClients(server, stage, FILE)
        async with clients.beside_honest_ones():
            yield clients


@pytest.mark.journey
async def test_slow_clients(tmp_path: Path, index: FakeIndex) -> None:
    """Clients of all kinds at once are shut out in time, while others are answered."""
    async with clients_of(tmp_path, index, [HURRIED], **SHORT) as clients:
        await clients.run([*clients.kinds], 6, KEEP_ALIVE_SECONDS + LEEWAY)

    clients.report().check()


@pytest.mark.journey
async def test_patient_server_is_found(tmp_path: Path, index: FakeIndex) -> None:
    """The battery finds a server that waits for clients that do not read."""
    async with clients_of(tmp_path, index, [HURRIED, "patient"], **SHORT) as clients:
        await clients.run(READERS, 2, seconds=5)

    clients.report(planted="readers are not watched").check()


@pytest.mark.journey
async def test_idle_flood(tmp_path: Path, index: FakeIndex) -> None:
    """1,100 idle connections to a server that may open 1,024 files shut nobody out."""
    async with clients_of(tmp_path, index, [HURRIED, "narrow"]) as clients:
        await clients.flood(1100, requests=12)

    assert clients.violations == []
    assert clients.counts["answered"] == 12


@pytest.mark.battery
async def test_many_slow_clients(tmp_path: Path, index: FakeIndex) -> None:
    """500 clients of each kind are shut out by a server with the usual limits."""
    async with clients_of(tmp_path, index, ["stageproxy"]) as clients:
        for kind in clients.kinds:
            await clients.run([kind], 500, seconds=75 + LEEWAY)

    clients.report().check()
