"""A promotion that a command follows, at a server that may be away for a while."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stageproxy.cli.client import Client, open_client
from stageproxy.cli.output import FailedError
from stageproxy.cli.promote.progress import follow, promotion_progress


@dataclass(slots=True)
class Promoting:
    """A server that publishes; what it answers, one after another."""

    answers: list[tuple[int, str]] = field(default_factory=list)

    async def show(self, _: web.Request) -> web.Response:
        """Tell how far it is."""
        status, told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response({"status": told, "files": {}}, status=status)


@pytest.fixture
def promoting() -> Promoting:
    """Return a server that publishes for ever."""
    return Promoting([(200, "processing")])


@pytest.fixture
async def client(promoting: Promoting) -> AsyncIterator[Client]:
    """Return who asks that server."""
    app = web.Application()
    app.router.add_get("/api/stages/1/promotion", promoting.show)
    async with TestServer(app) as server, open_client(server.make_url("/"), None) as client:
        yield client


async def followed(client: Client) -> str:
    """Return the status of the promotion when it has ended."""
    with promotion_progress(hidden=True) as progress:
        return str((await follow(client, "1", progress))["status"])


async def test_server_that_is_restarted(promoting: Promoting, client: Client) -> None:
    """A server that is away for a moment is asked again: it goes on when it is back."""
    promoting.answers = [(200, "processing"), (503, ""), (200, "published")]

    assert await followed(client) == "published"


async def test_server_that_refuses(promoting: Promoting, client: Client) -> None:
    """What the server refuses is not asked again."""
    promoting.answers = [(403, "")]

    with pytest.raises(FailedError):
        await followed(client)
