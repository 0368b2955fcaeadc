"""A server in front of the index of this machine: nothing is faked."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.upstream.pip_index import settings_of_pip
from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import INSTALLERS, Clients, Installer
from tests.support.servers.processes import Server, ServerStart, StageLinks

pytestmark = [pytest.mark.journey, pytest.mark.network]

NEW_NAME = "stageproxy-journey-sample"
NEW = a_wheel(NEW_NAME, "1.0", requires_dist=["packaging>=20", "idna>=2"])
NEWER = a_wheel("six", "99.0", modules={"six.py": "__version__ = '99.0'\n"})
OTHERS = (
    "attrs",
    "certifi",
    "click",
    "idna",
    "iniconfig",
    "packaging",
    "pluggy",
    "tomli",
    "typing-extensions",
    "wheel",
)
KINDS = (SimpleType.V1_JSON, SimpleType.V1_HTML, SimpleType.HTML)
TRIES = 3

Said = tuple[int, str, bytes]


@pytest.fixture
async def server(start_server: ServerStart) -> AsyncIterator[Server]:
    """Run a server with the default settings: its upstream is the index that pip uses."""
    async with start_server() as running:
        yield running


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_new_project(server: Server, clients: Clients, installer: Installer) -> None:
    """A staged project that is new installs, with real dependencies."""
    stage = await server.stage(NEW)

    python, done = await clients.install(installer, stage.index, NEW_NAME)

    done.ok()
    found = await clients.installed(python)
    assert set(found) == {NEW_NAME, "packaging", "idna"}
    assert await clients.python(python, "import idna, packaging; print('both')") == "both"


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_newer_version_of_a_real_project(
    server: Server, clients: Clients, installer: Installer
) -> None:
    """A staged version is the newest of a real project; the real ones can still be installed."""
    stage = await server.stage(NEWER)

    staged, done = await clients.install(installer, stage.index, "six")
    listed, done_with_listed = await clients.install(installer, stage.index, "six<99")

    assert (done.ok().code, done_with_listed.ok().code) == (0, 0)
    assert await clients.installed(staged) == {"six": "99.0"}
    version = (await clients.installed(listed))["six"]
    assert await clients.python(listed, "import six; print(six.__version__)") == version != "99.0"


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_other_pages_are_unchanged(server: Server, kind: SimpleType) -> None:
    """The pages of other projects are unchanged."""
    stage = await server.stage(NEWER)

    different = [name for name in OTHERS if not await is_same(stage, name, kind)]

    assert different == []


async def is_same(stage: StageLinks, name: str, kind: SimpleType) -> bool:
    """Return whether a page is the same through the stage.

    It is compared again if upstream changed it.
    """
    direct = f"{settings_of_pip().index.simple}{name}/"
    for _ in range(TRIES):
        first, through, last = [
            await page(url, kind) for url in (direct, f"{stage.index}{name}/", direct)
        ]
        assert (first[0], bool(first[2])) == (200, True)
        if first == last:
            return first == through
    return False


async def page(url: str, kind: SimpleType) -> Said:
    """Return the status, type and bytes of a page."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Accept": f"{kind}"}) as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.read()
