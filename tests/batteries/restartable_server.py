"""A server that is stopped and started on one data directory, and the index it publishes on."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import MachineClock
from tests.support.servers.processes import Server, StageLinks, running_server

TOKEN = "pypi-of-the-battery"
PROCESSING_SECONDS = 0.1
"""How long the index processes a file before it answers: enough to stop the server meanwhile."""

TIMINGS = {
    "PROMOTION__POLL": "0.05s",
    "PROMOTION__TIMEOUT": "1s",
    "UPSTREAM__READ_TIMEOUT": "1s",
}


@dataclass(slots=True)
class RestartableServer:
    """Servers on one data directory, one after the other; on the same port if *keeps_port*."""

    folder: Path
    index: FakeIndex
    settings: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    keeps_port: bool = False
    _running: Server | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, **settings: str) -> AsyncIterator[Self]:
        """Start an index and a server in a folder, and stop both at the end.

        *settings*: more of them, as environment variables without their prefix.
        """
        async with FakeIndex.running() as index:
            index.uploads.use(MachineClock())
            index.uploads.tokens = {TOKEN}
            index.uploads.processing = PROCESSING_SECONDS
            server = cls(folder, index, settings)
            await server.start()
            try:
                yield server
            finally:
                await server.end()

    @property
    def running(self) -> Server:
        """Return the running server."""
        assert self._running is not None
        return self._running

    async def start(self) -> None:
        """Start a server on the data of the last one."""
        former = self._running.url if self._running and self.keeps_port else ""
        port = int(former.rpartition(":")[2] or 0)
        self._running = await self._stack.enter_async_context(self._run(port))
        self.starts += 1

    async def end(self) -> None:
        """Stop the server, if it runs."""
        await self._stack.aclose()

    async def promote(self, staged: StageLinks) -> None:
        """Let the server publish a stage, with all warnings acknowledged."""
        path = f"/api/stages/{staged.id}/promotion"
        plan = await self.ask("POST", f"{path}/plan", {"publisher": "server"})
        known = {"manifest-digest": plan["manifest-digest"], "publisher": "server"}
        order = {**known, "acknowledged": plan["warnings-digest"]}
        await self.ask("POST", path, order)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the document that the server returns."""
        status, answer = await self.running.ask(method, path, body=body)
        assert status < 300, (status, answer)
        return json.loads(answer)

    def leaks(self) -> list[str]:
        """Return the files of the server that contain the credential."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [path.name for path in files if TOKEN.encode() in path.read_bytes()]

    def progress(self, staged: StageLinks) -> Mapping[str, str]:
        """Return the progress of each file of a stage, from the database."""
        query = "SELECT filename, progress FROM journal_entry WHERE stage_id = ?"
        with closing(self._catalogue()) as catalogue:
            return dict(catalogue.execute(query, [staged.id]).fetchall())

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """Lock the database against writes while the block runs."""
        with closing(self._catalogue()) as catalogue:
            catalogue.execute("BEGIN IMMEDIATE")
            yield
            catalogue.execute("ROLLBACK")

    def _catalogue(self) -> Any:
        return sqlite3.connect(self.running.data / "catalogue.db", isolation_level=None)

    @asynccontextmanager
    async def _run(self, port: int) -> AsyncIterator[Server]:
        index = self.index.url
        settings = {
            **TIMINGS,
            "UPSTREAM__URL": index,
            "PROMOTION__REPOSITORY_URL": f"{index}/legacy/",
            "PROMOTION__INDEX_URL": f"{index}/simple/",
            "PROMOTION__TOKEN": TOKEN,
            **self.settings,
        }
        async with running_server(
            self.folder / "data", logs=self.folder, settings=settings, port=port
        ) as server:
            yield server
