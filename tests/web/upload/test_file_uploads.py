"""Upload 2.0: whole sessions, alone and together with the legacy API."""

import asyncio

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.pep694 import META, UPLOAD_2_0, Pep694Client
from tests.support.servers.service import PIP, RunningService, prefix_of

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Another")
SDIST = an_sdist(version="2.0")


@pytest.fixture
async def client(service: RunningService) -> Pep694Client:
    """Return a client that may only upload."""
    return Pep694Client(service, await service.token())


async def test_whole_session(client: Pep694Client) -> None:
    """A wheel and an sdist are staged as if twine had sent them."""
    session = await client.session()

    announced = await client.announce(session, WHEEL)
    sent = await client.send(announced.document, WHEEL.content)
    completed = await client.complete(announced.document)
    await client.upload(session, SDIST)

    shown = (await client.ask("GET", session["links"]["session"])).document
    page = await client.service.get(f"{prefix_of(shown)}simple/demo/")
    assert (announced.status, sent.status, completed.status) == (202, 201, 201)
    assert "Retry-After" in announced.headers
    assert announced.document["status"] == "pending"
    assert completed.headers["Content-Type"] == UPLOAD_2_0
    assert completed.headers["Location"] == announced.document["links"]["file-upload-session"]
    assert (completed.document["meta"], completed.document["status"]) == (META, "completed")
    assert {name: one["status"] for name, one in shown["files"].items()} == {
        WHEEL.filename: "completed",
        SDIST.filename: "completed",
    }
    assert WHEEL.sha256 in page.text


async def test_nothing_shows_before_it_is_complete(client: Pep694Client) -> None:
    """Until a file is completed the stage is unchanged for installers."""
    client.service.index.add("demo", a_wheel(version="1.0"))
    session = await client.session()
    path = f"{prefix_of(session)}simple/demo/"
    pages = [(await client.service.get(path, PIP)).document["files"]]

    upload = await client.sent(session, WHEEL)
    pages.append((await client.service.get(path, PIP)).document["files"])
    await client.complete(upload)

    after = (await client.service.get(path, PIP)).document["files"]
    assert [len(one) for one in (*pages, after)] == [1, 1, 2]
    assert pages[0] == pages[1]
    assert after[-1]["filename"] == WHEEL.filename


async def test_twenty_files_at_once(client: Pep694Client) -> None:
    """Files that are uploaded concurrently are all in the session, complete."""
    session = await client.session()
    wheels = [a_wheel(version="2.0", tag=f"cp3{minor}-none-any") for minor in range(1, 20)]

    answers = await asyncio.gather(*(client.upload(session, one) for one in [*wheels, SDIST]))

    shown = (await client.ask("GET", session["links"]["session"])).document
    assert [one.status for one in answers] == [201] * 20
    assert {name: one["hashes"]["sha256"] for name, one in shown["files"].items()} == {
        one.filename: one.sha256 for one in [*wheels, SDIST]
    }


async def test_first_file_fixes_the_version(client: Pep694Client) -> None:
    """A session without a version gets that of the first completed file."""
    session = await client.session(version=None)
    first, second = [
        await client.sent(session, one) for one in (a_wheel(version="1.5"), a_wheel(version="2.0"))
    ]
    before = (await client.ask("GET", session["links"]["session"])).document["version"]

    answers = [await client.complete(second), await client.complete(first)]

    shown = (await client.ask("GET", session["links"]["session"])).document
    assert (before, shown["version"]) == (None, "2.0")
    assert [one.status for one in answers] == [201, 409]
    assert {name: one["status"] for name, one in shown["files"].items()} == {
        "demo-1.5-py3-none-any.whl": "error",
        "demo-2.0-py3-none-any.whl": "completed",
    }
    assert (await client.announce(session, an_sdist(version="1.5"))).status == 400


async def test_version_that_is_staged_elsewhere(client: Pep694Client) -> None:
    """A session without a version does not take that of another session."""
    await client.session()
    session = await client.session(version=None)

    answer = await client.upload(session, WHEEL)

    assert answer.status == 409
    assert await client.files(session) == {WHEEL.filename: "error"}


async def test_both_apis_at_once(client: Pep694Client) -> None:
    """A stage filled by both upload APIs shows all files alike."""
    session = await client.session()

    answers = await asyncio.gather(
        client.upload(session, WHEEL), client.service.upload(SDIST, token=client.token or "")
    )

    assert [one.status for one in answers] == [201, 200]
    assert await client.files(session) == {WHEEL.filename: "completed", SDIST.filename: "completed"}


async def test_legacy_upload_of_a_pending_name(client: Pep694Client) -> None:
    """A legacy upload of a pending filename is staged, and replaced on completing."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    legacy = await client.service.upload(OTHER)
    staged = await client.service.get(f"{prefix_of(session)}simple/demo/")
    between = await client.files(session)

    answer = await client.complete(upload)

    page = await client.service.get(f"{prefix_of(session)}simple/demo/")
    assert (legacy.status, answer.status) == (200, 201)
    assert between == {WHEEL.filename: "pending"}
    assert (OTHER.sha256 in staged.text, OTHER.sha256 in page.text) == (True, False)
    assert WHEEL.sha256 in page.text


async def test_legacy_upload_of_the_very_file(client: Pep694Client) -> None:
    """A pending file that was uploaded by the legacy API too can be completed."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.service.upload(WHEEL)

    answer = await client.complete(upload)

    assert answer.status == 201
    assert await client.status(upload) == "completed"
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_legacy_upload_replaces_what_was_completed(client: Pep694Client) -> None:
    """A completed upload whose file the legacy API replaced is canceled."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.complete(upload)

    await client.service.upload(OTHER)

    shown = (await client.ask("GET", upload["links"]["file-upload-session"])).document
    assert shown["status"] == "canceled"
    assert shown["notices"] == ["This file was replaced by a later upload of the same name."]
    assert await client.files(session) == {WHEEL.filename: "completed"}
    assert (await client.delete(upload)).status == 409


async def test_canceled_stays_canceled(client: Pep694Client) -> None:
    """An upload whose file was replaced stays canceled when its bytes are uploaded again."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.complete(upload)

    for file in (OTHER, WHEEL):
        await client.service.upload(file)

    assert await client.status(upload) == "canceled"
    assert (await client.delete(upload)).status == 409
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_withdrawn_by_the_other_api(client: Pep694Client) -> None:
    """A file withdrawn by /api/ is canceled by its own URL, and can be uploaded again."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.complete(upload)

    await client.service.api("DELETE", f"stages/{session['id']}/files/{WHEEL.filename}")

    assert await client.status(upload) == "canceled"
    assert await client.files(session) == {}
    assert (await client.upload(session, WHEEL)).status == 201


async def test_legacy_upload_replaces_an_error(client: Pep694Client) -> None:
    """A legacy upload replaces an upload in error, which is then canceled."""
    session = await client.session()
    upload = await client.sent(session, WHEEL, size=1)
    await client.complete(upload)

    await client.service.upload(WHEEL)

    assert await client.status(upload) == "canceled"
    assert await client.files(session) == {WHEEL.filename: "completed"}


async def test_staged_by_form(client: Pep694Client) -> None:
    """A session that a legacy upload opened can be continued by this API."""
    stage = await client.service.staged(WHEEL)
    session = (await client.ask("GET", stage["links"]["session"])).document

    answer = await client.upload(session, SDIST)

    assert stage["links"]["upload"] == session["links"]["upload"]
    assert answer.status == 201
    assert await client.files(session) == {WHEEL.filename: "completed", SDIST.filename: "completed"}
