"""Uploads during which the disk or the database fails: acknowledged and whole, or refused."""

import errno
import io
import json
import os
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import FormData
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.uploaders import half_written
from tests.support.builders.distributions import a_wheel, upload_form
from tests.support.servers.processes import Server, running_server

ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS)
REFUSED = {503, 507}
AFTERWARDS = {errno.EIO: {503}, errno.ENOSPC: {200}, errno.EROFS: {200, 503}}
"""What the next upload gets: none is taken after a flush that failed, unless the disk was full."""
CALLS_OF_AN_UPLOAD = 8
"""At most: the file is opened, flushed and renamed, and up to two folders are flushed."""


@dataclass(slots=True)
class StorageFaults:
    """Servers on one data directory whose storage fails, one fault at a time."""

    folder: Path
    upstream: str
    defect: str = "-"
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    number: int = 0

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Server]:
        """Start a server, and look at what the last one has stored."""
        program = ("tests.batteries.faulty_server", str(self._fault), self.defect)
        settings = {"UPSTREAM__URL": self.upstream}
        data = self.folder / "data"
        async with running_server(
            data, logs=self.folder, settings=settings, program=program
        ) as server:
            self.counts["starts"] += 1
            yield server
            self.violations += [f"half written: {one}" for one in await half_written(server)]
            left = [*(data / "files" / "incoming").iterdir()]
            self.violations += [f"left behind: {one.name}" for one in left]

    async def every_call(self, errors: Sequence[int] = ERRORS) -> None:
        """Let each call of an upload fail in turn, with each error."""
        for number in errors:
            for after in range(CALLS_OF_AN_UPLOAD):
                if not await self.one_call(number, after):
                    break

    async def one_call(self, number: int, after: int) -> bool:
        """Let one call fail; return whether an upload makes so many."""
        async with self.server() as server:
            self._fault.write_text(json.dumps({"after": after, "errno": number}))
            status, body = await self.upload(server)
            has_failed = not self._fault.exists()
            self._fault.unlink(missing_ok=True)
            if not has_failed:
                return False
            name = f"{errno.errorcode[number]} of call {after + 1}"
            self.note(name, status, body)
            again, body = await self.upload(server)
            if again not in AFTERWARDS[number]:
                self.violations.append(f"after {name}: {again} {body[:200].decode()}")
        return True

    async def database_that_cannot_grow(self) -> None:
        """Let writing the database fail: nothing is acknowledged, and reading goes on."""
        async with self.server() as server:
            await self.upload(server)
            size = (server.data / "catalogue.db-wal").stat().st_size
            resource.prlimit(
                server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)
            )
            self.note("a database that fails", *await self.upload(server))
            await self.expect_readable(server)
        async with self.server() as server:
            status, body = await self.upload(server)
            if status != 200:
                self.violations.append(f"after a restart: {status} {body[:200].decode()}")

    async def locked_database(self) -> None:
        """Hold the lock of the database: changes are refused, and made when it is free."""
        async with self.server() as server:
            await self.upload(server)
            with locked(server.data):
                self.note("a locked database", *await self.upload(server))
                await self.expect_readable(server)
            status, _ = await self.upload(server)
            if status != 200:
                self.violations.append(f"after the lock: {status}")

    async def expect_readable(self, server: Server) -> None:
        """Note it if stages cannot be read, or the server says that it is ready."""
        status, _ = await server.ask("GET", "/api/stages")
        ready, body = await server.ask("GET", "/health/ready")
        if status != 200 or ready != 503:
            self.violations.append(f"reading {status}, ready {ready} {body.decode()}")

    def note(self, name: str, status: int, body: bytes) -> None:
        """Count a fault, and note it unless its upload was refused in a sentence."""
        self.counts[name] += 1
        if status not in REFUSED or b"operator" not in body:
            self.violations.append(f"{name}: {status} {body[:200].decode()}")

    async def upload(self, server: Server) -> tuple[int, bytes]:
        """Upload a new file."""
        self.number += 1
        wheel = a_wheel(f"fault-{self.number}")
        form = FormData(upload_form(wheel))
        form.add_field("content", io.BytesIO(wheel.content), filename=wheel.filename)
        return await server.ask("POST", "/legacy/", form=form)

    def report(self, battery: str) -> BatteryReport:
        """Return what was found, in the log too."""
        lines = (self.folder / "stderr").read_text().splitlines()
        traces = [f"log: {one}" for one in lines if "Traceback" in one]
        planted = "" if self.defect == "-" else self.defect
        return BatteryReport(battery, SEED, dict(self.counts), [*self.violations, *traces], planted)

    @property
    def _fault(self) -> Path:
        return self.folder / "fault"


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the lock of a database while the block runs, as another program."""
    with closing(_connect(data)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def damage(data: Path) -> None:
    """Overwrite the database, but for its first page, and delete its log."""
    path = data / "catalogue.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def _connect(data: Path) -> Any:
    return sqlite3.connect(data / "catalogue.db", isolation_level=None)
