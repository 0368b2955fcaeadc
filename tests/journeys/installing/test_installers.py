"""pip and uv: installing from a stage as if its release were published."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import INSTALLERS, Clients, Installer
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.processes import Server, ServerStart, StageLinks

pytestmark = pytest.mark.journey

STAGED = a_wheel("demo", "2.0", requires_dist=["helper>=1.0"])
QUIRKS = {
    "html_only": Quirks(html_only=True),
    "relative_urls": Quirks(relative_urls=True),
    "host_absolute_urls": Quirks(host_absolute_urls=True),
    "no_etag": Quirks(no_etag=True),
    "no_core_metadata": Quirks(no_core_metadata=True),
}

with_each_installer = pytest.mark.parametrize("installer", INSTALLERS)


@pytest.fixture
async def server(start_server: ServerStart, upstream: FakeIndex) -> AsyncIterator[Server]:
    """Run a server that requests every page from upstream, whose quirks change."""
    settings = {"UPSTREAM__URL": upstream.url, "UPSTREAM__FRESH_FOR": "0s"}
    async with start_server(settings=settings) as running:
        yield running


@pytest.fixture
async def stage(server: Server) -> StageLinks:
    """Stage a 2.0 beside the 1.0 of upstream; it requires a project that only upstream has."""
    return await server.stage(STAGED)


@with_each_installer
@pytest.mark.parametrize("literal", [False, True], ids=["simple", "literal-stage-url"])
async def test_install(
    clients: Clients, stage: StageLinks, installer: Installer, *, literal: bool
) -> None:
    """The staged release is the newest; its dependency comes from upstream."""
    index_url = stage.url if literal else stage.index

    python, done = await clients.install(installer, index_url, "demo")

    done.ok()
    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}
    assert await clients.python(python, "import demo; print(demo.VERSION)") == "2.0"


@with_each_installer
async def test_install_a_published_release(
    clients: Clients, stage: StageLinks, installer: Installer
) -> None:
    """A published release can be installed from the stage."""
    python, done = await clients.install(installer, stage.index, "demo<2")

    done.ok()
    assert await clients.installed(python) == {"demo": "1.0"}


@with_each_installer
@pytest.mark.parametrize("quirk", QUIRKS)
async def test_page_of_an_odd_upstream(
    clients: Clients, stage: StageLinks, upstream: FakeIndex, installer: Installer, quirk: str
) -> None:
    """Both the published and the staged release install from any page that is edited."""
    upstream.quirks = QUIRKS[quirk]

    newest, done = await clients.install(installer, stage.index, "--no-deps", "demo")
    listed, done_with_listed = await clients.install(installer, stage.index, "demo<2")

    assert (done.ok().code, done_with_listed.ok().code) == (0, 0)
    assert await clients.installed(newest) == {"demo": "2.0"}
    assert await clients.installed(listed) == {"demo": "1.0"}


@with_each_installer
@pytest.mark.parametrize("quirk", QUIRKS)
async def test_dependency_on_an_odd_upstream(
    clients: Clients, stage: StageLinks, upstream: FakeIndex, installer: Installer, quirk: str
) -> None:
    """A dependency is found on any page of upstream."""
    upstream.quirks = QUIRKS[quirk]

    python, done = await clients.install(installer, stage.index, "demo")

    done.ok()
    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}


@pytest.mark.parametrize("end", ["simple/", ""], ids=["simple", "without simple"])
async def test_pip_with_an_extra_index(
    clients: Clients, stage: StageLinks, upstream: FakeIndex, end: str
) -> None:
    """`+only` as an extra index adds the staged release to pip's own index, `simple/` or not."""
    python = clients.new_environment()
    only = stage.only.removesuffix("simple/") + end

    extra = ["--index-url", f"{upstream.url}/simple/", "--extra-index-url", only]
    (await clients.pip("install", *extra, "demo", python=python)).ok()

    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}


