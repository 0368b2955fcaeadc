"""Real clients while the workers of a server are replaced and killed."""

import asyncio
import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.batteries.restartable_server import RestartableServer
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.clients import Clients
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, ServerStart, own_environment, run
from tests.support.servers.workers import (
    JSON_PAGE,
    PATIENCE,
    Load,
    all_gone,
    count_in_log,
    kill_worker,
    restart_workers,
    until,
    until_logged,
    workers_of,
)

pytestmark = pytest.mark.journey

WHEEL = a_wheel("demo", "2.0")
DOES_ALONE = "does the background work of this server"
CONNECTIONS = 12
"""So many that, but for one in two thousand times, both workers have some."""


@pytest.fixture
def clients(clients_with_system_pip: Clients) -> Clients:
    """Return clients with the pip of this environment."""
    return clients_with_system_pip


class KilledError(Exception):
    """The server was killed, and cannot be stopped any more."""


def two_workers(upstream: FakeIndex, **more: str) -> dict[str, str]:
    """Return the settings of a server with two workers."""
    return {"UPSTREAM__URL": upstream.url, "SERVER__WORKERS": "2", **more}


async def stored(server: Server) -> set[str]:
    """Return the names of all staged files whose bytes are there."""
    status, body = await server.ask("GET", "/api/stages")
    assert status == 200
    files = {
        name: file["hashes"]["sha256"]
        for stage in json.loads(body)["stages"]
        for name, file in stage["files"].items()
    }
    kept = {path.name for path in (server.data / "files" / "kept").rglob("*")}
    return {name for name, sha256 in files.items() if sha256 in kept}


async def test_restart_under_load(
    start_server: ServerStart, upstream: FakeIndex, clients: Clients
) -> None:
    """While SIGHUP replaces all workers, no request fails, and nothing acknowledged is lost."""
    async with start_server(settings=two_workers(upstream)) as server:
        stage, load = await server.stage(WHEEL), Load(server)
        token = (server.data / "admin.token").read_text()
        [file] = clients.save(a_wheel("demo", "3.0"))
        async with load.running(stage), asyncio.TaskGroup() as group:
            group.create_task(restart_workers(server))
            uploading = group.create_task(
                clients.twine_upload(f"{server.url}/legacy/", server.admin_token, file)
            )
            installing = group.create_task(clients.install("pip", stage.index, "demo"))
        staged = await stored(server)

        assert load.failures == []
        assert load.broken == 0
        assert min(load.pages, len(load.staged)) > 10
        assert {*load.staged, Path(file).name} - staged == set()
        uploading.result().ok()
        python, _ = installing.result()
        assert (await clients.installed(python))["demo"] == "2.0"
        assert (server.data / "admin.token").read_text() == token


async def test_killed_under_load(start_server: ServerStart, upstream: FakeIndex) -> None:
    """A killed worker is replaced; what it held breaks, nothing else, and nothing is lost."""
    async with start_server(settings=two_workers(upstream)) as server:
        stage, load = await server.stage(WHEEL), Load(server)
        async with load.running(stage):
            for _ in range(3):
                await kill_worker(server, min(workers_of(server)))
        staged = await stored(server)

        assert load.failures == []
        assert load.broken <= 3 * 4
        assert load.staged.keys() - staged == set()
        assert count_in_log(server, "ended unexpectedly (signal 9): it is replaced") == 3
        assert count_in_log(server, "Traceback") == 0


async def test_background_work(start_server: ServerStart, upstream: FakeIndex) -> None:
    """One worker sweeps; when it is killed, another one goes on at once."""
    async with start_server(settings=two_workers(upstream)) as server:
        await until_logged(server, "audit: the head is record")
        first = workers_of(server)
        lines = "audit: the head is record", DOES_ALONE
        counts = [count_in_log(server, line) for line in lines]
        for pid in first:
            await kill_worker(server, pid)
        await until_logged(server, DOES_ALONE, 2)

    assert counts == [1, 1]


async def test_operations(start_server: ServerStart, upstream: FakeIndex, tmp_path: Path) -> None:
    """A sweep, a check of the data and a backup are possible while workers are busy."""
    async with start_server(settings=two_workers(upstream)) as server:
        stage, load = await server.stage(WHEEL), Load(server)
        data = {"STAGEPROXY_STORAGE__DATA": str(server.data)}
        async with load.running(stage):
            done = [
                await server.command("sweep"),
                await server.command("fsck", **data),
                await server.command("backup", str(tmp_path / "backup"), **data),
            ]
        staged = await stored(server)

    assert [one.ok().code for one in done] == [0, 0, 0]
    assert (load.failures, load.broken) == ([], 0)
    assert load.staged.keys() - staged == set()


async def answers(
    sessions: list[aiohttp.ClientSession], url: str, named: str = ""
) -> set[tuple[int, bool]]:
    """Return the statuses of a URL, asked once over each of many connections.

    With each status comes whether the answer has a file that is *named*.
    """

    async def answer_to(session: aiohttp.ClientSession) -> tuple[int, bool]:
        async with session.get(url, headers={"Accept": JSON_PAGE}) as response:
            return response.status, named in await response.text()

    return set(await asyncio.gather(*map(answer_to, sessions)))


