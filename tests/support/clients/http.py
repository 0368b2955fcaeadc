"""Requests to a fake index, and their answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from tests.support.index.fake_index import FakeIndex


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""

    @property
    def text(self) -> str:
        """Return the body as text, whatever bytes it has."""
        return self.body.decode(errors="replace")

    @property
    def document(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.body)


async def fetch(
    index: FakeIndex, path: str, headers: Mapping[str, str] = {}, *, method: str = "GET"
) -> Answer:
    """Return the answer to a request, without following redirects."""
    async with ClientSession() as session:
        return await send(session, method, index.url + path, headers)


async def send(
    session: ClientSession,
    method: str,
    url: str | URL,
    headers: Mapping[str, str] = {},
    *,
    data: bytes | None = None,
) -> Answer:
    """Return the answer to a request, without following redirects."""
    async with session.request(
        method,
        url,
        headers={**headers},
        data=None if data is None else BytesIO(data),
        allow_redirects=False,
    ) as response:
        body = await response.read()
        return Answer(response.status, response.headers, body, response.reason or "")
