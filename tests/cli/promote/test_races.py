"""`stageproxy promote` while another command starts to publish the same stage."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stageproxy.cli.connection import Connection, LocalServer
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.command import promote_stage
from stageproxy.cli.promote.run import PromoteOptions
from tests.support.clients.command_runner import UNUSED_URL

STAGE = "0123456789abcdef"
DIGEST, OTHER = "a" * 64, "b" * 64
PLAN = {
    "manifest-digest": DIGEST,
    "revision": 1,
    "other-forms": [],
    "resumes": None,
    "warnings-digest": "",
    "files": [],
    "findings": [],
    "refused": False,
}


@dataclass(slots=True)
class ContendedServer:
    """A server on which another command starts publishing, before the plan or after it."""

    planned: int = 200
    digest_later: str = DIGEST
    is_accepted: bool = False
    starts_slowly: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        """Answer requests about stage 1."""
        match request.method, request.path.removeprefix(f"/api/stages/{STAGE}"):
            case "GET", "":
                return self._stage()
            case "POST", "/promotion/plan":
                self.is_accepted = self.planned != 200
                return self._json(PLAN, self.planned)
            case "POST", "/promotion":
                self.is_accepted = True
                await asyncio.sleep(5 if self.starts_slowly else 0)
                return self._json({"detail": "It is processing."}, 409)
            case _:
                return self._json({"status": "published", "files": {}}, 200)

    def _stage(self) -> web.Response:
        status = "processing" if self.is_accepted else "open"
        digest = self.digest_later if self.is_accepted else DIGEST
        shown = {"status": status, "manifest-digest": digest, "revision": 1, "files": {}}
        return self._json(shown, 200)

    def _json(self, document: dict[str, Any], status: int) -> web.Response:
        return web.json_response(document, status=status)


@pytest.fixture
def contended() -> ContendedServer:
    """Return a server on which another command is first."""
    return ContendedServer()


@pytest.fixture
async def connection(contended: ContendedServer) -> AsyncIterator[Connection]:
    """Return a connection to that server."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", contended.answer)
    async with TestServer(app) as server:
        yield Connection(str(server.make_url("/")), "token", LocalServer(UNUSED_URL, None))


def options(approval: ApprovalOptions) -> PromoteOptions:
    """Return the options to publish with an approval and print a document."""
    return PromoteOptions(
        approval, dry_run=False, here=False, yes=False, as_json=True, token_file=None, config=None
    )


@pytest.mark.parametrize("planned", [409, 200], ids=["before the plan", "after the plan"])
async def test_follow_another_command(
    contended: ContendedServer,
    connection: Connection,
    capsys: pytest.CaptureFixture[str],
    planned: int,
) -> None:
    """If another command publishes the stage, this one follows it."""
    contended.planned = planned

    await promote_stage(connection, STAGE, options(ApprovalOptions(DIGEST)))

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["plan"]) == ("published", None if planned == 409 else PLAN)


async def test_interrupted_start(contended: ContendedServer, connection: Connection) -> None:
    """After Ctrl-C before the server has answered, it is unknown whether publishing started."""
    contended.starts_slowly = True
    run = asyncio.ensure_future(promote_stage(connection, STAGE, options(ApprovalOptions(DIGEST))))
    while not contended.is_accepted:  # noqa: ASYNC110 - a fake has no event to wait for
        await asyncio.sleep(0.01)

    run.cancel()

    with pytest.raises(FailedError, match="interrupted while publishing started"):
        await run


@pytest.mark.parametrize("planned", [409, 200], ids=["before the plan", "after the plan"])
async def test_other_approval(
    contended: ContendedServer, connection: Connection, planned: int
) -> None:
    """A command with another approval fails instead of following."""
    contended.planned, contended.digest_later = planned, OTHER

    with pytest.raises(FailedError):
        await promote_stage(connection, STAGE, options(ApprovalOptions(DIGEST)))
