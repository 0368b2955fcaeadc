"""Here is what commands are told: which server, which token, which stage.

This and the modules of the commands import nothing that takes long, so that completion is quick:
what talks to the server is imported when a command is run.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import click
from yarl import URL

from stageproxy.cli.local import Local, find_local
from stageproxy.cli.output import json_option
from stageproxy.cli.stage_reference import StageReference

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

    def open(self, server: URL | None = None) -> AbstractAsyncContextManager[Any]:
        """Open a session with a server: a `Client`. The local token goes to the local server alone.

        What it is cannot be said here without importing it.
        """
        from stageproxy.cli.client import open_client  # noqa: PLC0415

        server = server or self.url()
        token = self.token or (self.local.token if self._is_local(server) else None)
        return open_client(server, token)

    def is_meant(self, server: URL) -> bool:
        """Say whether a server was named as such, or is this machine's own."""
        return self.server is not None or self._is_local(server)

    def _is_local(self, server: URL) -> bool:
        return server == _parse_server(self.local.url)


def _parse_server(text: str) -> URL:
    url = URL(text.rstrip("/"))
    if not url.absolute:
        raise click.UsageError(f"{text} is not the URL of a server.")
    return url
