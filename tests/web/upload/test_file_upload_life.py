"""Upload 2.0: the life of a file upload, and how it ends."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file, stored_files

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


@pytest.fixture
async def client(service: RunningService) -> Pep694Client:
    """Return a client that may only upload."""
    return Pep694Client(service, await service.token())


def is_stored(service: RunningService) -> bool:
    """Return whether the bytes of the wheel are stored."""
    return stored_file(service.data, WHEEL.sha256).exists()


async def own(client: Pep694Client, upload: Any) -> Any:
    """Return an upload as its own URL shows it."""
    return (await client.ask("GET", upload["links"]["file-upload-session"])).document


async def test_deleted_while_pending(client: Pep694Client) -> None:
    """A pending upload is deleted: 204, no longer in the session, canceled by its own URL."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    answer = await client.delete(upload)

    assert (answer.status, answer.body) == (204, b"")
    assert await client.files(session) == {}
    assert await client.status(upload) == "canceled"


async def test_deleted_when_completed(client: Pep694Client) -> None:
    """Deleting a completed upload withdraws its file, whose URL is gone."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.complete(upload)
    shown = (await client.ask("GET", session["links"]["session"])).document
    link = shown["files"][WHEEL.filename]["link"]

    answer = await client.delete(upload)

    assert answer.status == 204
    assert await client.files(session) == {}
    assert await client.status(upload) == "canceled"
    assert (await client.service.get(link)).status == 410


async def test_deleted_in_error(client: Pep694Client) -> None:
    """An upload in error is deleted: 204, and the filename is free."""
    session = await client.session()
    upload = await client.sent(session, WHEEL, size=1)
    await client.complete(upload)

    answer = await client.delete(upload)

    assert answer.status == 204
    assert await client.files(session) == {}
    assert (await client.announce(session, WHEEL)).status == 202


async def test_not_deleted_while_processing(client: Pep694Client) -> None:
    """An upload that is being checked accepts nothing: 409; then it is completed."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    async with client.processing(upload) as completing:
        shown = await client.ask("GET", upload["links"]["file-upload-session"])
        files = await client.files(session)
        refused = [
            await client.delete(upload),
            await client.complete(upload),
            await client.send(upload, b"other"),
            await client.attest(upload, []),
            await client.extend(upload, 60),
        ]

    assert [one.status for one in refused] == [409] * 5
    assert (shown.document["status"], "Retry-After" in shown.headers) == ("processing", True)
    assert files == {WHEEL.filename: "processing"}
    assert completing.result().status == 201
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_canceled_is_the_end(client: Pep694Client) -> None:
    """A canceled upload is 409 to everything, and stays canceled."""
    upload = await client.sent(await client.session(), WHEEL)
    await client.delete(upload)

    refused = [
        await client.delete(upload),
        await client.complete(upload),
        await client.send(upload, WHEEL.content),
        await client.attest(upload, []),
        await client.extend(upload, 60),
    ]

    assert [one.status for one in refused] == [409] * 5
    assert set((await own(client, upload))["links"]) == {"file-upload-session"}