@pytest.mark.parametrize("end", ["simple/", ""], ids=["simple", "without simple"])
async def test_uv_with_an_index_of_its_own(
    clients: Clients, stage: StageLinks, upstream: FakeIndex, end: str
) -> None:
    """`+only` as an index has priority over uv's default one, for the staged project only."""
    python = clients.new_environment()
    only = stage.only.removesuffix("simple/") + end
    into = ["pip", "install", "--python", str(python), "demo"]

    default = f"{upstream.url}/simple/"
    (await clients.uv(*into, "--index", only, "--default-index", default)).ok()

    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}


async def test_pip_index_url_in_the_environment(clients: Clients, stage: StageLinks) -> None:
    """A stage in `PIP_INDEX_URL` replaces the usual index."""
    python = clients.new_environment()

    done = await clients.pip("install", "demo", python=python, PIP_INDEX_URL=stage.index)

    done.ok()
    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}


@pytest.mark.parametrize(
    ("flags", "version"), [((), "9.0"), (("--isolated",), "2.0")], ids=["plain", "isolated"]
)
async def test_pip_with_an_extra_index_of_its_own(
    clients: Clients, stage: StageLinks, flags: tuple[str, ...], version: str
) -> None:
    """--index-url leaves pip's extra indexes in place; only --isolated excludes them."""
    python = clients.new_environment()
    install = ["install", *flags, "--index-url", stage.index, "demo"]

    async with FakeIndex.running() as other:
        other.add("demo", a_wheel("demo", "9.0"))
        done = await clients.pip(
            *install, python=python, PIP_EXTRA_INDEX_URL=f"{other.url}/simple/"
        )

    done.ok()
    assert (await clients.installed(python))["demo"] == version


async def test_pip_download(clients: Clients, stage: StageLinks, tmp_path: Path) -> None:
    """Pip downloads exactly the staged bytes."""
    (await clients.pip("download", "--index-url", stage.index, "-d", str(tmp_path), "demo")).ok()

    staged = tmp_path / STAGED.filename
    assert hashlib.sha256(staged.read_bytes()).hexdigest() == STAGED.sha256
    assert (tmp_path / "helper-1.0-py3-none-any.whl").exists()


async def test_pip_index_versions(clients: Clients, stage: StageLinks) -> None:
    """The staged version is listed with the others, as the latest."""
    done = await clients.pip("index", "versions", "--index-url", stage.index, "demo")

    lines = done.ok().stdout.splitlines()
    assert lines[:2] == ["demo (2.0)", "Available versions: 2.0, 1.0"]


async def test_pip_report(clients: Clients, stage: StageLinks) -> None:
    """A dry run reports what would be installed, with the URL and hash of the staged file."""
    dry = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]

    report = (await clients.pip(*dry, "--index-url", stage.index, "demo")).ok().document

    found = {one["metadata"]["name"]: one["download_info"] for one in report["install"]}
    assert set(found) == {"demo", "helper"}
    assert found["demo"]["url"].startswith(f"{stage.url}packages/")
    assert found["demo"]["archive_info"]["hashes"] == {"sha256": STAGED.sha256}


async def test_uv_compile_with_hashes(clients: Clients, stage: StageLinks, tmp_path: Path) -> None:
    """The staged release is pinned with its hash, and the pinned requirements install."""
    wanted, pinned = tmp_path / "wanted.in", tmp_path / "pinned.txt"
    wanted.write_text("demo\n")
    index = ["--default-index", stage.index]

    compiled = ["pip", "compile", "--generate-hashes", "-o", str(pinned), str(wanted)]
    (await clients.uv(*compiled, *index)).ok()
    python = clients.new_environment()
    install = ["pip", "install", "--python", str(python), "--require-hashes", "-r", str(pinned)]
    (await clients.uv(*install, *index)).ok()

    assert f"demo==2.0 \\\n    --hash=sha256:{STAGED.sha256}\n" in pinned.read_text()
    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}
