"""The server, the API token and the stage that the options of a command name."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import click
from yarl import URL

from stageproxy.cli.client import Client, StageReference, open_client
from stageproxy.cli.output import json_option

Command = Callable[..., Any]
DEFAULT_URL = "http://127.0.0.1:8726"


def client_options(command: Callable[..., Coroutine[Any, Any, None]]) -> Command:
    """Add `--server`, `--token` and `--json` to a command, and pass it a `Connection`."""

    @wraps(command)
    def run(server: str | None, token: str | None, **options: object) -> None:
        asyncio.run(command(Connection(server, token, find_local_server()), **options))

    server = click.option(
        "--server",
        envvar="STAGEPROXY_SERVER",
        metavar="URL",
        help="URL of the server. Default: the one on this machine.",
    )
    token = click.option(
        "--token",
        envvar="STAGEPROXY_TOKEN",
        metavar="TOKEN",
        help="API token. Default: the admin token of the server on this machine.",
    )
    return server(token(json_option(run)))


@dataclass(frozen=True, slots=True)
class LocalServer:
    """The URL and the admin token that a server on this machine wrote to its data directory."""

    url: str
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """The server and the token of a command. Either may come from the server on this machine."""

    server: str | None
    token: str | None = field(repr=False)
    local: LocalServer

    def url(self) -> URL:
        """Return the URL of the server."""
        return _parse_server(self.server or self.local.url)

    def parse_stage(self, text: str) -> StageReference:
        """Return the stage that an argument names. Raise if it contradicts `--server`."""
        if "://" not in text:
            return StageReference(self.url(), text, None)
        server = text.partition("/tmp/")[0]
        if server == text:
            raise click.UsageError(
                f"{text} is neither a stage URL nor a stage id. List stages with "
                "`stageproxy stage list`."
            )
        if self.server and _parse_server(self.server) != _parse_server(server):
            raise click.UsageError(
                "The stage URL is on a different server than --server. Omit --server, or set it "
                "to the server of the stage URL."
            )
        url = "/".join(text.split("/")[: server.count("/") + 4]) + "/"
        return StageReference(_parse_server(server), None, URL(url, encoded=True))

    def open(self, server: URL | None = None) -> AbstractAsyncContextManager[Client]:
        """Open a session with a server. Only the local server receives the local token."""
        server = server or self.url()
        token = self.token or (self.local.token if self._is_local(server) else None)
        return open_client(server, token)

    def is_named_or_local(self, server: URL) -> bool:
        """Return whether the user named the server, or it is the one on this machine."""
        return self.server is not None or self._is_local(server)

    def _is_local(self, server: URL) -> bool:
        return server == _parse_server(self.local.url)


def find_local_server(environment: Mapping[str, str] = os.environ) -> LocalServer:
    """Return what the data directory contains that `serve` would use here."""
    data = Path(environment.get("STAGEPROXY_STORAGE__DATA", "stageproxy-data"))
    return LocalServer(
        url=_read_line(data / "server.url") or DEFAULT_URL,
        token=_read_line(data / "admin.token"),
    )


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
