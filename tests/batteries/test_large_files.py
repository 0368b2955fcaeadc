"""Files that are larger than the memory of the server."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.large_wheel import write_large_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, running_server

pytestmark = pytest.mark.journey

GIB = 2**30
MIB = 2**20
MOST = 64
FORM = {
    ":action": "file_upload",
    "protocol_version": "1",
    "metadata_version": "2.4",
    "name": "demo",
    "version": "1.0",
    "filetype": "bdist_wheel",
    "pyversion": "py3",
    "staged": "true",
}


@pytest.fixture
async def server(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Server]:
    """Return a server in front of an empty index."""
    async with running_server(
        tmp_path / "data", logs=tmp_path, settings={"UPSTREAM__URL": index.url}
    ) as server:
        yield server


def peak_of(server: Server) -> int:
    """Return the peak memory of a server, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


async def upload(session: ClientSession, server: Server, wheel: Path, **changes: str) -> Any:
    """Send a file in pieces, and return its stage."""
    digest = sha256_of(wheel)
    with wheel.open("rb") as opened:
        form = FormData([*{**FORM, **changes}.items(), ("sha256_digest", digest)])
        form.add_field("content", opened, filename=wheel.name)
        headers = {"Authorization": f"Bearer {server.admin_token}"}
        async with session.post(f"{server.url}/legacy/", data=form, headers=headers) as response:
            text = await response.text()
            assert response.status == 200, text
    return json.loads(text)


async def download(session: ClientSession, url: str) -> str:
    """Return the SHA-256 of the body at a URL."""
    digest = hashlib.sha256()
    async with session.get(url) as response:
        assert response.status == 200
        async for chunk in response.content.iter_chunked(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


async def test_memory_does_not_grow_with_the_file(tmp_path: Path, server: Server) -> None:
    """A wheel of 1 GiB is uploaded and downloaded with less than 64 MiB of memory each way."""
    large = write_large_wheel(tmp_path, GIB)
    async with ClientSession() as session:
        before = peak_of(server)
        stage = await upload(session, server, large)
        uploaded = peak_of(server)
        [file] = stage["files"].values()
        received = await download(session, file["link"])
        downloaded = peak_of(server)

    expected = sha256_of(large)
    assert (received, file["hashes"]["sha256"], file["size"]) == (
        expected,
        expected,
        large.stat().st_size,
    )
    growth = {
        "MiB for an upload": (uploaded - before) // MIB,
        "MiB for a download": (downloaded - uploaded) // MIB,
    }
    over = [f"The server grew by {size} {what}." for what, size in growth.items() if size >= MOST]
    BatteryReport("large-files", SEED, growth, over).check()


async def test_many_at_once(tmp_path: Path, server: Server) -> None:
    """Eight uploads at once take less than 64 MiB of memory in all."""
    await upload_at_once(tmp_path, server, 32 * MIB)


@pytest.mark.battery
async def test_many_larger_ones_at_once(tmp_path: Path, server: Server) -> None:
    """Eight uploads of 200 MiB at once take less than 64 MiB of memory in all."""
    await upload_at_once(tmp_path, server, 200 * MIB)


async def upload_at_once(folder: Path, server: Server, size: int) -> None:
    """Upload eight releases of a size at once, and report how much the server grew."""
    versions = [f"{number}.0" for number in range(1, 9)]
    wheels = [write_large_wheel(folder, size, version=version) for version in versions]
    before = peak_of(server)
    async with ClientSession() as session, asyncio.TaskGroup() as group:
        for wheel, version in zip(wheels, versions, strict=True):
            group.create_task(upload(session, server, wheel, version=version))
    growth = (peak_of(server) - before) // MIB
    over = [f"The server grew by {growth} MiB."] if growth >= MOST else []
    BatteryReport("uploads-at-once", SEED, {"MiB for eight uploads": growth}, over).check()
