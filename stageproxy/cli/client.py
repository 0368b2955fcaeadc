"""The HTTP client that all commands but `serve` use."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
import click
from yarl import URL

from stageproxy import __version__
from stageproxy.cli.output.output import FailedError, OutOfReachError
from stageproxy.cli.stage_names import NotUniqueError, find_stage, project_of
from stageproxy.upstream.network import reason_of
from stageproxy.upstream.session import AbortingConnector

_OUT_OF_REACH_STATUSES = frozenset({502, 503, 504})
_FIRST_ERROR_STATUS = 400
_UNKNOWN_STAGE_URL = (
    "There is no stage at this URL. List the stages that your token can see with "
    "`stageproxy stage list`."
)
TIMEOUTS = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
NO_READ_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)
"""For requests for which the server reads all files of a stage."""


_UNKNOWN_CREDENTIAL = "Invalid or non-existent authentication information"
"""The message of the legacy upload API about an unknown token, which is PyPI's."""
_WHERE_TOKENS_COME_FROM = (
    "with --token or STAGEPROXY_TOKEN. On the server's machine, name its data directory with "
    "--data DIR: the admin token is read there."
)


@asynccontextmanager
async def open_client(server: URL, token: str | None, origin: str = "") -> AsyncIterator["Client"]:
    """Open a session with a server, and send *token* with each request if it is given.

    *origin*: where the token comes from, or why there is none.
    """
    headers = {"User-Agent": f"stageproxy/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with aiohttp.ClientSession(
        connector=AbortingConnector(), headers=headers, timeout=TIMEOUTS
    ) as session:
        yield Client(session, server, has_token=token is not None, origin=origin)


@dataclass(frozen=True, slots=True)
class StageReference:
    """A stage as the user names it: a server, and the id, the URL or the release of the stage."""

    server: URL
    id: str | None
    url: URL | None = field(repr=False)
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A session with one server."""

    session: aiohttp.ClientSession
    server: URL
    has_token: bool = False
    origin: str = ""

    async def request(
        self,
        method: str,
        path: str | URL,
        body: Mapping[str, Any] | None = None,
        *,
        timeouts: aiohttp.ClientTimeout = TIMEOUTS,
    ) -> dict[str, Any]:
        """Return the JSON document of a response. Raise if the server refuses the request."""
        status, text = await self.request_text(method, path, body, timeouts=timeouts)
        return self._document_of(status, text)

    async def request_text(
        self,
        method: str,
        path: str | URL,
        body: Mapping[str, Any] | None = None,
        *,
        timeouts: aiohttp.ClientTimeout = TIMEOUTS,
    ) -> tuple[int, str]:
        """Return the status and the text of a response, whatever the status is."""
        url = path if isinstance(path, URL) else self.server / path
        headers = {"Accept": "application/json"}
        try:
            async with self.session.request(
                method, url, json=body, headers=headers, timeout=timeouts
            ) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unreachable(error) from error

    async def get_stage(self, reference: StageReference, *, look: bool = False) -> dict[str, Any]:
        """Return the stage that a reference names. *look*: whether it is shown to the user."""
        url = reference.url or self.server / "api/stages" / await self.get_stage_id(reference)
        url = url.with_query(look="true") if look else url
        if reference.url is None:
            return await self.request("GET", url)
        status, text = await self.request_text("GET", url)
        if status == HTTPStatus.NOT_FOUND:
            raise FailedError(_UNKNOWN_STAGE_URL)
        return self._document_of(status, text)

    async def get_stage_id(self, reference: StageReference) -> str:
        """Return the id of the stage that a reference names."""
        if reference.release is not None:
            return await self._find_stage_id(reference.release)
        return reference.id or str((await self.get_stage(reference))["id"])

    async def list_stages(self, project: str | None) -> list[dict[str, Any]]:
        """Return the stages that the token can see, of one project or of all."""
        url = (self.server / "api/stages").with_query({"project": project} if project else {})
        page = await self.request("GET", url)
        stages: list[dict[str, Any]] = page["stages"]
        while after := page.get("next"):
            page = await self.request("GET", url.update_query(after=after))
            stages += page["stages"]
        return stages

    async def _find_stage_id(self, release: str) -> str:
        try:
            return str(find_stage(release, await self.list_stages(project_of(release)))["id"])
        except NotUniqueError as error:
            raise FailedError(str(error)) from error

    def rebase(self, link: str) -> URL:
        """Return a link into a stage with the URL of this server.

        The server may have another public URL, but the token is meant for this one only.
        """
        path = link.partition("/tmp/")[2]
        return URL(f"{str(self.server).rstrip('/')}/tmp/{path}", encoded=True)

    def _document_of(self, status: int, text: str) -> dict[str, Any]:
        if status >= _FIRST_ERROR_STATUS:
            raise self.failure(status, text)
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise FailedError(
                f"The server at {self.server} is not a stageproxy server. "
                "Set another one with --server or STAGEPROXY_SERVER."
            )
        return document

    def failure(self, status: int, text: str) -> click.ClickException:
        """Return the exception for an error response. About a token, it says which and where."""
        error = failure(status, text)
        if status == HTTPStatus.UNAUTHORIZED and not self.has_token:
            return FailedError(
                f"The server at {self.server} needs an API token for this, and none was given. "
                f"{self.origin} Give one {_WHERE_TOKENS_COME_FROM}"
            )
        if status == HTTPStatus.UNAUTHORIZED or error.message.startswith(_UNKNOWN_CREDENTIAL):
            return FailedError(
                f"The server at {self.server} does not know the API token from {self.origin}. "
                "Check that it is complete and was made on that server, or give another one "
                f"{_WHERE_TOKENS_COME_FROM}"
            )
        if status == HTTPStatus.FORBIDDEN:
            return FailedError(
                f"{error.message}\nThe server at {self.server} was asked with the API token from "
                f"{self.origin}."
            )
        return error

    def unreachable(self, error: aiohttp.ClientError | TimeoutError) -> OutOfReachError:
        """Return the exception for a server that does not answer."""
        reason = (
            "it did not answer in time" if isinstance(error, TimeoutError) else reason_of(error)
        )
        return OutOfReachError(
            f"The server at {self.server} cannot be reached: {reason}. Start it with "
            "`stageproxy serve`, or set another one with --server or STAGEPROXY_SERVER. On the "
            "server's machine, name its data directory with --data DIR: the URL is read there."
        )


def failure(status: int, text: str) -> click.ClickException:
    """Return the exception for an error response, with the server's message."""
    message = _message_in(text) or f"The server answered with status {status}."
    return OutOfReachError(message) if status in _OUT_OF_REACH_STATUSES else FailedError(message)


def _message_in(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return text.strip()
    if not isinstance(document, dict):
        return text.strip()
    lines = [document.get("detail") or document.get("message") or ""]
    lines.extend(map(_line_of, document.get("errors", [])))
    return "\n".join(lines)


def _line_of(problem: Mapping[str, str]) -> str:
    """Return a problem of the API, or one of trusted publishing, which has PyPI's keys."""
    if "description" in problem:
        return f"  {problem['description']}"
    return f"  {problem['source']}: {problem['message']}"
