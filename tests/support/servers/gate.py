"""A gate in front of an index: only requests with a credential get through."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web
from yarl import URL

from tests.support.index.fake_index import FakeIndex
from tests.support.index.shapes import CREDENTIAL

_FORWARDED = ("Accept", "Range", "If-None-Match")
_RETURNED = ("Content-Type", "Location", "ETag")


@dataclass(slots=True)
class Gate:
    """A gate at *url* to the index with the pages at *behind*; *refused* are paths of requests."""

    behind: URL
    session: ClientSession = field(repr=False)
    url: str = ""
    refused: list[str] = field(default_factory=list)

    @property
    def index_url(self) -> str:
        """The index URL with the credential, as pip is configured with it."""
        user, _, password = CREDENTIAL.partition(":")
        url = URL(self.url).with_path(self.behind.raw_path, encoded=True)
        return str(url.with_user(user).with_password(password))

    async def answer(self, request: web.Request) -> web.Response:
        """Return the answer of the index, whose redirects and links lead to the gate."""
        credential = base64.b64encode(CREDENTIAL.encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credential}":
            self.refused.append(request.path)
            raise web.HTTPUnauthorized
        sent = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        url = URL(str(self.behind.origin()) + request.raw_path, encoded=True)
        host = {"Host": URL(self.url).authority}
        asking = self.session.get(url, headers={**sent, **host}, allow_redirects=False)
        async with asking as answer:
            headers = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
            return web.Response(status=answer.status, headers=headers, body=await answer.read())


@asynccontextmanager
async def gate_to(index_url: str) -> AsyncIterator[Gate]:
    """Run a gate to an index."""
    front = FakeIndex()
    app = web.Application()
    async with ClientSession() as session:
        gate = Gate(URL(index_url), session)
        app.router.add_get("/{path:.*}", gate.answer)
        async with front.serving(app):
            gate.url = front.url
            yield gate
