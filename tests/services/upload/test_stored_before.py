"""Bytes are stored before the transaction that names them, since a bucket takes its time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from stageproxy.core.rights import parse_token
from stageproxy.services.upload.examine import IncomingUpload
from stageproxy.web.keys import FILE_UPLOADS, UPLOADS
from tests.support.builders.distributions import a_wheel, upload_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")


class NotingFile:
    """A file that notes its steps; all else is that of *file*."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.steps: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return what the file has under a name."""
        if name in {"finish", "store", "commit"}:
            self.steps.append(name)
        return getattr(self._file, name)


@asynccontextmanager
async def received(service: RunningService) -> AsyncIterator[Any]:
    """Receive the wheel."""
    async with service.parts.app[UPLOADS].files.receive() as file:
        await file.write(WHEEL.content)
        yield NotingFile(file)


async def admin_of(service: RunningService) -> Any:
    """Return the API token of the administrator."""
    bearer = parse_token(service.admin)
    assert bearer is not None
    return await service.parts.database.read(lambda rows: rows.tokens.find(bearer.digest))


async def test_upload(service: RunningService) -> None:
    """An upload is stored before the row of its artifact is written."""
    async with received(service) as file:
        incoming = IncomingUpload(tuple(upload_form(WHEEL)), WHEEL.filename, None, file)
        await service.parts.app[UPLOADS].accept(await admin_of(service), incoming, into=None)

    assert file.steps == ["finish", "store", "commit"]


async def test_bytes_of_a_file_upload(service: RunningService) -> None:
    """The bytes of a file upload are stored before its row names them."""
    client = Pep694Client(service)
    upload = (await client.announce(await client.session(), WHEEL)).document
    *_, stage_id, _, upload_id = upload["links"]["file-upload-session"].split("/")
    async with received(service) as file:
        uploads: Any = service.parts.app[FILE_UPLOADS]
        await uploads.receive(await admin_of(service), stage_id, upload_id, file)

    assert file.steps == ["finish", "store", "commit"]