async def test_changes_are_seen_at_once(start_server: ServerStart, upstream: FakeIndex) -> None:
    """What one worker has confirmed, every other one knows with its very next answer."""
    async with start_server(settings=two_workers(upstream)) as server:
        stage = await server.stage(WHEEL)
        page, tokens = f"{stage.index}demo/", await server.make_token(project="demo", can="manage")
        admin = {"Authorization": f"Bearer {server.admin_token}"}
        sessions = [aiohttp.ClientSession(headers=admin) for _ in range(CONNECTIONS)]
        second = a_wheel("demo", "2.0", tag="cp312-none-any", extra={"other": b"bytes"})
        seen = [await answers(sessions, page, second.filename) for _ in range(2)]

        await server.stage(second)
        seen.append(await answers(sessions, page, second.filename))
        await server.ask("POST", f"/api/stages/{stage.id}/rotate")
        seen.append(await answers(sessions, page))
        status, body = await server.ask("GET", f"/api/stages/{stage.id}")
        assert status == 200
        rotated = f"{json.loads(body)['links']['stage']}simple/demo/"
        seen.append(await answers(sessions, rotated))
        await server.ask("DELETE", f"/api/stages/{stage.id}")
        seen.append(await answers(sessions, rotated))
        for session in sessions:
            session.headers["Authorization"] = f"Bearer {tokens['token']}"
        seen.append(await answers(sessions, f"{server.url}/api/stages"))
        await server.ask("DELETE", f"/api/tokens/{tokens['id']}")
        seen.append(await answers(sessions, f"{server.url}/api/stages"))
        for session in sessions:
            await session.close()

    assert seen == [
        {(200, False)},
        {(200, False)},
        {(200, True)},
        *({(status, True)} for status in (410, 200, 410, 200, 403)),
    ]


async def answered(server: Server) -> float:
    """Return how many answers to `live` the metrics count, as any worker shows them."""
    _, body = await server.ask("GET", "/metrics")
    found = re.findall(rb'requests_total\{handler="live".*?\} (\S+)', body)
    return float(found[0]) if found else 0.0


async def test_metrics_add_up(start_server: ServerStart, upstream: FakeIndex) -> None:
    """The metrics of any worker count what all have answered, and those that were replaced."""
    async with start_server(settings=two_workers(upstream)) as server:
        for _ in range(2):
            for _ in range(10):
                await server.ask("GET", "/health/live")
            await restart_workers(server)
        async with asyncio.timeout(PATIENCE):
            counted = [await answered(server) for _ in range(8)]
            while counted != [20] * 8:
                counted = [await answered(server) for _ in range(8)]


async def test_promotion_of_a_killed_worker(tmp_path: Path) -> None:
    """Another worker goes on with the promotion of one that was killed; all is published once."""

    def progress() -> set[str]:
        return set(restartable.progress(stage).values())

    async with RestartableServer.open(tmp_path, SERVER__WORKERS="2") as restartable:
        server = restartable.running
        release = [a_wheel("demo", "2.0", tag=f"cp3{one}-none-any") for one in (10, 11)]
        stage = await server.stage(*release, an_sdist("demo", "2.0"))
        await restartable.promote(stage)
        await until(lambda: "sending" in progress())
        for pid in workers_of(server):
            await kill_worker(server, pid)
        await until(lambda: progress() == {"confirmed"})
        status, body = await server.ask("GET", f"/api/stages/{stage.id}")

    assert (status, json.loads(body)["status"]) == (200, "published")


async def test_worker_that_cannot_start(tmp_path: Path, upstream: FakeIndex) -> None:
    """If the workers cannot start at first, the server says why, and ends."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "files").touch()
    settings = {f"STAGEPROXY_{name}": text for name, text in two_workers(upstream).items()}
    command = ("-m", "stageproxy", "serve", "--port", "0", "--data", str(data))

    ended = await run(sys.executable, *command, environment={**own_environment(), **settings})

    assert ended.code == 1
    assert ended.stderr.splitlines()[-1] == (
        f"Error: {data / 'files'} cannot be used: File exists. Move away what is in its place."
    )


async def test_end_of_the_supervisor(start_server: ServerStart, upstream: FakeIndex) -> None:
    """Workers end when their supervisor is killed, and a new server can start."""
    with suppress(KilledError):
        async with start_server(settings=two_workers(upstream)) as server:
            workers = workers_of(server)
            server.process.kill()
            await all_gone(workers)
            raise KilledError
    async with start_server(settings=two_workers(upstream)) as server:
        assert len(workers_of(server)) == 2


async def test_workers_over_postgresql(
    start_server: ServerStart, upstream: FakeIndex, postgres_url: str
) -> None:
    """Over PostgreSQL, workers see one another's changes, and one that is killed is replaced."""
    settings = two_workers(upstream, STORAGE__DATABASE=postgres_url, SERVER__SECRET="of all")
    async with start_server(settings=settings) as server:
        stage, load = await server.stage(WHEEL), Load(server)
        async with load.running(stage):
            await kill_worker(server, min(workers_of(server)))
        staged = await stored(server)

        assert load.failures == []
        assert {*load.staged, WHEEL.filename} - staged == set()
        assert not (server.data / "catalogue.db").exists()
