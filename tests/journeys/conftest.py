"""Fixtures of journeys.

Real clients with empty caches, and servers whose output is checked for tokens.
"""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import Clients, newest_pip, versions
from tests.support.clients.installers import Installers
from tests.support.clients.matrix import ClientMatrix
from tests.support.clients.tools import Tools
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.nginx import (
    Certificates,
    ProxiedServer,
    ProxiedServerStart,
    free_port,
    running_nginx,
)
from tests.support.servers.processes import (
    Server,
    ServerStart,
    assert_no_token_is_logged,
    running_server,
)

VERSIONS = pytest.StashKey[str]()
TOOL_VERSIONS = pytest.StashKey[str]()
LEFT_OUT = pytest.StashKey[bool]()
FOLDER = Path(__file__).parent
NEEDING_AN_INDEX = frozenset({"pip_python", "tools"})


@pytest.fixture(scope="session")
def pip_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the newest pip."""
    python = newest_pip(tmp_path_factory.mktemp("pip"))
    request.config.stash[VERSIONS] = versions(python)
    return python


@pytest.fixture(scope="session")
def tools(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tools]:
    """Return the clients that are installed when they are first needed."""
    tools = Tools(tmp_path_factory.mktemp("tools"))
    yield tools
    request.config.stash[TOOL_VERSIONS] = tools.versions()


@pytest.fixture(scope="session")
def client_matrix() -> ClientMatrix:
    """Return the results of journeys for the tables of the documentation."""
    return ClientMatrix()


@pytest.fixture(scope="session")
def whole_run(pytestconfig: pytest.Config) -> bool:
    """Return whether every journey runs, in this process."""
    everywhere = pytestconfig.args_source is not pytest.Config.ArgsSource.ARGS
    paths = (
        [] if everywhere else [Path(one.partition("::")[0]).resolve() for one in pytestconfig.args]
    )
    is_a_part = LEFT_OUT in pytestconfig.stash or hasattr(pytestconfig, "workerinput")
    return (everywhere or FOLDER in paths) and not is_a_part


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to write the tables of the documentation: `make client-matrix`."""
    parser.addoption("--write-client-matrix", action="store_true")


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that a journey was deselected."""
    for item in items:
        if FOLDER in item.path.parents and item.get_closest_marker("journey"):
            item.config.stash[LEFT_OUT] = True


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the versions of the clients."""
    for key in (VERSIONS, TOOL_VERSIONS):
        if key in config.stash:
            terminalreporter.write_line(f"journeys: {config.stash[key]}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark journeys that need this machine's index, and run those that check all results last."""
    for item in items:
        if NEEDING_AN_INDEX.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.network)
    items.sort(key=lambda item: item.get_closest_marker("after_all_others") is not None)


@pytest.fixture
def clients_with_system_pip(tmp_path: Path) -> Clients:
    """Return clients with empty caches, with the pip of this environment."""
    folder = tmp_path / "clients"
    folder.mkdir()
    return Clients.in_folder(folder, Path(sys.executable))


@pytest.fixture
def clients(clients_with_system_pip: Clients, pip_python: Path) -> Clients:
    """Return clients with empty caches, with the newest pip."""
    return replace(clients_with_system_pip, pip_python=pip_python)


@pytest.fixture
def every_installer(clients: Clients, tools: Tools) -> Installers:
    """Return all installers, with empty caches."""
    return Installers(clients, tools)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[ServerStart]:
    """Return a function that starts servers on one data directory. Their output has no token."""
    logs = tmp_path / "logs"
    logs.mkdir()
    yield partial(running_server, tmp_path / "data", logs=logs)
    assert_no_token_is_logged(logs)


@pytest.fixture
async def upstream() -> AsyncIterator[FakeIndex]:
    """Run an index with `demo` 1.0, and with two projects that later releases of it require."""
    async with FakeIndex.running() as index:
        index.add("demo", a_wheel("demo", "1.0"))
        index.add("helper", a_wheel("helper", "1.0"))
        index.add("other", a_wheel("other", "1.0"))
        yield index


@pytest.fixture
async def server(start_server: ServerStart, upstream: FakeIndex) -> AsyncIterator[Server]:
    """Run a server in front of the fake index."""
    async with start_server(settings={"UPSTREAM__URL": upstream.url}) as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Create a certificate for this machine."""
    return Certificates.create_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def nginx_folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder for nginx. Its logs have no token."""
    folder = tmp_path / "nginx"
    yield folder
    texts = {path.name: path.read_text() for path in (folder / "logs").iterdir()}
    assert texts["access.log"]
    assert [name for name, text in texts.items() if TOKEN_PATTERN.search(text)] == []


@pytest.fixture
def start_proxied_server(
    start_server: ServerStart, upstream: FakeIndex, nginx_folder: Path, certificates: Certificates
) -> ProxiedServerStart:
    """Return a function that starts a server behind nginx."""

    @asynccontextmanager
    async def start(
        path: str = "", changes: Mapping[str, str] = {}, **settings: str
    ) -> AsyncIterator[ProxiedServer]:
        port = free_port()
        url = f"https://localhost:{port}{path}"
        own = {
            "UPSTREAM__URL": upstream.url,
            "SERVER__PUBLIC_URL": url,
            "SERVER__TRUSTED_PROXIES": "127.0.0.1",
            **settings,
        }
        async with (
            start_server(settings=own) as server,
            running_nginx(nginx_folder, port, server.url, certificates, changes) as logs,
        ):
            yield ProxiedServer(url, server, logs, certificates.tls_context())

    return start


@pytest.fixture
async def proxied_server(start_proxied_server: ProxiedServerStart) -> AsyncIterator[ProxiedServer]:
    """Run a server behind nginx, as documented."""
    async with start_proxied_server() as running:
        yield running
