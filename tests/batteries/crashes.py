"""Servers on one data directory, each of which crashes while it takes in uploads."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.uploaders import (
    Uploaders,
    half_written,
    missing_files,
    pages_without_file,
)
from tests.support.servers.processes import Server, running_server
from tests.support.stored_files import stored_files

MOST_UPLOADS = 12
LONGEST_REST = 0.05
LONGEST_START = 10
MOST_PAGES = 300
"""The pages of so many of the acknowledged files are read in the end."""


class Disk(Protocol):
    """Where the data directory is, and how a server on it crashes."""

    def mounted(self) -> AbstractContextManager[Path]:
        """Return the data directory, which is there while the block runs."""

    async def crash(self, server: Server) -> None:
        """Crash a server that works."""


@dataclass(slots=True)
class Crashes:
    """Servers that crash, what they acknowledged, and what was wrong afterwards.

    *planted* names a defect of `planted_server.py`, which all servers but the first have.
    Each server crashes after a random number of uploads, a few more than which are under way.
    """

    disk: Disk
    logs: Path
    settings: Mapping[str, str]
    uploaders: Uploaders
    planted: str = ""
    most_uploads: int = MOST_UPLOADS
    crashes: int = 0
    lost: int = 0
    slowest_start: float = 0
    violations: list[str] = field(default_factory=list)

    async def run(self, battery: str, times: int) -> BatteryReport:
        """Crash so many servers or until something is lost, and return the report."""
        try:
            while self.crashes < times and not self.violations:
                await self._run_and_crash()
            if not self.violations:
                await self._check_everything()
        except* AssertionError as error:
            *_, last = str(error.exceptions[0]).strip().splitlines()
            self.violations.append(f"After {self.crashes} crashes: {last}")
        counts = {
            "crashes": self.crashes,
            "acknowledged": len(self.uploaders.acknowledged),
            "lost": self.lost,
            "slowest start in s": round(self.slowest_start, 2),
        }
        return BatteryReport(battery, SEED, counts, self.violations, self.planted)

    async def _run_and_crash(self) -> None:
        """Start a server, check what the last one acknowledged, upload, and crash."""
        random = self.uploaders.random
        uploads, rest = random.randint(0, self.most_uploads), random.uniform(0, LONGEST_REST)
        with self.disk.mounted() as data:
            async with self._server(data) as server:
                await self._check_recent(server)
                async with self.uploaders.busy(server):
                    await self.uploaders.until_acknowledged(uploads)
                    await asyncio.sleep(rest)
                    await self.disk.crash(server)
                    await server.process.wait()
                self.crashes += 1

    async def _check_recent(self, server: Server) -> None:
        missing = await missing_files(server, self.uploaders.recent)
        self.uploaders.recent.clear()
        self.lost += len(missing)
        self.violations += [f"{one.name} was acknowledged and is lost." for one in missing]

    async def _check_everything(self) -> None:
        acknowledged = self.uploaders.acknowledged
        shown = self.uploaders.random.sample(acknowledged, min(MOST_PAGES, len(acknowledged)))
        with self.disk.mounted() as data:
            async with self._server(data) as server:
                missing = await missing_files(server, acknowledged)
                hidden = await pages_without_file(server, shown)
                torn = await half_written(server)
            self.violations += [f"{name} is damaged." for name in damage(data)]
        self.lost = len(missing)
        self.violations += [f"{one.name} was acknowledged and is lost." for one in missing]
        self.violations += [f"No page lists {one.name}, which was acknowledged." for one in hidden]
        self.violations += [f"{name} is listed, and has other bytes." for name in torn]
        self.violations += internal_errors(self.logs)

    @asynccontextmanager
    async def _server(self, data: Path) -> AsyncIterator[Server]:
        """Start a server, and measure how long it takes."""
        began = time.monotonic()
        is_good = not self.planted or not self.crashes
        program = ("stageproxy",) if is_good else ("tests.batteries.planted_server", self.planted)
        async with running_server(
            data, logs=self.logs, settings=self.settings, program=program
        ) as server:
            self.slowest_start = max(self.slowest_start, time.monotonic() - began)
            yield server


def damage(data: Path) -> Iterator[str]:
    """Return damaged files of a data directory, and damage of its database."""
    with closing(sqlite3.connect(data / "catalogue.db")) as connection:
        verdict = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    yield from (f"The database ({line})" for line in verdict if line != "ok")
    yield from (path.name for path in stored_files(data) if _sha256_of(path) != path.name)


def internal_errors(logs: Path) -> list[str]:
    """Return the lines of the log on internal errors."""
    lines = (logs / "stderr").read_text().splitlines()
    return [line for line in lines if "Traceback" in line or " ERROR " in line]


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
