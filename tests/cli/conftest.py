"""What every command has: a server to talk to, and a desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import (
    NOBODY,
    Desk,
    Premises,
    Stranger,
    a_project,
    a_stranger,
    premises_elsewhere,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.elsewhere import elsewhere
from tests.support.servers.processes import Server


@pytest.fixture(scope="session")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Return a server that all commands share, and its index; each test has its own project."""
    with premises_elsewhere(tmp_path_factory.mktemp("server")) as premises:
        yield premises


@pytest.fixture(scope="session")
def server(premises: Premises) -> Server:
    """Return the server that all commands share."""
    return premises.server


@pytest.fixture
def pypi(premises: Premises) -> Iterator[FakeIndex]:
    """Return the index that stages are published on. What a test lets go wrong ends with it."""
    yield premises.index
    premises.index.uploads.faults.clear()
    premises.index.uploads.lags.clear()


@pytest.fixture
def desk(server: Server, tmp_path: Path) -> Desk:
    """Return a desk for a project that nobody else works on."""
    return Desk(tmp_path, server.url, server.data, server.admin_token, a_project())


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """Return a server that is not ours."""
    with a_stranger() as stranger:
        yield stranger


@pytest.fixture
def offline(tmp_path: Path) -> Desk:
    """Return a desk for demo, without a server."""
    return Desk(tmp_path, NOBODY, tmp_path / "none", "no token", "demo")


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """Return an empty index."""
    with elsewhere(FakeIndex.running) as running:
        yield running