async def test_expired(client: Pep694Client) -> None:
    """An upload that is not completed within a day is canceled, and leaves the session."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    client.service.clock.advance(hours=24)

    answer = await client.complete(upload)

    document = await own(client, upload)
    assert answer.status == 409
    assert (document["status"], document["notices"]) == ("canceled", ["The upload expired."])
    assert await client.files(session) == {}


async def test_just_in_time(client: Pep694Client) -> None:
    """An upload can be completed up to its expiry."""
    upload = await client.sent(await client.session(), WHEEL)
    client.service.clock.advance(hours=23, minutes=59)

    assert (await client.complete(upload)).status == 201


async def test_announced_anew_after_it_expired(client: Pep694Client) -> None:
    """The filename of an expired upload is free before a sweep; the old one stays canceled."""
    session = await client.session()
    first = await client.sent(session, WHEEL)
    client.service.clock.advance(days=2)

    second = await client.upload(session, WHEEL)

    assert second.status == 201
    assert await client.status(first) == "canceled"
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_bytes_of_an_expired_upload_are_swept(client: Pep694Client) -> None:
    """A sweep deletes the bytes of an expired upload, also while its session lives."""
    await client.sent(await client.session(), WHEEL)
    sweep = client.service.parts.expiry.sweep
    client.service.clock.advance(hours=23)
    await sweep()
    before = is_stored(client.service)
    client.service.clock.advance(hours=1)
    await sweep()
    client.service.clock.advance(hours=1)

    await sweep()

    assert (before, is_stored(client.service)) == (True, False)


async def test_extended(client: Pep694Client) -> None:
    """An upload is extended in whole seconds."""
    upload = await client.sent(await client.session(), WHEEL)

    answer = await client.extend(upload, 7200)

    client.service.clock.advance(hours=25)
    assert (answer.status, answer.document["expires-at"]) == (200, "2026-11-23T14:00:00Z")
    assert (await client.complete(upload)).status == 201


@pytest.mark.parametrize("seconds", [10**9, 10**30], ids=["decades", "aeons"])
async def test_extended_as_long_as_the_stage_lives(client: Pep694Client, seconds: int) -> None:
    """An extension is granted up to the end of the session."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    answer = await client.extend(upload, seconds)

    assert (answer.status, answer.document["expires-at"]) == (200, session["expires-at"])


@pytest.mark.parametrize("seconds", [-1, 1.5, "60", None, True])
async def test_wrong_extension(client: Pep694Client, seconds: Any) -> None:
    """An extension must be a whole number of seconds."""
    upload = await client.sent(await client.session(), WHEEL)

    assert (await client.extend(upload, seconds)).status == 400


async def test_extending_never_shortens(client: Pep694Client) -> None:
    """An extension by zero changes nothing."""
    upload = await client.sent(await client.session(), WHEEL)

    answer = await client.extend(upload, 0)

    assert answer.document["expires-at"] == upload["expires-at"]


async def test_session_that_is_nearly_over(client: Pep694Client) -> None:
    """An upload does not outlive its session, which each change extends."""
    session = await client.session()
    client.service.clock.advance(days=6, hours=20)

    upload = (await client.announce(session, WHEEL)).document

    assert upload["expires-at"] == session["expires-at"]
    lived = (await client.ask("GET", session["links"]["session"])).document
    assert lived["expires-at"] > session["expires-at"]


async def test_unused_bytes_are_deleted_at_once(client: Pep694Client) -> None:
    """Bytes that were replaced or deleted are removed from the disk at once."""
    session = await client.session()
    upload = (await client.announce(session, WHEEL)).document
    for content in (b"first", b"second", WHEEL.content):
        await client.send(upload, content)
    data = client.service.data

    before = [path.name for path in stored_files(data)]
    await client.delete(upload)

    after = [path.name for path in stored_files(data)]
    assert (before, after) == ([WHEEL.sha256], [])


async def test_bytes_that_another_upload_needs_stay(client: Pep694Client) -> None:
    """Bytes of two uploads are deleted with the last of them."""
    session, other = await client.session(), await client.session(version="3.0")
    first = await client.sent(session, WHEEL)
    second = (await client.announce(other, a_wheel(version="3.0"))).document
    await client.send(second, WHEEL.content)

    await client.delete(first)

    assert is_stored(client.service)


async def test_much_more_than_was_announced(client: Pep694Client) -> None:
    """A body far longer than announced is refused while it is sent, and not stored."""
    session = await client.session()
    upload = (await client.announce(session, WHEEL, size=1)).document

    answer = await client.send(upload, bytes(3 * 2**20))

    assert answer.status == 400
    assert answer.document["detail"] == "The body is longer than the 1 bytes announced."
    assert [one for one in (client.service.data / "files").rglob("*") if one.is_file()] == []
