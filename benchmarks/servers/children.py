"""Servers in processes of their own, which end with the block that started them."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.clients.clients import clean_environment
from tests.support.servers.listening import listens
from tests.support.servers.processes import ROOT, own_environment

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Child:
    """A running server."""

    url: str
    pid: int


@asynccontextmanager
async def running_child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Run a module of this package that prints its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.servers.{module}", *arguments),
        cwd=ROOT,
        env=own_environment(),
        stdin=DEVNULL,
        stdout=PIPE,
    )
    try:
        if process.stdout is None:
            raise AssertionError("Its output was asked for.")
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        yield Child(line.decode().strip(), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def running_command(
    command: Sequence[str], port: int, folder: Path, settings: Mapping[str, str] = {}
) -> AsyncIterator[Child]:
    """Run a server that listens on a port; its output goes to `log` in its folder."""
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**clean_environment(), **settings},
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
        )
    try:
        await _wait_until_it_listens(process, port, command[0])
        yield Child(f"http://127.0.0.1:{port}", process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _wait_until_it_listens(process: Process, port: int, name: str) -> None:
    if not await listens(process, port, within=_START_SECONDS):
        raise RuntimeError(f"{Path(name).name} did not start.")
