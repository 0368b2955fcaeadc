"""A set of real packages resolves and downloads through a stage as it does directly."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stageproxy.upstream.pip_index import settings_of_pip
from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import Clients
from tests.support.servers.processes import Server, ServerStart

pytestmark = [pytest.mark.journey, pytest.mark.network]

WANTED = Path(__file__).parent / "requirements_60.txt"
NEW = a_wheel("stageproxy-journey-sample", "1.0")
ONE_FILE_EACH = 60


@pytest.fixture
async def server(start_server: ServerStart) -> AsyncIterator[Server]:
    """Run a server with the default settings: its upstream is the index that pip uses."""
    async with start_server() as running:
        yield running


@pytest.fixture
async def indexes(server: Server) -> tuple[str, str]:
    """Return the index of a stage, and its upstream."""
    return (await server.stage(NEW)).index, str(settings_of_pip().index.simple)


async def test_uv_compiles_the_same(
    clients: Clients, indexes: tuple[str, str], tmp_path: Path
) -> None:
    """Every version and every hash is the same, including dependencies."""
    through, direct = await asyncio.gather(
        *(compiled(clients, index, tmp_path / f"{i}.txt") for i, index in enumerate(indexes))
    )

    assert through.count("==") >= ONE_FILE_EACH
    assert through.replace(indexes[0], indexes[1]) == direct


async def test_pip_downloads_the_same(
    clients: Clients, indexes: tuple[str, str], tmp_path: Path
) -> None:
    """Every file has the same name and the same bytes."""
    through, direct = await asyncio.gather(
        *(downloaded(clients, index, tmp_path / f"{i}") for i, index in enumerate(indexes))
    )

    assert len(through) >= ONE_FILE_EACH
    assert through == direct


async def compiled(clients: Clients, index: str, to: Path) -> str:
    """Return the requirements that uv pins, with hashes and the URL of the index."""
    command = ["pip", "compile", "--no-cache", "--no-header", "--generate-hashes"]
    wanted = ["--emit-index-url", "--default-index", index, str(WANTED)]
    (await clients.uv(*command, *wanted, "-o", str(to))).ok()
    return text_of(to)


async def downloaded(clients: Clients, index: str, to: Path) -> dict[str, str]:
    """Return the names and hashes of the files that pip downloads."""
    command = ["download", "--no-cache-dir", "--only-binary", ":all:", "--no-deps"]
    (await clients.pip(*command, "--index-url", index, "-d", str(to), "-r", str(WANTED))).ok()
    return hashes_in(to)


def text_of(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text()


def hashes_in(folder: Path) -> dict[str, str]:
    """Return the names and hashes of the files in a folder."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}
