"""Fixtures of tries and reviews: a server that all journeys share, each with its own project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients.command_runner import (
    CommandRunner,
    ServerWithIndex,
    new_project_name,
    server_with_index_in_thread,
)


@pytest.fixture(scope="package")
def server_with_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerWithIndex]:
    """Return a server and its index."""
    with server_with_index_in_thread(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def cli(server_with_index: ServerWithIndex, tmp_path: Path) -> CommandRunner:
    """Return a runner of commands, with its own project."""
    server = server_with_index.server
    return CommandRunner(tmp_path, server.url, server.data, server.admin_token, new_project_name())
