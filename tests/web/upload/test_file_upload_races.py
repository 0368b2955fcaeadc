"""Upload 2.0: concurrent requests about one file."""

import asyncio
from collections.abc import Awaitable, Sequence
from random import Random
from typing import Any

import pytest

from stageproxy.core.stage.file_uploads import UploadStatus
from stageproxy.core.stage.stage import Stage
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.http import Answer
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Another")
SETTLED = {UploadStatus.PENDING, UploadStatus.ERROR}


@pytest.fixture
def client(service: RunningService) -> Pep694Client:
    """Return a client that may do everything."""
    return Pep694Client(service)


async def stage_of(service: RunningService, session: Any) -> Stage:
    """Return the stage behind a session, as it is stored."""
    stage = await service.parts.database.read(lambda rows: rows.stages.find(session["id"]))
    assert stage is not None
    return stage


def missing_bytes(service: RunningService, stage: Stage) -> list[str]:
    """Return the digests that a stage needs and the disk lacks."""
    needed = [one.sha256 for one in stage.artifacts]
    needed += [one.received.sha256 for one in stage.uploads if one.received]
    return [digest for digest in needed if not stored_file(service.data, digest).exists()]


async def shuffled(random: Random, asked: Sequence[Awaitable[Answer]]) -> list[int]:
    """Return the statuses of concurrent requests, started in random order."""
    order = random.sample(asked, len(asked))
    return [one.status for one in await asyncio.gather(*order)]


@pytest.mark.parametrize("seed", range(12))
async def test_everything_at_once(client: Pep694Client, seed: int) -> None:
    """Concurrent sending, completing, deleting, sweeping and uploading leave no inconsistency."""
    random, session = Random(seed), await client.session()
    upload = await client.sent(session, WHEEL)

    asked = [
        client.complete(upload),
        client.complete(upload),
        client.send(upload, WHEEL.content),
        client.send(upload, OTHER.content),
        client.delete(upload),
        client.attest(upload, []),
        client.extend(upload, 60),
        client.announce(session, WHEEL),
        client.service.upload(OTHER),
    ]
    sweeping = client.service.parts.expiry.sweep()
    statuses, _ = await asyncio.gather(shuffled(random, asked), sweeping)

    stage = await stage_of(client.service, session)
    assert {one for one in statuses if one not in {200, 201, 202, 204, 400, 409}} == set()
    assert {one.status for one in stage.uploads} <= SETTLED
    assert missing_bytes(client.service, stage) == []
    assert await client.status(upload) in {"completed", "canceled", "error", "pending"}


@pytest.mark.parametrize("seed", range(8))
async def test_canceled_at_any_moment(client: Pep694Client, seed: int) -> None:
    """A session canceled while its file is completed leaves nothing in processing."""
    random, session = Random(seed), await client.session()
    upload = await client.sent(session, WHEEL)

    asked = [
        client.complete(upload),
        client.send(upload, WHEEL.content),
        client.delete(upload),
        client.ask("DELETE", session["links"]["session"]),
    ]
    statuses = await shuffled(random, asked)

    stage = await stage_of(client.service, session)
    assert {one for one in statuses if one not in {201, 204, 400, 409, 410}} == set()
    assert stage.status == "canceled"
    assert {one.status for one in stage.uploads} <= SETTLED


async def test_completed_ten_times_at_once(client: Pep694Client) -> None:
    """Of many that complete one upload, one succeeds, and the others are 409."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    answers = await asyncio.gather(*(client.complete(upload) for _ in range(10)))

    assert sorted(one.status for one in answers) == [201, *[409] * 9]
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_rivals_send_at_once(client: Pep694Client) -> None:
    """The stored bytes of concurrent bodies are one whole body."""
    session = await client.session()
    upload = (await client.announce(session, WHEEL)).document
    rivals = [b"x" * size for size in range(0, 300_000, 50_000)]

    answers = await asyncio.gather(*(client.send(upload, one) for one in rivals))

    stage = await stage_of(client.service, session)
    (upload,) = stage.uploads
    assert {one.status for one in answers} == {201}
    assert upload.received is not None
    assert upload.received.size in {len(one) for one in rivals}
    assert missing_bytes(client.service, stage) == []
    assert list((client.service.data / "files" / "incoming").iterdir()) == []


async def test_bytes_that_two_uploads_share(client: Pep694Client) -> None:
    """Deleting one of two uploads with the same bytes leaves the other complete."""
    one, two = await client.session(), await client.session("other")
    first = await client.sent(one, WHEEL)
    odd = an_sdist("other", "2.0")
    second = (await client.announce(two, odd)).document
    await client.send(second, WHEEL.content)
    await client.delete(second)
    sweep = client.service.parts.expiry.sweep
    await sweep()
    client.service.clock.advance(hours=2)
    await sweep()

    answer = await client.complete(first)

    assert answer.status == 201


async def test_client_that_goes_away_while_it_completes(client: Pep694Client) -> None:
    """An upload is completed even if its client disconnects during the check."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    async with client.processing(upload) as completing:
        completing.cancel()

    while await client.status(upload) == "processing":
        pass
    assert await client.files(session) == {WHEEL.filename: "completed"}
