"""How long the command and the server take to start."""

import asyncio
import re
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
_IMPORTS = "import aiohttp.web, pydantic, jinja2, sqlite3"
_IMPORT = re.compile(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", re.MULTILINE)
_MOST = 10
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True, slots=True)
class Start:
    """Commands of this checkout, and the folder of the data directory of the server."""

    folder: Path

    async def help(self) -> float:
        """Return the milliseconds of `stageproxy --help`."""
        return await _command("-m", "stageproxy", "--help")

    async def server(self, *options: str) -> float:
        """Return the milliseconds until the server says that it is ready."""
        where = ("--port", "0", "--data", str(self.folder / "data"))
        began = time.perf_counter()
        with self.errors.open("w") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *options, "-m", "stageproxy", "serve", *where),
                env={**environment(), "STAGEPROXY_UPSTREAM__URL": "http://127.0.0.1:9/"},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=errors,
            )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _wait_for(process, _READY)
            return (time.perf_counter() - began) * 1000
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    @property
    def errors(self) -> Path:
        """Return the file of what the server writes to stderr."""
        return self.folder / "stderr"

    async def slowest_imports(self) -> Sequence[str]:
        """Return the modules that take the server the most time of their own to import."""
        await self.server("-X", "importtime")
        found = _IMPORT.findall(self.errors.read_text())
        slowest = sorted(found, key=lambda one: -int(one[0]))[:_MOST]
        return [f"{int(time) / 1000:6.1f} ms  import {module}" for time, module in slowest]


def environment() -> dict[str, str]:
    """Return an environment of this checkout, whose modules are compiled at the first start."""
    return {name: text for name, text in own_environment().items() if name != _NO_BYTECODE}


async def _command(*arguments: str) -> float:
    """Return the milliseconds of a command of Python."""
    began = time.perf_counter()
    command = (sys.executable, *arguments)
    (await run_command(*command, environment=environment())).ok()
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
    start = Start(run.folder)
    await start.server()
    sides = (
        start.help,
        start.server,
        partial(_command, "-c", ""),
        partial(_command, "-c", _IMPORTS),
    )
    helped, ready, python, imports = await alternate(run.rounds * _EACH_ROUND, *sides)
    yield Row(HELP, Samples(helped), f"Python alone takes {median(python):.0f} ms.")
    limit = f"Python with aiohttp, pydantic, jinja2 and sqlite3 takes {median(imports):.0f} ms."
    row = Row(READY, Samples(ready), limit)
    yield replace(row, profile=await start.slowest_imports()) if row.is_missed else row


PART = Part("start", "how long it takes to start", (HELP, READY), measure)
