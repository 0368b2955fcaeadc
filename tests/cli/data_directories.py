"""A data directory as a server leaves it, to be damaged by tests."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageproxy.store.sqlite.database import Database
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.pep694 import Pep694Client
from tests.support.database import execute
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import running_service
from tests.support.stored_files import stored_file

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
SENT = a_wheel("other", "1.0")
"""The file of a stage of its own whose bytes are sent, and not completed."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A data directory with a stage of a wheel and an sdist, and one with a pending upload."""

    path: Path

    def file(self, distribution: Distribution) -> Path:
        """Return the path at which a distribution is stored."""
        return stored_file(self.path, distribution.sha256)

    def execute(self, *statements: str) -> None:
        """Change the catalogue behind the back of the server."""
        execute(self.path / "catalogue.db", *statements)

    def stages(self) -> dict[str, Any]:
        """Return the stages by project."""
        with Database(self.path / "catalogue.db") as database:
            found = asyncio.run(database.read(lambda rows: rows.stages.list()))
        return {stage.project: stage for stage in found}


def fill(data: Path) -> None:
    """Write a data directory as a server does."""
    asyncio.run(_fill(data))


async def _fill(data: Path) -> None:
    async with FakeIndex.running() as index, running_service(data, index) as service:
        await service.staged(WHEEL, SDIST)
        client = Pep694Client(service)
        await client.sent(await client.session("other", "1.0"), SENT)
