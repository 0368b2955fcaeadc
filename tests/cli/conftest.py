"""Fixtures of commands: a server, and a runner of commands."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.data_directories import DataDirectory, fill
from tests.support.builders.distributions import a_wheel
from tests.support.clients.command_runner import (
    UNUSED_URL,
    CommandRunner,
    ServerWithIndex,
    new_project_name,
    server_with_index_in_thread,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server
from tests.support.servers.stub_server import StubServer, running_stub_server
from tests.support.servers.thread import running_in_thread


@pytest.fixture(scope="session")
def server_with_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerWithIndex]:
    """Return a server that all commands share, and its index; each test has its own project.

    The index has six, on which some of these projects depend.
    """
    with server_with_index_in_thread(tmp_path_factory.mktemp("server")) as server_with_index:
        server_with_index.index.add("six", a_wheel("six"))
        yield server_with_index


@pytest.fixture(scope="session")
def server(server_with_index: ServerWithIndex) -> Server:
    """Return the server that all commands share."""
    return server_with_index.server


@pytest.fixture
def pypi(server_with_index: ServerWithIndex) -> Iterator[FakeIndex]:
    """Return the index that stages are published on. Faults end with their test."""
    yield server_with_index.index
    server_with_index.index.uploads.faults.clear()
    server_with_index.index.uploads.lags.clear()


@pytest.fixture
def cli(server: Server, tmp_path: Path) -> CommandRunner:
    """Return a runner of commands, with its own project."""
    return CommandRunner(tmp_path, server.url, server.data, server.admin_token, new_project_name())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that a server has left; see `data`."""
    data = tmp_path_factory.mktemp("filled") / "data"
    fill(data)
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> DataDirectory:
    """Return a data directory that a test can damage."""
    shutil.copytree(filled, tmp_path / "data")
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def stub_server() -> Iterator[StubServer]:
    """Return a server that is not stageproxy."""
    with running_stub_server() as stub_server:
        yield stub_server


@pytest.fixture
def offline(tmp_path: Path) -> CommandRunner:
    """Return a runner of commands without a server, with the project demo."""
    return CommandRunner(tmp_path, UNUSED_URL, tmp_path / "none", "no token", "demo")


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """Return an empty index."""
    with running_in_thread(FakeIndex.running) as running:
        yield running
