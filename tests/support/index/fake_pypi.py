"""A fake PyPI in a process of its own: `python -m tests.support.index.fake_pypi`.

It prints its URL, is told what to do below `/_control/`, and ends when its
standard input does, so that it never outlives who started it.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession

from tests.support.index.control import CONTROL, controlled
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import History, history_of
from tests.support.servers.processes import ROOT
from tests.support.uploads.faults import Fault

COMMAND = (sys.executable, "-m", "tests.support.index.fake_pypi")
START_SECONDS = 60


class MachineClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FakePypi:
    """A fake PyPI in another process, as seen from here."""

    url: str
    session: ClientSession = field(repr=False)

    @property
    def repository_url(self) -> str:
        """Return where uploads go."""
        return f"{self.url}/legacy/"

    @property
    def index_url(self) -> str:
        """Return where its pages are."""
        return f"{self.url}/simple/"

    async def plan(self, *faults: Fault) -> None:
        """Let these things go wrong, and no others."""
        await self._tell("POST", "faults", [asdict(one) for one in faults])

    async def set(self, **settings: Any) -> None:
        """Change settings of `fake_control.set_uploads`."""
        await self._tell("POST", "uploads", settings)

    async def go_away(self, seconds: float) -> None:
        """Let it refuse connections for a while; it begins at once."""
        await self._tell("POST", "away", {"seconds": seconds})

    async def forget(self) -> None:
        """Let it be empty again."""
        await self._tell("DELETE", "history", {})

    async def history(self) -> History:
        """Return what happened to it so far."""
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
    """Start a fake PyPI in a process of its own; it ends with the block."""
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
        print(index.url, flush=True)  # noqa: T201 - this is how it is found
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
