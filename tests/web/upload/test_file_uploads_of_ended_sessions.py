"""Upload 2.0: unfinished files of ended sessions and revoked tokens."""

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


@pytest.fixture
async def client(service: RunningService) -> Pep694Client:
    """Return a client that may only upload."""
    return Pep694Client(service, await service.token())


def is_stored(service: RunningService) -> bool:
    """Return whether the bytes of the wheel are stored."""
    return stored_file(service.data, WHEEL.sha256).exists()


async def test_session_canceled_while_uploads_are_pending(client: Pep694Client) -> None:
    """A canceled session's pending uploads are not reachable, and are swept."""
    session = await client.session()
    uploads = [await client.sent(session, one) for one in (WHEEL, SDIST)]
    await client.send(uploads[0], WHEEL.content)

    ended = await Pep694Client(client.service).ask("DELETE", session["links"]["session"])

    statuses = [
        (await client.complete(uploads[0])).status,
        (await client.send(uploads[0], WHEEL.content)).status,
        (await client.delete(uploads[1])).status,
        (await client.ask("GET", uploads[1]["links"]["file-upload-session"])).status,
    ]
    shown = (await client.ask("GET", session["links"]["session"])).document
    await client.service.parts.expiry.sweep()
    client.service.clock.advance(hours=1)
    await client.service.parts.expiry.sweep()
    assert ended.status == 204
    assert statuses == [410, 410, 410, 410]
    assert [one for one in shown["files"].values() if "link" in one] == []
    assert not is_stored(client.service)


async def test_session_canceled_while_a_file_is_processed(client: Pep694Client) -> None:
    """Canceling does not wait for a file that is being checked, which ends in error."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    async with client.processing(upload) as completing:
        ended = await Pep694Client(client.service).ask("DELETE", session["links"]["session"])

    stage = await client.service.parts.database.read(lambda rows: rows.stages.find(session["id"]))
    assert stage is not None
    assert (ended.status, completing.result().status) == (204, 410)
    assert [one.status for one in stage.uploads] == ["error"]
    assert stage.artifacts == ()


async def test_session_that_expires_while_a_file_is_processed(client: Pep694Client) -> None:
    """An expired session accepts nothing, and no file stays in processing."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)

    async with client.processing(upload) as completing:
        client.service.clock.advance(days=31)

    stage = await client.service.parts.database.read(lambda rows: rows.stages.find(session["id"]))
    assert stage is not None
    assert completing.result().status == 410
    assert [one.status for one in stage.uploads] == ["error"]


async def test_rotated(client: Pep694Client) -> None:
    """An upload is completed in its stage although the stage URL was replaced."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    rotated = (await client.service.api("POST", f"stages/{session['id']}/rotate")).document

    answer = await client.complete(upload)

    page = await client.service.get(f"{rotated['links']['stage']}simple/demo/")
    assert answer.status == 201
    assert WHEEL.sha256 in page.text
    assert (await client.service.get(f"{session['links']['stage']}simple/demo/")).status == 410


async def test_rights_are_checked_each_time(service: RunningService) -> None:
    """A token that is revoked during an upload is refused at every URL."""
    made = (await service.api("POST", "tokens", can="upload", project="demo")).document
    client = Pep694Client(service, made["token"])
    upload = await client.sent(await client.session(), WHEEL)
    await service.api("DELETE", f"tokens/{made['id']}")

    answers = [
        await client.complete(upload),
        await client.send(upload, b"x"),
        await client.attest(upload, []),
        await client.delete(upload),
        await client.ask("GET", upload["links"]["file-upload-session"]),
    ]

    assert [one.status for one in answers] == [403] * 5
    assert await Pep694Client(service).status(upload) == "pending"


async def test_no_credential(client: Pep694Client) -> None:
    """Bytes and attestations need a credential: 401 without one."""
    upload = (await client.announce(await client.session(), WHEEL)).document

    answers = [
        await client.service.send("POST", url, {"Content-Type": kind}, data=b"[]")
        for url, kind in (
            (upload["mechanism"]["file_url"], "application/octet-stream"),
            (upload["mechanism"]["attestations_url"], "application/json"),
        )
    ]

    assert [one.status for one in answers] == [401, 401]
    assert [one.headers["WWW-Authenticate"][:6] for one in answers] == ["Basic ", "Basic "]
