"""Here is the thin HTTP client of all commands but `serve`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import aiohttp
import click
from yarl import URL

from stageproxy import __version__
from stageproxy.cli.local import Local, find_local
from stageproxy.cli.output import FailedError, OutOfReachError, json_option

_OUT_OF_REACH = frozenset({502, 503, 504})
_FIRST_ERROR = 400
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)

Command = Callable[..., Any]


def client_options(command: Callable[..., Coroutine[Any, Any, None]]) -> Command:
    """Give a command `--server`, `--token` and `--json`, and run it with a `Connection` first."""

    @wraps(command)
    def run(server: str | None, token: str | None, **options: object) -> None:
        asyncio.run(command(Connection(server, token, find_local()), **options))

    server = click.option(
        "--server", envvar="STAGEPROXY_SERVER", metavar="URL", help="Default: the one here."
    )
    token = click.option(
        "--token", envvar="STAGEPROXY_TOKEN", metavar="TOKEN", help="Default: the server's own."
    )
    return server(token(json_option(run)))


@dataclass(frozen=True, slots=True)
class StageReference:
    """A stage as the user names it: its server, its id or its URL."""

    server: URL
    id: str | None
    url: URL | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """Which server is meant, and which token goes there; both may have to be found."""

    server: str | None
    token: str | None = field(repr=False)
    local: Local

    def url(self) -> URL:
        """Return the URL of the server."""
        return _parse_server(self.server or self.local.url)

    def stage(self, text: str) -> StageReference:
        """Return the stage that an argument names. Raise if it is of another server than told."""
        if "://" not in text:
            return StageReference(self.url(), text, None)
        server = text.partition("/tmp/")[0]
        if server == text:
            raise click.UsageError(f"{text} is neither a stage URL nor a stage id.")
        if self.server and _parse_server(self.server) != _parse_server(server):
            raise click.UsageError("The stage URL is of another server than --server says.")
        url = "/".join(text.split("/")[: server.count("/") + 4]) + "/"
        return StageReference(_parse_server(server), None, URL(url, encoded=True))

    @asynccontextmanager
    async def open(self, server: URL | None = None) -> AsyncIterator["Client"]:
        """Open a session with a server. The local token goes to the local server alone."""
        server = server or self.url()
        is_local = server == _parse_server(self.local.url)
        token = self.token or (self.local.token if is_local else None)
        headers = {"User-Agent": f"stageproxy/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with aiohttp.ClientSession(headers=headers, timeout=PATIENCE) as session:
            yield Client(session, server)


@dataclass(frozen=True, slots=True)
class Client:
    """A session with one server."""

    session: aiohttp.ClientSession
    server: URL

    async def ask(
        self, method: str, path: str | URL, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the document that the server answers with; raise what it says against it."""
        url = path if isinstance(path, URL) else self.server / path
        headers = {"Accept": "application/json"}
        try:
            async with self.session.request(method, url, json=body, headers=headers) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unreachable(error) from error
        if response.status >= _FIRST_ERROR:
            raise failure(response.status, text)
        return self._document_in(text)

    async def stage(self, reference: StageReference) -> dict[str, Any]:
        """Return the stage that a reference means."""
        if reference.url is not None:
            return await self.ask("GET", reference.url)
        return await self.ask("GET", f"api/stages/{reference.id}")

    async def stage_id(self, reference: StageReference) -> str:
        """Return the id of the stage that a reference means."""
        return reference.id or str((await self.stage(reference))["id"])

    def here(self, link: str) -> URL:
        """Return a link into a stage, as this client reaches the server that it is of.

        A server may call itself otherwise, and the token goes to the one that was meant.
        """
        path = link.partition("/tmp/")[2]
        return URL(f"{str(self.server).rstrip('/')}/tmp/{path}", encoded=True)

    def _document_in(self, text: str) -> dict[str, Any]:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise FailedError(f"What answers at {self.server} is not stageproxy.")
        return document

    def unreachable(self, error: Exception) -> OutOfReachError:
        """Return the failure to say that the server does not answer."""
        return OutOfReachError(
            f"The server at {self.server} cannot be reached ({type(error).__name__}). "
            "Is it running? Start it with: stageproxy serve"
        )


def failure(status: int, text: str) -> click.ClickException:
    """Return what a server's refusal becomes: its sentence, and the exit code that fits."""
    sentence = _sentence_in(text) or f"The server answers {status}."
    return OutOfReachError(sentence) if status in _OUT_OF_REACH else FailedError(sentence)


def _sentence_in(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return text.strip()
    if not isinstance(document, dict):
        return text.strip()
    lines = [document.get("detail") or document.get("message") or ""]
    lines.extend(f"  {one['source']}: {one['message']}" for one in document.get("errors", []))
    return "\n".join(lines)


def _parse_server(text: str) -> URL:
    url = URL(text.rstrip("/"))
    if not url.absolute:
        raise click.UsageError(f"{text} is not the URL of a server.")
    return url
