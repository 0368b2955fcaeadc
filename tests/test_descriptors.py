"""How many connections fit below the limit of open files."""

import logging
import resource
from collections.abc import Iterator

import pytest

from stageproxy.server.descriptors import (
    connection_limit,
    most_connections,
    raise_descriptor_limit,
)


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(64, 16), (256, 16), (512, 56), (1024, 312), (2448, 1024), (65536, 32568)],
)
def test_most_connections(descriptors: int, connections: int) -> None:
    """Each connection may need two descriptors, and 400 are for everything else."""
    assert most_connections(descriptors) == connections


@pytest.fixture
def limit() -> Iterator[None]:
    """Set the limit of open files to 1024, and restore it at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize(("wanted", "connections"), [(0, 312), (100, 100), (312, 312)])
def test_connection_limit(wanted: int, connections: int, caplog: pytest.LogCaptureFixture) -> None:
    """There may be as many connections as wanted, or as fit."""
    assert connection_limit(wanted) == connections
    assert caplog.messages == []


@pytest.mark.usefixtures("limit")
def test_too_many_wanted(caplog: pytest.LogCaptureFixture) -> None:
    """More connections than fit are not allowed, and the log names the limit to raise."""
    with caplog.at_level(logging.WARNING):
        assert connection_limit(5000) == 312
    assert len(caplog.messages) == 1
    assert "the limit of open files, 1024, allows 312 connections" in caplog.messages[0]


@pytest.mark.usefixtures("limit")
def test_limit_is_raised() -> None:
    """The limit of open files is raised as far as the process may, up to 65536."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == min(hard if hard != resource.RLIM_INFINITY else 65536, 65536)
