"""Following a promotion at a server that restarts or refuses."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stageproxy.cli.client import Client, open_client
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.progress import follow, promotion_progress


@dataclass(slots=True)
class Promoting:
    """A server that publishes, and its next responses; the last one is repeated."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)

    async def show(self, _: web.Request) -> web.Response:
        """Return the status of the promotion."""
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        waits_for = self.waits_for.pop(0) if self.waits_for else None
        document: dict[str, Any] = {"status": text, "files": {}, "waits-for": waits_for}
        return web.json_response(document, status=status)


@pytest.fixture
def promoting() -> Promoting:
    """Return a server on which publishing does not end."""
    return Promoting([(200, "processing")])


@pytest.fixture
async def client(promoting: Promoting) -> AsyncIterator[Client]:
    """Return a client of that server."""
    app = web.Application()
    app.router.add_get("/api/stages/1/promotion", promoting.show)
    async with TestServer(app) as server, open_client(server.make_url("/"), None) as client:
        yield client


async def followed(client: Client, *, hidden: bool = True) -> str:
    """Follow the promotion until it ends, and return its status."""
    with promotion_progress(hidden=hidden) as progress:
        return str((await follow(client, "1", progress))["status"])


async def test_restarted_server(promoting: Promoting, client: Client) -> None:
    """If the server is restarted, the command asks again until it responds."""
    promoting.answers = [(200, "processing"), (503, ""), (200, "published")]

    assert await followed(client) == "published"


async def test_refused_request(promoting: Promoting, client: Client) -> None:
    """If the server refuses the request, the command does not retry it."""
    promoting.answers = [(403, "")]

    with pytest.raises(FailedError):
        await followed(client)


@pytest.mark.parametrize("hidden", [False, True])
async def test_what_is_waited_for(
    promoting: Promoting, client: Client, capsys: pytest.CaptureFixture[str], *, hidden: bool
) -> None:
    """What the promotion waits for is printed once for each reason, unless progress is hidden."""
    reasons = ["It is down.", "It is down.", "It is unreadable."]
    promoting.waits_for = [f"Waiting until 12:0{n} UTC: {one}" for n, one in enumerate(reasons)]
    promoting.answers = [*[(200, "processing")] * 3, (200, "published")]

    await followed(client, hidden=hidden)

    lines = ["Waiting until 12:00 UTC: It is down.", "Waiting until 12:02 UTC: It is unreadable."]
    assert capsys.readouterr().out.splitlines() == ([] if hidden else lines)
