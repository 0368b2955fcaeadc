"""Other indexes with the legacy upload API, run as their users do, each in a new folder.

`tests/journeys/publishing/test_other_indexes.py` tests their answers.
"""

import asyncio
import base64
import hashlib
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from aiohttp import ClientSession
from yarl import URL

from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, own_document
from stageproxy.core.index.simple import read_page
from tests.support.builders.distributions import Distribution
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.clients import clean_environment
from tests.support.clients.http import Answer, send
from tests.support.clients.tools import Tools
from tests.support.servers.listening import listens
from tests.support.servers.nginx import free_port
from tests.support.servers.processes import run
from tests.support.servers.service import basic

USERNAME = "__token__"
"""The user name of API tokens, which both indexes accept."""

PASSWORD = "the password of whoever publishes"

_ACCEPT = ACCEPT_FOR[SimpleType.V1_JSON]
_ANSWER_SECONDS = 60
_START_SECONDS = 60
# devpi-server derives a key at its start, deliberately slowly: 8 seconds, 512 MiB.
_DEVPI_IN_A_HURRY = (
    *("--argon2-memory-cost", "1024", "--argon2-time-cost", "1", "--argon2-parallelism", "1"),
    *("--threads", "4"),
)


@dataclass(frozen=True, slots=True)
class OtherIndex:
    """A running index: anyone can read, and clients with the password can upload."""

    repository_url: str
    index_url: str
    username: str = USERNAME
    password: str = field(default=PASSWORD, repr=False)

    async def page(self, project: str, accept: str = _ACCEPT) -> Answer:
        """Return the answer to the page of a project, including redirects."""
        async with ClientSession() as session:
            return await send(session, "GET", f"{self.index_url}{project}/", {"Accept": accept})

    async def listing(self, project: str) -> Listing:
        """Return the listing of a project, an empty one if there is no page."""
        page = await self.page(project)
        if page.status == 404:
            return Listing(exists=False)
        assert page.status == 200, page
        return read_page(own_document(page.body, page.headers["Content-Type"]), project)

    async def hashes(self, project: str) -> dict[str, str | None]:
        """Return the sha256 of each file on the page of a project."""
        listing = await self.listing(project)
        return {name: file.sha256 for name, file in listing.files.items()}

    async def upload(
        self, distribution: Distribution, *, password: str | None = None, **changes: str
    ) -> Answer:
        """Upload a file with twine's form, with *changes*."""
        data = body_of(twine_form(distribution, **changes))
        async with ClientSession() as session:
            headers = self._headers(password or self.password)
            return await send(session, "POST", self.repository_url, headers, data=data)

    async def upload_half(self, distribution: Distribution) -> bytes:
        """Send a form that ends in the middle of the file; return the answer."""
        body = body_of(twine_form(distribution))
        url = URL(self.repository_url)
        headers = {**self._headers(self.password), "Host": url.authority, "Connection": "close"}
        lines = [f"POST {url.path} HTTP/1.1", f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, *(f"{name}: {text}" for name, text in headers.items())])
        end = body.index(distribution.content) + len(distribution.content) // 2
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"{head}\r\n\r\n".encode() + body[:end])
        writer.write_eof()
        async with asyncio.timeout(_ANSWER_SECONDS):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    @asynccontextmanager
    async def unfinished_request(self) -> AsyncIterator[None]:
        """Hold a connection on which the index waits for a request."""
        url = URL(self.index_url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        try:
            yield
        finally:
            writer.close()
            await writer.wait_closed()

    async def answers_within(self, *, seconds: float) -> bool:
        """Return whether the page of a project is answered in time, with any status."""
        try:
            async with asyncio.timeout(seconds):
                await self.page("demo")
        except TimeoutError:
            return False
        return True

    def _headers(self, password: str) -> dict[str, str]:
        return {"Authorization": basic(password), "Content-Type": FORM}


@dataclass(frozen=True, slots=True)
class OtherIndexes:
    """The indexes that can be started, each in a new folder."""

    tools: Tools
    folder: Path

    def start(self, name: str) -> AbstractAsyncContextManager[OtherIndex]:
        """Run an index of `STARTS`."""
        return STARTS[name](self)

    @asynccontextmanager
    async def pypiserver(
        self, *, without_hashes: bool = False, missing_are_at: str = ""
    ) -> AsyncIterator[OtherIndex]:
        """Run pypiserver.

        By default it redirects missing projects to PyPI. Here it answers 404, or redirects to
        *missing_are_at*.
        """
        folder = self._new_folder()
        passwords = folder / "passwords"
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        passwords.write_text(f"{USERNAME}:{{SHA}}{digest}\n")
        port = free_port()
        missing = ["--fallback-url", missing_are_at] if missing_are_at else ["--disable-fallback"]
        hashes = ["--hash-algo", "no"] if without_hashes else []
        where = ["--interface", "127.0.0.1", "--port", str(port)]
        command = [str(self.tools.command("pypiserver")), "run", *where, *missing, *hashes]
        files = folder / "files"
        files.mkdir()
        command += ["--passwords", str(passwords), str(files)]
        async with running_index(*command, port=port, folder=folder):
            url = f"http://127.0.0.1:{port}/"
            yield OtherIndex(url, f"{url}simple/")

    @asynccontextmanager
    async def devpi(self, *, volatile: bool = False) -> AsyncIterator[OtherIndex]:
        """Run devpi-server with one index, whose files can be replaced if it is *volatile*."""
        folder, port = self._new_folder(), free_port()
        data = ["--serverdir", str(folder / "data")]
        init = str(self.tools.command("devpi-server", "devpi-init"))
        done = await run(init, *data, "--no-root-pypi", environment=clean_environment())
        done.ok()
        where = ["--host", "127.0.0.1", "--port", str(port), "--offline-mode"]
        command = [str(self.tools.command("devpi-server")), *data, *where, *_DEVPI_IN_A_HURRY]
        async with running_index(*command, port=port, folder=folder):
            url = f"http://127.0.0.1:{port}/{USERNAME}"
            await _put(url, {"password": PASSWORD})
            await _put(f"{url}/releases", {"bases": [], "volatile": volatile}, as_user=True)
            yield OtherIndex(f"{url}/releases/", f"{url}/releases/+simple/")

    def _new_folder(self) -> Path:
        return Path(mkdtemp(dir=self.folder))


STARTS: Mapping[str, Callable[[OtherIndexes], AbstractAsyncContextManager[OtherIndex]]] = {
    "pypiserver": OtherIndexes.pypiserver,
    "pypiserver-without-hashes": partial(OtherIndexes.pypiserver, without_hashes=True),
    "devpi-server": OtherIndexes.devpi,
}


async def _put(url: str, document: Mapping[str, object], *, as_user: bool = False) -> None:
    """Create a user or an index of devpi-server."""
    headers = {"Authorization": basic(PASSWORD)} if as_user else {}
    async with (
        ClientSession(headers=headers) as session,
        session.put(url, json=document) as response,
    ):
        assert response.ok, await response.text()


@asynccontextmanager
async def running_index(
    *command: str, port: int, folder: Path, settings: Mapping[str, str] = {}
) -> AsyncIterator[None]:
    """Run a server until the block ends. It may be killed: its data is removed with its folder."""
    with (folder / "log").open("w") as said:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**clean_environment(), **settings},
            stdin=DEVNULL,
            stdout=said,
            stderr=STDOUT,
        )
    try:
        await _wait_until_it_listens(process, port, folder)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _wait_until_it_listens(process: Process, port: int, folder: Path) -> None:
    if not await listens(process, port, within=_START_SECONDS):
        raise AssertionError(f"The index did not start:\n{(folder / 'log').read_text()}")
