"""Servers in processes of their own, which end with the block that started them."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
