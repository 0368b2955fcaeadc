"""The server that is measured."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.run import Run
from tests.support.servers.processes import Server, running_server

_PROFILE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Profiled:
    """A running server, which can be asked where its time goes."""

    server: Server
    profile: Path

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self.server.process.pid

    async def profile_of(self, load: Awaitable[object]) -> Sequence[str]:
        """Return the functions that use the most time of their own under a load."""
        self.profile.unlink(missing_ok=True)
        self.server.process.send_signal(signal.SIGPROF)
        await load
        self.server.process.send_signal(signal.SIGPROF)
        async with asyncio.timeout(_PROFILE_SECONDS):
            while not self.profile.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        lines: list[str] = json.loads(self.profile.read_text())
        return lines


@asynccontextmanager
async def running_stageproxy(
    run: Run, name: str = "stageproxy", *, without: Sequence[str] = (), **settings: str
) -> AsyncIterator[Profiled]:
    """Run a server, by default on an empty data directory, with its access log in a file.

    A second server with the same *name* has the data of the first. *without* names
    modules that it cannot import.
    """
    logs = run.folder / f"{name}-logs"
    logs.mkdir(exist_ok=True)
    profile = run.folder / f"{name}-profile"
    variables = {key.upper(): text for key, text in settings.items()}
    program = ("benchmarks.servers.profiled", str(profile), ",".join(without))
    async with running_server(
        run.folder / name, logs=logs, settings=variables, program=program
    ) as server:
        yield Profiled(server, profile)
