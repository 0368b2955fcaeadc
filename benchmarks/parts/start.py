"""How long the command and the server take to start."""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from tests.support.servers.processes import own_environment
from tests.support.servers.processes import run as run_command

HELP = Goal("`stageproxy --help`", unit="ms", figure=Figure.ALONE, most=150)
READY = Goal("server ready", unit="ms", figure=Figure.ALONE, most=400)

_EACH_ROUND = 3
_READY = b"is ready on"
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Start:
    """Commands of this checkout, and the data directory of the server."""

    data: Path

    async def help(self) -> float:
        """Return the milliseconds of `stageproxy --help`."""
        return await self._command("-m", "stageproxy", "--help")

    async def python(self) -> float:
        """Return the milliseconds of Python alone."""
        return await self._command("-c", "")

    async def imports(self) -> float:
        """Return the milliseconds of Python that imports what the server stands on."""
        return await self._command("-c", "import aiohttp.web, pydantic, jinja2, sqlite3")

    async def server(self) -> float:
        """Return the milliseconds until the server says that it is ready."""
        where = ("--port", "0", "--data", str(self.data))
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stageproxy", "serve", *where),
            env={**own_environment(), "STAGEPROXY_UPSTREAM__URL": "http://127.0.0.1:9/"},
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _wait_for(process, _READY)
            return (time.perf_counter() - began) * 1000
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def _command(self, *arguments: str) -> float:
        began = time.perf_counter()
        command = (sys.executable, *arguments)
        (await run_command(*command, environment=own_environment())).ok()
        return (time.perf_counter() - began) * 1000


async def _wait_for(process: asyncio.subprocess.Process, text: bytes) -> None:
    if process.stdout is None:
        raise AssertionError("Its output was asked for.")
    async for line in process.stdout:
        if text in line:
            return
    raise RuntimeError("The server did not start.")


async def measure(run: Run) -> AsyncIterator[Row]:
    """Start everything again and again, over a data directory that exists."""
    start = Start(run.folder / "data")
    await start.server()
    sides = (start.help, start.server, start.python, start.imports)
    helped, ready, python, imports = await alternate(run.rounds * _EACH_ROUND, *sides)
    yield Row(HELP, Samples(helped), f"Python alone takes {median(python):.0f} ms.")
    limit = f"Python with aiohttp, pydantic, jinja2 and sqlite3 takes {median(imports):.0f} ms."
    yield Row(READY, Samples(ready), limit)


PART = Part("start", "how long it takes to start", (HELP, READY), measure)
