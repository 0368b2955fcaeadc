"""A server that is killed while it works: everything that it acknowledged is there afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.batteries.crashes import Crashes
from tests.batteries.report import SEED
from tests.batteries.uploaders import SMALL, Uploaders
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server

ENOUGH = 10_000
"""So many uploads are acknowledged in the long form."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose servers are killed."""

    path: Path

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Return the data directory."""
        yield self.path / "data"

    async def crash(self, server: Server) -> None:
        """Kill a server."""
        server.process.kill()


def killed(folder: Path, index: FakeIndex, planted: str = "") -> Crashes:
    """Return servers that are killed."""
    uploaders = Uploaders(Random(SEED))
    return Crashes(Folder(folder), folder, {"UPSTREAM__URL": index.url}, uploaders, planted)


@pytest.mark.journey
async def test_killed_a_few_times(tmp_path: Path, index: FakeIndex) -> None:
    """Every acknowledged upload is served unchanged; no file is incomplete."""
    (await killed(tmp_path, index).run("kills", 4)).check()


@pytest.mark.battery
async def test_killed_500_times(tmp_path: Path, index: FakeIndex) -> None:
    """None of 10,000 acknowledged uploads is lost in 500 kills."""
    crashes = killed(tmp_path, index)
    crashes.uploaders.sizes, crashes.most_uploads = SMALL, 45

    report = await crashes.run("kills", 500)

    report.check()
    assert report.counts["acknowledged"] >= ENOUGH


@pytest.mark.journey
async def test_killed_before_the_commit(tmp_path: Path, index: FakeIndex) -> None:
    """The battery finds a server that answers before it commits."""
    crashes = killed(tmp_path, index, planted="an answer before the commit")

    (await crashes.run("kills", 4)).check()
