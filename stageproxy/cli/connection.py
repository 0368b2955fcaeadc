"""The server, the API token and the stage that the options of a command name."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from yarl import URL

from stageproxy.cli.client import Client, StageReference, open_client
from stageproxy.cli.output.output import json_option
from stageproxy.cli.stage_names import RELEASE, STAGE_ID

Command = Callable[..., Any]
DEFAULT_URL = "http://127.0.0.1:8726"
_TOKEN_OPTION = "--token"  # noqa: S105 - a name
_TOKEN_VARIABLE = "STAGEPROXY_TOKEN"  # noqa: S105 - a name


def client_options(command: Callable[..., Coroutine[Any, Any, None]]) -> Command:
    """Add `--server`, `--token`, `--data` and `--json` to a command, and pass a `Connection`."""

    @wraps(command)
    def run(server: str | None, token: str | None, data: Path, **options: object) -> None:
        source_of = click.get_current_context().get_parameter_source
        is_in_environment = source_of("token") is ParameterSource.ENVIRONMENT
        connection = Connection(
            server,
            _parse_token(token),
            find_local_server(data),
            _TOKEN_VARIABLE if is_in_environment else _TOKEN_OPTION,
            data if source_of("data") is ParameterSource.COMMANDLINE else None,
        )
        asyncio.run(command(connection, **options))

    server = click.option(
        "--server",
        envvar="STAGEPROXY_SERVER",
        metavar="URL",
        help="URL of the server. Default: the one on this machine.",
    )
    token = click.option(
        _TOKEN_OPTION,
        envvar=_TOKEN_VARIABLE,
        metavar="TOKEN",
        help="API token. Default: the admin token of the server on this machine.",
    )
    data = click.option(
        "--data",
        envvar="STAGEPROXY_STORAGE__DATA",
        type=click.Path(path_type=Path, file_okay=False),
        default="stageproxy-data",
        metavar="DIR",
        help="Data directory of a server on this machine: its URL and its admin token are read "
        "there. Default: ./stageproxy-data.",
    )
    return server(token(data(json_option(run))))


@dataclass(frozen=True, slots=True)
class LocalServer:
    """The URL and the admin token that a server on this machine wrote to its data directory."""

    url: str
    token: str | None = field(repr=False)
    token_path: Path = Path("stageproxy-data", "admin.token")


@dataclass(frozen=True, slots=True)
class Connection:
    """The server and the token of a command. Either may come from the server on this machine.

    *data* is the data directory of that server, if the command line names one.
    """

    server: str | None
    token: str | None = field(repr=False)
    local: LocalServer
    origin: str = _TOKEN_OPTION
    data: Path | None = None

    def url(self) -> URL:
        """Return the URL of the server."""
        return _parse_server(self.server or self.local.url)

    def parse_stage(self, text: str) -> StageReference:
        """Return the stage that an argument names. Raise if it contradicts `--server`."""
        if STAGE_ID.fullmatch(text):
            return StageReference(self.url(), text, None)
        if RELEASE.fullmatch(text):
            return StageReference(self.url(), None, None, release=text)
        server = text.partition("/tmp/")[0]
        if server == text:
            raise click.UsageError(
                f"{text} is not a stage URL, a stage id, or a release such as demo or demo==2.0. "
                "List stages with `stageproxy stage list`."
            )
        if self.server and _parse_server(self.server) != _parse_server(server):
            raise click.UsageError(
                "The stage URL is on a different server than --server. Omit --server, or set it "
                "to the server of the stage URL."
            )
        url = "/".join(text.split("/")[: server.count("/") + 4]) + "/"
        return StageReference(_parse_server(server), None, URL(url, encoded=True))

    def open_anonymously(self) -> AbstractAsyncContextManager[Client]:
        """Open a session with the server for what needs no API token."""
        return open_client(self.url(), None)

    def open(self, server: URL | None = None) -> AbstractAsyncContextManager[Client]:
        """Open a session with a server. Only the local server receives the local token."""
        server = server or self.url()
        if self.token:
            return open_client(server, self.token, self.origin)
        if not self.local.token:
            return open_client(server, None, f"There is none in {self.local.token_path}.")
        if not self._is_local(server):
            why = f"The one in {self.local.token_path} is only sent to {self.local.url}."
            return open_client(server, None, why)
        return open_client(server, self.local.token, str(self.local.token_path))

    def is_named_or_local(self, server: URL) -> bool:
        """Return whether the user named the server, or it is the one on this machine."""
        return self.server is not None or self._is_local(server)

    def _is_local(self, server: URL) -> bool:
        return server == _parse_server(self.local.url)


def find_local_server(data: Path) -> LocalServer:
    """Return what the data directory of a server on this machine contains."""
    token_path = data / "admin.token"
    return LocalServer(
        url=_read_line(data / "server.url") or DEFAULT_URL,
        token=_read_line(token_path),
        token_path=token_path,
    )


def _parse_token(text: str | None) -> str | None:
    """Return an API token without surrounding whitespace. Raise if it cannot be sent."""
    if text is None:
        return None
    token = text.strip()
    if not token or not token.isprintable():
        raise click.UsageError(
            "The API token in --token or STAGEPROXY_TOKEN is empty or not one line."
        )
    return token


def _parse_server(text: str) -> URL:
    url = URL(text.rstrip("/"))
    if not url.absolute:
        raise click.UsageError(
            f"{text} is not the URL of a server. Give one that begins with https://."
        )
    return url


def _read_line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
