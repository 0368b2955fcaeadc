"""A fake PyPI in its own process: `python -m tests.support.index.fake_pypi`.

It prints its URL, is controlled below `/_control/`, and ends with its standard input, so that it
never outlives its parent.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import ClientSession

from stageproxy.server.clock import SystemClock
from tests.support.index.control import CONTROL, controlled
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import History, history_of
from tests.support.servers.processes import ROOT
from tests.support.uploads.faults import Fault

COMMAND = (sys.executable, "-m", "tests.support.index.fake_pypi")
START_SECONDS = 60


class MachineClock(SystemClock):
    """The clock of this machine."""


@dataclass(frozen=True, slots=True)
class FakePypi:
    """A fake PyPI in another process."""

    url: str
    session: ClientSession = field(repr=False)

    @property
    def repository_url(self) -> str:
        """Return the URL of its upload API."""
        return f"{self.url}/legacy/"

    @property
    def index_url(self) -> str:
        """Return the URL of its simple index."""
        return f"{self.url}/simple/"

    async def plan(self, *faults: Fault) -> None:
        """Replace the planned faults."""
        await self._tell("POST", "faults", [asdict(one) for one in faults])

    async def set(self, **settings: Any) -> None:
        """Change settings; see `control.set_uploads`."""
        await self._tell("POST", "uploads", settings)

    async def go_away(self, seconds: float) -> None:
        """Refuse connections for a while, from now on."""
        await self._tell("POST", "away", {"seconds": seconds})

    async def forget(self) -> None:
        """Remove all projects."""
        await self._tell("DELETE", "history", {})

    async def history(self) -> History:
        """Return its history."""
        async with self.session.get(f"{self.url}{CONTROL}/history") as response:
            return history_of(await response.json())

    async def _tell(
        self, method: str, what: str, document: Mapping[str, Any] | Sequence[Any]
    ) -> None:
        url = f"{self.url}{CONTROL}/{what}"
        async with self.session.request(method, url, data=json.dumps(document)) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def fake_pypi() -> AsyncIterator[FakePypi]:
    """Start a fake PyPI in its own process, until the block ends."""
    process = await asyncio.create_subprocess_exec(*COMMAND, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            url = (await process.stdout.readline()).decode().strip()
        async with ClientSession() as session:
            yield FakePypi(url, session)
    finally:
        process.stdin.close()
        await process.wait()


async def main() -> None:
    """Serve until the standard input ends."""
    index = FakeIndex()
    index.uploads.use(MachineClock())
    async with index.serving(controlled(index)):
        print(index.url, flush=True)  # noqa: T201 - read by the parent process
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
