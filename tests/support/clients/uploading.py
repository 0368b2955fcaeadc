"""Uploads to a fake index, by twine's form and through the upload client."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aiohttp import ClientSession

from stageproxy.core.promotion.replies import Reply
from stageproxy.core.rights import Credential, parse_credential
from stageproxy.ports import UploadRequest
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.upload_client import HttpUploadClient
from tests.support.builders.distributions import Distribution, upload_form
from tests.support.builders.forms import FORM, Part, body_of, twine_form
from tests.support.clients.http import Answer, send
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import basic
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

SILENCE = timedelta(seconds=0.5)
"""How long to wait for an answer that never arrives."""
PATIENCE = timedelta(seconds=60)
"""How long to wait for an answer that arrives, on a busy machine."""


async def upload(
    index: FakeIndex, distribution: Distribution, *, token: str = UPLOAD_TOKEN, **changes: str
) -> Answer:
    """Return the answer of an index to an upload by twine's form, with *changes*."""
    return await post(index, twine_form(distribution, **changes), token=token)


async def post(index: FakeIndex, parts: Sequence[Part], *, token: str = UPLOAD_TOKEN) -> Answer:
    """Return the answer of an index to a form."""
    headers = {"Content-Type": FORM, "Authorization": basic(token)}
    async with ClientSession() as session:
        return await send(session, "POST", f"{index.url}/legacy/", headers, data=body_of(parts))


async def post_to(url: str, token: str, distribution: Distribution, **changes: str) -> str:
    """Upload a file to any upload API, as twine does, and return the text of the answer."""
    headers = {"Content-Type": FORM, "Authorization": basic(token)}
    data = body_of(twine_form(distribution, **changes))
    async with ClientSession() as session:
        answer = await send(session, "POST", url, headers, data=data)
    assert answer.status == 200, answer
    return answer.text


@dataclass(slots=True)
class Sender:
    """Publishes files of a folder on a fake index, and records the progress."""

    index: FakeIndex
    session: ClientSession = field(repr=False)
    folder: Path
    credential: Credential = field(default_factory=lambda: parse_credential(UPLOAD_TOKEN))
    progress: list[int] = field(default_factory=list)
    silence: timedelta = PATIENCE

    def upload_request(self, distribution: Distribution, **changes: str) -> UploadRequest:
        """Write a file, and return the request to upload it."""
        path = self.folder / distribution.sha256
        path.write_bytes(distribution.content)
        fields = tuple(upload_form(distribution, **changes))
        size, sha256 = len(distribution.content), distribution.sha256
        return UploadRequest(distribution.filename, path, size, sha256, fields)

    async def publish(self, what: Distribution | UploadRequest, *, to: str = "") -> Reply:
        """Return the reply to one attempt, at the index or another URL."""
        api = HttpUploadClient(
            self.session, to or f"{self.index.url}/legacy/", idle_timeout=self.silence
        )
        upload_request = self.upload_request(what) if isinstance(what, Distribution) else what
        return await api.publish(upload_request, self.credential, self.progress.append)


@asynccontextmanager
async def a_sender(
    index: FakeIndex, folder: Path, *, reading: timedelta = PATIENCE
) -> AsyncIterator[Sender]:
    """Return a client with the timeouts of tests; *reading* is the timeout of pages."""
    timeouts = Timeouts(PATIENCE, reading)
    async with open_session(timeouts, keep_alive=False) as session:
        yield Sender(index, session, folder)
