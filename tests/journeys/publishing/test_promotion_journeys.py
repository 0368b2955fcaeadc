"""A whole promotion: with a real server, the real command, and other indexes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.clients import Clients
from tests.support.clients.tools import Tools
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import manifest_digest_of
from tests.support.servers.other_indexes import STARTS, OtherIndex, OtherIndexes
from tests.support.servers.processes import Server, ServerStart

pytestmark = pytest.mark.journey

WHEEL = a_wheel("demo-plus", "2.0")
SDIST = an_sdist("demo-plus", "2.0")
APPROVED = ("--manifest", manifest_digest_of(WHEEL, SDIST))
OTHER_WHEEL = a_wheel("demo-plus", "2.0", summary="Another demo")

on_each = pytest.mark.parametrize("name", STARTS)


@pytest.fixture
async def index(tools: Tools, tmp_path: Path, name: str) -> AsyncIterator[OtherIndex]:
    """Run the index of the case, empty."""
    async with OtherIndexes(tools, tmp_path).start(name) as running:
        yield running


@pytest.fixture
async def server(
    start_server: ServerStart, upstream: FakeIndex, index: OtherIndex
) -> AsyncIterator[Server]:
    """Run a server that previews one index and publishes on the other."""
    settings = {"UPSTREAM__URL": upstream.url, **publishing_on(index)}
    async with start_server(settings=settings) as running:
        yield running


def publishing_on(index: OtherIndex) -> dict[str, str]:
    """Return the settings to publish on an index."""
    return {
        "PROMOTION__REPOSITORY_URL": index.repository_url,
        "PROMOTION__INDEX_URL": index.index_url,
        "PROMOTION__USERNAME": index.username,
        "PROMOTION__TOKEN": index.password,
        "PROMOTION__POLL": "0.1",
    }


async def installed_from(clients: Clients, index: OtherIndex) -> str:
    """Return the version that pip installs as a wheel from an index."""
    requirements = clients.new_folder("project") / "requirements.txt"
    requirements.write_text(f"demo-plus==2.0 --hash=sha256:{WHEEL.sha256}\n")
    python, done = await clients.install("pip", index.index_url, "-r", str(requirements))
    done.ok()
    return await clients.python(python, "import demo_plus; print(demo_plus.VERSION)")


@on_each
async def test_by_the_server(clients: Clients, server: Server, index: OtherIndex) -> None:
    """The server publishes, the command waits for the receipt, and pip installs the release."""
    stage = await server.stage(WHEEL, SDIST)

    done = await server.command("promote", stage.id, *APPROVED, "--json")

    receipt = done.ok().document["receipt"]
    assert {name: one["sha256"] for name, one in receipt["files"].items()} == {
        WHEEL.filename: WHEEL.sha256,
        SDIST.filename: SDIST.sha256,
    }
    assert await installed_from(clients, index) == "2.0"
    assert index.password not in done.output


@on_each
async def test_by_the_command(clients: Clients, server: Server, index: OtherIndex) -> None:
    """The command publishes with its own settings, and pip installs the release."""
    stage = await server.stage(WHEEL, SDIST)
    own = {f"STAGEPROXY_{name}": text for name, text in publishing_on(index).items()}

    done = await server.command("promote", stage.url, *APPROVED, "--here", "--json", **own)

    assert done.ok().document["receipt"]["publisher"] == "client"
    assert await installed_from(clients, index) == "2.0"
    assert index.password not in done.output


@on_each
async def test_published_file_is_not_sent(server: Server, index: OtherIndex) -> None:
    """A file that the index has with the same bytes is not sent again."""
    await index.upload(WHEEL)
    stage = await server.stage(WHEEL, SDIST)

    done = await server.command("promote", stage.id, *APPROVED, "--json")

    files = done.ok().document["receipt"]["files"]
    assert [one["attempts"] for one in files.values()] == [0, 1]


@on_each
async def test_other_bytes_stop_the_release(server: Server, index: OtherIndex) -> None:
    """A file that the index has with other bytes stops the promotion."""
    await index.upload(OTHER_WHEEL)
    stage = await server.stage(WHEEL, SDIST)

    done = await server.command("promote", stage.id)

    assert (done.code, WHEEL.filename in done.stderr) == (1, True)
    assert [*await index.hashes("demo-plus")] == [WHEEL.filename]
