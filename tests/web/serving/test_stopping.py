"""Starts and stops of a server on a disk that fails."""

import logging
from pathlib import Path

import pytest

from stageproxy.server.run import listening
from stageproxy.store.directory import DataDirectory
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import config_of, inspectors_for_tests


async def test_url_that_cannot_be_written(
    tmp_path: Path, index: FakeIndex, caplog: pytest.LogCaptureFixture
) -> None:
    """A server whose URL can be neither written nor deleted starts and stops all the same.

    The graceful stop ended there once, before running requests were finished.
    """
    data = tmp_path / "data"
    (data / "server.url").mkdir(parents=True)
    lines: list[str] = []

    with caplog.at_level(logging.WARNING):
        async with listening(
            config_of(data, index, {}),
            DataDirectory(data),
            lines.append,
            inspectors=inspectors_for_tests(),
        ):
            assert lines[-1].startswith("stageproxy is ready on ")

    found = [one for one in caplog.messages if "server.url" in one]
    assert [one.rpartition(": ")[0].rpartition(" ")[2] for one in found] == ["written", "deleted"]
