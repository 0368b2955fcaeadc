"""Bytes that are of no use are freed; a crash at that very moment loses none that are."""

from dataclasses import dataclass, replace

import pytest

from stageproxy.core.rights import parse_token
from stageproxy.ports import ArtifactFiles
from stageproxy.web.keys import FILE_UPLOADS
from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import Pep694
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")


class DiedError(Exception):
    """The server ended here."""


@dataclass(slots=True)
class Dying:
    """Deletes a file, and gets no further."""

    files: ArtifactFiles

    def remove(self, sha256: str) -> None:
        """Delete a file, then die."""
        self.files.remove(sha256)
        raise DiedError


async def test_crash_while_old_bytes_are_freed(service: RunningService) -> None:
    """Whatever happens then, the upload names bytes that are there.

    Its row once named the old ones: they were deleted before the new row was kept.
    """
    client = Pep694(service)
    upload = (await client.announce(await client.session(), WHEEL)).document
    await client.send(upload, b"old")
    *_, stage_id, _, upload_id = upload["links"]["file-upload-session"].split("/")
    bearer = parse_token(service.admin)
    assert bearer is not None
    uploads = service.parts.app[FILE_UPLOADS]
    token = await service.parts.database.read(lambda rows: rows.tokens.find(bearer.digest))
    assert token is not None
    dying = replace(uploads, files=Dying(uploads.files))  # type: ignore[arg-type] # all it needs

    async with uploads.files.receive() as file:
        await file.write(WHEEL.content)
        with pytest.raises(DiedError):
            await dying.receive(token, stage_id, upload_id, file)

    kept = await service.parts.database.read(
        lambda rows: rows.file_uploads.find(stage_id, upload_id)
    )
    assert kept is not None
    assert kept.received is not None
    assert uploads.files.path(kept.received.sha256).read_bytes() == WHEEL.content
