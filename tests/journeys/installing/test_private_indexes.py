"""Installing through a stage from an index that only the server can reach."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from stageproxy.upstream.pip_index import urls_of_simple
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.clients import Clients
from tests.support.clients.tools import Tools
from tests.support.index.fake_index import FakeIndex
from tests.support.index.shapes import SHAPES, ShapedIndex
from tests.support.servers.gate import Gate, gate_to
from tests.support.servers.other_indexes import OtherIndexes
from tests.support.servers.page_servers import PageServers
from tests.support.servers.service import prefix_of, running_service

pytestmark = pytest.mark.journey

OLD = a_wheel("demo", "1.0")
NEW = a_wheel("demo", "2.0", requires_dist=["dep"])
DEPENDENCY = a_wheel("dep", "1.0")
OTHER = a_wheel("other", "1.0")
LISTED = (OLD, DEPENDENCY, OTHER)
WITH_NEW = {"demo": "2.0", "dep": "1.0", "other": "1.0"}
WITH_OLD = {"demo": "1.0", "other": "1.0"}
PEERS = ("pypiserver", "devpi-server", "nginx", "simple-repository-server", "proxpi")
OTHER_SHAPES = (
    "devpi, from a base",
    "artifactory, from the root",
    "gitlab",
    "wheels of a vendor",
    "JSON from the root",
    "a base",
)
"""Shapes whose links are replaced, of indexes that no test can run."""


@pytest.fixture(params=PEERS)
async def peer(request: pytest.FixtureRequest, tools: Tools, tmp_path: Path) -> AsyncIterator[Gate]:
    """Run each index that can be installed, behind a gate."""
    async with AsyncExitStack() as stack:
        if request.param in {"pypiserver", "devpi-server"}:
            running = OtherIndexes(tools, tmp_path).start(request.param)
            index = await stack.enter_async_context(running)
            for one in LISTED:
                await index.upload(one)
            url = index.index_url
        else:
            mirrored = await stack.enter_async_context(FakeIndex.running())
            for one in LISTED:
                mirrored.add(one.filename.partition("-")[0], one)
            servers = PageServers(tools, tmp_path, f"{mirrored.url}/simple/")
            url = await stack.enter_async_context(servers.start(request.param, LISTED))
        yield await stack.enter_async_context(gate_to(url))


@pytest.fixture(params=OTHER_SHAPES)
async def shaped(request: pytest.FixtureRequest) -> AsyncIterator[ShapedIndex]:
    """Run an index in each shape."""
    async with ShapedIndex.running(SHAPES[request.param], *LISTED) as running:
        yield running


async def test_peers(clients: Clients, tmp_path: Path, peer: Gate) -> None:
    """Downloads and installations end as directly, for every project, old and new."""
    async with staged(tmp_path, peer.index_url) as prefix:
        direct = await downloaded(clients, peer.index_url, "demo==1.0", "other")
        await check(clients, f"{prefix}simple/")

    assert direct == hashes(OLD, OTHER)
    assert peer.refused == []


async def test_shapes(clients: Clients, tmp_path: Path, shaped: ShapedIndex) -> None:
    """Downloads and installations end the same if links are replaced, in whatever shape."""
    async with staged(tmp_path, shaped.index_url) as prefix:
        await check(clients, f"{prefix}simple/")

    assert shaped.refused == []


@asynccontextmanager
async def staged(folder: Path, index_url: str) -> AsyncIterator[str]:
    """Run a server in front of an index, which has the credential; return the URL of a stage."""
    urls = urls_of_simple(index_url)
    upstream = {"url": str(urls.root), "simple_url": str(urls.simple)}
    async with running_service(folder / "data", FakeIndex(), upstream=upstream) as service:
        yield prefix_of(await service.staged(NEW))


async def check(clients: Clients, index: str) -> None:
    """Check what pip downloads, and what uv locks and installs, from the *index* of a stage."""
    assert await downloaded(clients, index, "demo==1.0", "other") == hashes(OLD, OTHER)
    assert await downloaded(clients, index, "demo") == hashes(NEW, DEPENDENCY)
    assert await synced(clients, index, "demo", "other") == WITH_NEW
    assert await synced(clients, index, "demo<2", "other") == WITH_OLD


async def downloaded(clients: Clients, index: str, *requirements: str) -> Mapping[str, str]:
    """Return the SHA-256 of each file that pip downloads."""
    folder = clients.new_folder("downloads")
    options = ["--index-url", index, "--no-cache-dir", "-d", str(folder)]
    (await clients.pip("download", *options, *requirements)).ok()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


async def synced(clients: Clients, index: str, *requirements: str) -> Mapping[str, str]:
    """Return what is installed after uv has locked requirements and synchronized them."""
    folder, python = clients.new_folder("project"), clients.new_environment()
    wanted, locked = folder / "requirements.in", folder / "requirements.txt"
    wanted.write_text("".join(f"{one}\n" for one in requirements))
    options = ["--default-index", index, "--python", str(python)]
    compiled = ["pip", "compile", "--generate-hashes", "-o", str(locked), str(wanted)]
    (await clients.uv(*compiled, *options)).ok()
    (await clients.uv("pip", "sync", *options, str(locked))).ok()
    return await clients.installed(python)


def hashes(*distributions: Distribution) -> Mapping[str, str]:
    """Return the SHA-256 of each distribution, by filename."""
    return {one.filename: one.sha256 for one in distributions}
