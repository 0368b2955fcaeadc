"""Servers in processes of their own."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers.processes import ROOT, own_environment, running_server

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of the server, of its index, and of the minimal server."""

    service: str
    upstream: str
    bare: str
    token: str = field(repr=False)


@asynccontextmanager
async def running_servers(folder: Path) -> AsyncIterator[Servers]:
    """Run all servers, with their files in one folder."""
    for name in ("bare", "logs"):
        (folder / name).mkdir()
    async with (
        _child("benchmarks.upstream") as upstream,
        _child("benchmarks.bare", str(folder / "bare")) as bare,
        running_server(
            folder / "data", logs=folder / "logs", settings={"UPSTREAM__URL": upstream}
        ) as server,
    ):
        yield Servers(server.url, upstream, bare, server.admin_token)


@asynccontextmanager
async def _child(module: str, *arguments: str) -> AsyncIterator[str]:
    """Run a module that prints its URL, and return the URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        env=own_environment(),
        stdin=DEVNULL,
        stdout=PIPE,
    )
    try:
        assert process.stdout  # noqa: S101 - a pipe was requested
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        yield line.decode().strip()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
