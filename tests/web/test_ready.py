"""Readiness, and what is wrong without it."""

import asyncio
import errno
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web

from stageproxy.core.disk_space import MIB, DiskSpace
from stageproxy.core.errors import UpstreamSlowError
from stageproxy.core.index.staleness import Outage
from stageproxy.services.care.readiness import Check, DiskCheck, Readiness, SparingCheck
from stageproxy.web.health import ready
from stageproxy.web.keys import READINESS
from tests.support.index.fake_index import Quirks
from tests.support.servers.runner import running
from tests.support.servers.service import RunningService

READY = "/health/ready"


async def checks_of(service: RunningService) -> tuple[int, Any]:
    """Return the status and the checks that a service reports."""
    answer = await service.get(READY)
    return answer.status, answer.document["checks"]


async def test_ready(service: RunningService) -> None:
    """A working server is ready, reports its SQLite version, and the answer is not stored."""
    answer = await service.get(READY)

    sqlite = answer.document.pop("sqlite")
    assert answer.status == 200
    assert answer.document | {"sqlite": sqlite} == {
        "status": "ok",
        "checks": {"database": "ok", "files": "ok", "disk": "ok", "upstream": "ok", "clock": "ok"},
        "sqlite": sqlite,
    }
    assert [part.isdigit() for part in sqlite.split(".")] == [True, True, True]
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_database_that_cannot_be_written(service: RunningService) -> None:
    """A database that cannot be written makes the server unready, and only it is named."""
    with closing(sqlite3.connect(service.data / "catalogue.db")) as other:
        other.execute("ALTER TABLE stage RENAME TO gone")

    answer = await service.get(READY)

    assert (answer.status, answer.document["status"]) == (503, "not ready")
    assert answer.document["checks"] == {
        "database": "cannot write to the database (OperationalError)",
        "files": "ok",
        "disk": "ok",
        "upstream": "ok",
        "clock": "ok",
    }


async def test_missing_folder(service: RunningService) -> None:
    """Without its folder of files the server is not ready until the folder is back."""
    folder = service.data / "files"
    folder.rename(service.data / "elsewhere")
    without = await checks_of(service)
    (service.data / "elsewhere").rename(folder)

    status, checks = without
    assert (status, checks["files"]) == (
        503,
        (
            "cannot write to the directory of staged files: No such file or directory. Check the "
            "disk, its mount and its owner."
        ),
    )
    assert (await checks_of(service))[0] == 200


def disk_check(free: int) -> DiskCheck:
    """Return the check of a disk with *free* bytes, of which 64 MiB are no room for uploads."""
    return DiskCheck(lambda: DiskSpace(1000 * MIB, free), lambda: 64 * MIB)


async def test_full_disk() -> None:
    """A server whose uploads find no room is not ready, and the reason says what to do."""
    answer = await ask(disk=disk_check(64 * MIB - 1))

    problem = (
        "63 MiB are free on the disk, and uploads leave 64 MiB free: they are refused. Free space "
        "on the disk, or lower storage.min_free."
    )
    assert answer == (503, {"disk": problem, "upstream": "ok", "clock": "ok"})
    assert (await ask(disk=disk_check(64 * MIB)))[0] == 200


async def test_disk_that_cannot_be_checked() -> None:
    """A disk whose free space cannot be read counts as full."""

    def broken() -> DiskSpace:
        raise OSError(errno.EIO, "Input/output error")

    status, checks = await ask(disk=DiskCheck(broken, lambda: 0))

    assert (status, checks["disk"]) == (
        503,
        "cannot read the free space on the disk (Input/output error). Check the disk.",
    )


async def test_checks_that_write_are_rare() -> None:
    """However often readiness is asked for, a check that writes runs once; a failure is new."""
    findings = iter([None, "broken", "broken"])
    runs = []

    async def write() -> str | None:
        runs.append(1)
        return next(findings)

    lasting, failing = SparingCheck(write, seconds=3600), SparingCheck(write, seconds=3600)
    await asyncio.gather(*(lasting() for _ in range(5)))

    assert len(runs) == 1
    assert [await failing(), await failing()] == ["broken", "broken"]


async def test_probes_leave_nothing(service: RunningService) -> None:
    """Asking whether the server is ready changes no row, and leaves no file."""
    await service.staged()

    def dump() -> list[str]:
        with closing(sqlite3.connect(f"file:{service.data}/catalogue.db?mode=ro", uri=True)) as db:
            return list(db.iterdump())

    before = dump(), sorted(service.data.rglob("*"))
    assert (await service.get(READY)).status == 200

    assert (dump(), sorted(service.data.rglob("*"))) == before


async def test_failed_disk(service: RunningService) -> None:
    """After a failed flush the server says so until it is started again."""
    service.parts.disk.fail(OSError(errno.EIO, "Input/output error"))

    status, checks = await checks_of(service)

    assert (status, checks["database"]) == (503, "ok")
    assert "start the server again" in checks["files"]


async def test_check_without_an_answer() -> None:
    """A check that never ends does not block the answer."""

    async def for_ever() -> str | None:
        await asyncio.Event().wait()
        return None

    assert (await ask(database=for_ever))[1]["database"] == "no answer within 0.05 s"


@pytest.mark.parametrize("path", ["simple/demo/", "simple/other/"])
async def test_failing_upstream(service: RunningService, prefix: str, path: str) -> None:
    """Upstream's last failure is reported, and does not make the server unready."""
    service.index.quirks = Quirks(status=500)
    await service.get(prefix + path)
    checks = await checks_of(service)
    service.index.quirks = Quirks()
    await service.get(prefix + path)

    assert (checks[0], checks[1]["upstream"][:17]) == (200, "PyPI answered 500")
    assert (await checks_of(service))[1]["upstream"] == "ok"


async def test_upstream_that_is_slow() -> None:
    """The first failure of an outage is reported, and since when it lasts."""
    since = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
    outage = Outage(since, UpstreamSlowError("PyPI did not answer in time."))

    sentence = "PyPI did not answer in time. Since 2026-11-22 12:05 UTC."
    assert await ask(outage=outage) == (200, {"upstream": sentence, "clock": "ok"})


async def test_clock_that_jumped(service: RunningService) -> None:
    """A jump of the clock is reported, and does not make the server unready."""
    service.clock.doubt = timedelta(days=30)

    status, checks = await checks_of(service)

    assert (status, checks["clock"]) == (200, "The clock jumped.")


async def test_nothing_secret(service: RunningService, prefix: str) -> None:
    """No token, project or path of the machine is reported."""
    service.index.quirks = Quirks(status=503)
    await service.get(f"{prefix}simple/demo/")
    with closing(sqlite3.connect(service.data / "catalogue.db")) as other:
        other.execute("ALTER TABLE stage RENAME TO gone")

    text = (await service.get(READY)).text

    secrets = ["demo", "stg", str(service.data), service.index.url, service.admin]
    assert [one for one in secrets if one in text] == []


async def ask(outage: Outage | None = None, **checks: Check) -> tuple[int, dict[str, str]]:
    """Return the answer of a service with these checks alone."""
    app = web.Application()
    app[READINESS] = Readiness(checks, lambda: outage, {"sqlite": "3.53.1"}, seconds=0.05)
    app.add_routes([web.get(READY, ready)])
    async with (
        running(web.AppRunner(app)) as url,
        ClientSession() as session,
        session.get(f"{url}{READY}") as answer,
    ):
        return answer.status, (await answer.json())["checks"]
