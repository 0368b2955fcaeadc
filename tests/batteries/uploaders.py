"""Clients that upload without pause, and remember what was acknowledged."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.servers.processes import Server

AT_A_TIME = 6
SIZES = (100, 20_000, 300_000)
SMALL = (100, 2_000, 20_000)
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
NO_FILES = '{"files": []}'
PATIENCE = ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the server acknowledged, and its path on the server."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """Return its filename."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Uploaders:
    """The acknowledged files, and those since `recent` was last cleared.

    The same *random* produces the same files and times.
    """

    random: Random
    sizes: Sequence[int] = SIZES
    number: int = 0
    acknowledged: list[StoredFile] = field(default_factory=list)
    recent: list[StoredFile] = field(default_factory=list)
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def busy(self, server: Server) -> AsyncIterator[None]:
        """Upload without pause while the block runs, or until the server ends."""
        headers = {"Authorization": f"Bearer {server.admin_token}"}
        async with (
            ClientSession(headers=headers, timeout=PATIENCE) as session,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(AT_A_TIME):
                workers.create_task(self._work(session, server))
            yield

    async def until_acknowledged(self, count: int) -> None:
        """Wait until so many recent files are acknowledged."""
        while len(self.recent) < count:
            self.progress.clear()
            await self.progress.wait()

    async def _work(self, session: ClientSession, server: Server) -> None:
        # What a killed server was receiving was not acknowledged.
        with suppress(ClientError, ConnectionError):
            while True:
                file = await self._upload(session, server, self._next())
                self.acknowledged.append(file)
                self.recent.append(file)
                self.progress.set()

    def _next(self) -> Distribution:
        self.number += 1
        make = self.random.choice((a_wheel, an_sdist))
        noise = self.random.randbytes(self.random.choice(self.sizes))
        return make(f"crash-{self.number}", extra={"noise": noise})

    async def _upload(
        self, session: ClientSession, server: Server, distribution: Distribution
    ) -> StoredFile:
        form = FormData([*upload_form(distribution), ("staged", "true")])
        content = io.BytesIO(distribution.content)
        form.add_field("content", content, filename=distribution.filename)
        async with session.post(f"{server.url}/legacy/", data=form) as response:
            text = await response.text()
            assert response.status == 200, text
        [file] = json.loads(text)["files"].values()
        return StoredFile(urlsplit(file["link"]).path, distribution.sha256)


async def missing_files(server: Server, acknowledged: list[StoredFile]) -> list[StoredFile]:
    """Return acknowledged files that are not served unchanged."""
    async with ClientSession() as session:
        return [one for one in acknowledged if not await _is_held(session, server, one)]


async def half_written(server: Server) -> list[str]:
    """Return the names of listed files whose bytes are not those of their hash.

    Files that were stored without an answer to the client are listed too.
    """
    _, body = await server.ask("GET", "/api/stages")
    listed = [
        (filename, StoredFile(urlsplit(file["link"]).path, file["hashes"]["sha256"]))
        for stage in json.loads(body)["stages"]
        for filename, file in stage["files"].items()
        if "link" in file  # not of an ended stage
    ]
    async with ClientSession() as session:
        return [name for name, one in listed if not await _is_held(session, server, one)]


async def pages_without_file(server: Server, acknowledged: list[StoredFile]) -> list[StoredFile]:
    """Return the files that their project's page in the stage does not list."""
    missing = []
    async with ClientSession() as session:
        for one in acknowledged:
            _, _, project, token, _ = one.path.split("/", 4)
            url = f"{server.url}/tmp/{project}/{token}/simple/{project}/"
            async with session.get(url, headers={"Accept": JSON_PAGE}) as response:
                page: Any = json.loads(await response.read() if response.ok else NO_FILES)
            if one.sha256 not in [file["hashes"]["sha256"] for file in page["files"]]:
                missing.append(one)
    return missing


async def _is_held(session: ClientSession, server: Server, file: StoredFile) -> bool:
    async with session.get(server.url + file.path) as response:
        content = await response.read()
    return response.status == 200 and hashlib.sha256(content).hexdigest() == file.sha256
