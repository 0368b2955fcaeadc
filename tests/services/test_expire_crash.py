"""A crash while files that nothing needs are deleted."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest

from stageproxy.core.rights import parse_token
from stageproxy.ports import ArtifactFiles, NamedDigests
from stageproxy.web.keys import FILE_UPLOADS
from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

T = TypeVar("T")

WHEEL = a_wheel(version="2.0")


class DiedError(Exception):
    """The server was killed here."""


@dataclass(slots=True)
class Dying:
    """Files of which the first deletion kills the server."""

    files: ArtifactFiles

    async def remove_unnamed(self, digests: Collection[str], named: NamedDigests) -> None:
        """Delete files, then die before the transaction ends."""

        def dying(work: Callable[[frozenset[str]], T]) -> Awaitable[T]:
            def work_and_die(known: frozenset[str]) -> T:
                work(known)
                raise DiedError

            return named(work_and_die)

        await self.files.remove_unnamed(digests, dying)


async def test_crash_while_old_bytes_are_deleted(service: RunningService) -> None:
    """After the crash, the upload names bytes that are stored.

    Its row named the old ones once: they were deleted before the new row was written.
    """
    client = Pep694Client(service)
    upload = (await client.announce(await client.session(), WHEEL)).document
    await client.send(upload, b"old")
    *_, stage_id, _, upload_id = upload["links"]["file-upload-session"].split("/")
    bearer = parse_token(service.admin)
    assert bearer is not None
    uploads = service.parts.app[FILE_UPLOADS]
    token = await service.parts.database.read(lambda rows: rows.tokens.find(bearer.digest))
    assert token is not None
    dying = replace(uploads, files=Dying(uploads.files))  # type: ignore[arg-type] # all that it uses

    async with uploads.files.receive() as file:
        await file.write(WHEEL.content)
        with pytest.raises(DiedError):
            await dying.receive(token, stage_id, upload_id, file)

    stored = await service.parts.database.read(
        lambda rows: rows.file_uploads.find(stage_id, upload_id)
    )
    assert stored is not None
    assert stored.received is not None
    path = stored_file(service.data, stored.received.sha256)
    assert path.read_bytes() == WHEEL.content
