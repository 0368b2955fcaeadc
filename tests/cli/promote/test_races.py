"""`stageproxy promote` while somebody else does the same, a moment earlier."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stageproxy.cli.connection import Connection, LocalServer
from stageproxy.cli.output import FailedError
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.command import promote_stage
from stageproxy.cli.promote.run import PromoteOptions
from tests.cli.desk import NOBODY

DIGEST, OTHER = "a" * 64, "b" * 64
PLAN = {
    "manifest-digest": DIGEST,
    "warnings-digest": "",
    "files": [],
    "findings": [],
    "refused": False,
}


@dataclass(slots=True)
class Taken:
    """A server whose stage is open at first; when it is planned or begun, it is taken."""

    planned: int = 200
    digest_later: str = DIGEST
    is_accepted: bool = False
    begins_slowly: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        """Answer to whatever is asked of stage 1."""
        match request.method, request.path.removeprefix("/api/stages/1"):
            case "GET", "":
                return self._stage()
            case "POST", "/promotion/plan":
                self.is_accepted = self.planned != 200
                return self._said(PLAN, self.planned)
            case "POST", "/promotion":
                self.is_accepted = True
                await asyncio.sleep(5 if self.begins_slowly else 0)
                return self._said({"detail": "It is processing."}, 409)
            case _:
                return self._said({"status": "published", "files": {}}, 200)

    def _stage(self) -> web.Response:
        status = "processing" if self.is_accepted else "open"
        digest = self.digest_later if self.is_accepted else DIGEST
        return self._said({"status": status, "manifest-digest": digest, "files": {}}, 200)

    def _said(self, document: dict[str, Any], status: int) -> web.Response:
        return web.json_response(document, status=status)


@pytest.fixture
def taken() -> Taken:
    """Return a server that somebody else is quicker at."""
    return Taken()


@pytest.fixture
async def connection(taken: Taken) -> AsyncIterator[Connection]:
    """Return the way to that server."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", taken.answer)
    async with TestServer(app) as server:
        yield Connection(str(server.make_url("/")), "token", LocalServer(NOBODY, None))


def options(approval: ApprovalOptions) -> PromoteOptions:
    """Return the wish to publish what was approved, and a document."""
    return PromoteOptions(
        approval, dry_run=False, here=False, yes=False, as_json=True, token_file=None, config=None
    )


@pytest.mark.parametrize("planned", [409, 200], ids=["before the plan", "after the plan"])
async def test_others_are_followed(
    taken: Taken, connection: Connection, capsys: pytest.CaptureFixture[str], planned: int
) -> None:
    """Whoever comes too late follows. Between two questions it was an error."""
    taken.planned = planned

    await promote_stage(connection, "1", options(ApprovalOptions()))

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["plan"]) == ("published", None if planned == 409 else PLAN)


async def test_interrupted_while_it_begins(taken: Taken, connection: Connection) -> None:
    """Ctrl-C before the server has answered leaves open whether it began, and says so."""
    taken.begins_slowly = True
    run = asyncio.ensure_future(promote_stage(connection, "1", options(ApprovalOptions())))
    while not taken.is_accepted:  # noqa: ASYNC110 - a fake has no event to wait for
        await asyncio.sleep(0.01)

    run.cancel()

    with pytest.raises(FailedError, match="interrupted while publishing started"):
        await run


@pytest.mark.parametrize("planned", [409, 200], ids=["before the plan", "after the plan"])
async def test_others_with_other_files(taken: Taken, connection: Connection, planned: int) -> None:
    """Whoever approved something else does not follow."""
    taken.planned, taken.digest_later = planned, OTHER

    with pytest.raises(FailedError):
        await promote_stage(connection, "1", options(ApprovalOptions(DIGEST)))
