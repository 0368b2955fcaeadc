"""A data directory, the servers that follow each other on it, and the index where they publish."""

import json
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import MachineClock
from tests.support.servers.processes import Server, Staged, running_server

TOKEN = "pypi-of-the-battery"
PROCESSING_SECONDS = 0.1
"""How long the index has a file before it answers: time enough to do something to the server."""

TIMINGS = {
    "PROMOTION__POLL": "0.05s",
    "PROMOTION__TIMEOUT": "1s",
    "UPSTREAM__READ_TIMEOUT": "1s",
}


class _KilledError(Exception):
    """The server is gone, and not by its own doing."""


@dataclass(slots=True)
class Lane:
    """One data directory, on which one server follows the other; releases go one by one."""

    folder: Path
    index: FakeIndex
    starts: int = 0
    _server: Server | None = None
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        """Start an index and a server in a folder, and end both."""
        async with FakeIndex.running() as index:
            index.uploads.use(MachineClock())
            index.uploads.tokens = {TOKEN}
            index.uploads.processing = PROCESSING_SECONDS
            lane = cls(folder, index)
            await lane.start()
            try:
                yield lane
            finally:
                await lane.end()

    @property
    def server(self) -> Server:
        """Return the server that runs at present."""
        assert self._server is not None
        return self._server

    async def start(self) -> None:
        """Start a server on what the one before it has left."""
        self._server = await self._life.enter_async_context(self._one_life())
        self.starts += 1

    async def end(self) -> None:
        """Let the server end, if it has not."""
        await self._life.aclose()

    async def promote(self, staged: Staged) -> None:
        """Let the server publish a stage, knowing all that there is to know."""
        path = f"/api/stages/{staged.id}/promotion"
        plan = await self.ask("POST", f"{path}/plan", {"publisher": "server"})
        known = {"manifest-digest": plan["manifest-digest"], "publisher": "server"}
        order = {**known, "acknowledged": plan["warnings-digest"]}
        await self.ask("POST", path, order)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the document that the server answers with."""
        status, answer = await self.server.ask(method, path, body=body)
        assert status < 300, (status, answer)
        return json.loads(answer)

    def leaks(self) -> list[str]:
        """Return the files of the server that have the credential in them."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [path.name for path in files if TOKEN.encode() in path.read_bytes()]

    def progress(self, staged: Staged) -> Mapping[str, str]:
        """Return what the catalogue knows of each file of a stage, whoever has it open."""
        query = "SELECT filename, progress FROM journal_entry WHERE stage_id = ?"
        with closing(self._catalogue()) as catalogue:
            return dict(catalogue.execute(query, [staged.id]).fetchall())

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """Let nothing be written down as long as the block lasts."""
        with closing(self._catalogue()) as catalogue:
            catalogue.execute("BEGIN IMMEDIATE")
            yield
            catalogue.execute("ROLLBACK")

    def _catalogue(self) -> Any:
        return sqlite3.connect(self.server.data / "catalogue.db", isolation_level=None)

    @asynccontextmanager
    async def _one_life(self) -> AsyncIterator[Server]:
        index = self.index.url
        settings = {
            **TIMINGS,
            "UPSTREAM__URL": index,
            "PROMOTION__REPOSITORY_URL": f"{index}/legacy/",
            "PROMOTION__INDEX_URL": f"{index}/simple/",
            "PROMOTION__TOKEN": TOKEN,
        }
        with suppress(_KilledError):
            async with running_server(
                self.folder / "data", logs=self.folder, settings=settings
            ) as server:
                yield server
                if server.process.returncode == -signal.SIGKILL:
                    raise _KilledError
