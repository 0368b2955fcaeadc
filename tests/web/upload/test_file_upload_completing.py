"""Upload 2.0: completing files, which accepts or refuses them for good."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Another")
SDIST = an_sdist(version="2.0")
EVERY_HASH = {
    name: getattr(hashlib, name)(WHEEL.content).hexdigest(*([40] if "shake" in name else []))
    for name in hashlib.algorithms_guaranteed
}


@pytest.fixture
async def client(service: RunningService) -> Pep694Client:
    """Return a client that may only upload."""
    return Pep694Client(service, await service.token())


@pytest.fixture
async def strict(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Pep694Client]:
    """Return a client of a server that refuses what is suspicious, and replaces nothing."""
    upload = {"strict": True, "replace": False}
    async with running_service(tmp_path / "data", index, upload=upload) as running:
        yield Pep694Client(running)


async def shown(client: Pep694Client, session: Any, filename: str = WHEEL.filename) -> Any:
    """Return a file as it is in the session."""
    document = (await client.ask("GET", session["links"]["session"])).document
    return document["files"][filename]


@pytest.mark.parametrize("name", ["md5", "sha256", "shake_128"])
async def test_each_hash_is_checked(client: Pep694Client, name: str) -> None:
    """A wrong digest of any algorithm fails the upload, also beside a right one."""
    session = await client.session()
    wrong = EVERY_HASH[name].translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))

    answer = await client.upload(
        session, WHEEL, hashes={"sha3_512": EVERY_HASH["sha3_512"]} | {name: wrong}
    )

    sentence = f"The {name} digest of the file differs from the announced one."
    assert answer.status == 400
    assert answer.document["errors"] == [{"source": f"hashes.{name}", "message": sentence}]
    assert (await shown(client, session))["status"] == "error"
    assert (await shown(client, session))["notices"] == [sentence]


async def test_all_hashes_at_once(client: Pep694Client) -> None:
    """A file with all its digests, in capitals, is accepted."""
    hashes = {name: digest.upper() for name, digest in EVERY_HASH.items()}

    answer = await client.upload(await client.session(), WHEEL, hashes=hashes)

    assert (answer.status, answer.document["status"]) == (201, "completed")


@pytest.mark.parametrize("by", [-1, 1])
async def test_size_is_checked(client: Pep694Client, by: int) -> None:
    """A file whose size differs from the announced one fails, and is not in the stage."""
    session = await client.session()

    answer = await client.upload(session, WHEEL, size=len(WHEEL.content) + by)

    page = await client.service.get(f"{prefix_of(session)}simple/demo/")
    assert (answer.status, answer.document["errors"][0]["source"]) == (400, "size")
    assert await client.files(session) == {WHEEL.filename: "error"}
    assert WHEEL.filename not in page.text


async def test_all_problems_are_reported(client: Pep694Client) -> None:
    """The size and all known wrong digests are reported in one answer."""
    session = await client.session()
    hashes = {"sha256": "0" * 64, "sha512": "0" * 128, "md5": "0" * 32}

    answer = await client.upload(session, WHEEL, hashes=hashes, size=1)

    problem = answer.document
    assert [one["source"] for one in problem["errors"]] == [
        "size",
        "hashes.sha256",
        "hashes.md5",
    ]
    assert problem["detail"] == problem["details"] == problem["errors"][0]["message"]


async def test_completed_without_bytes(client: Pep694Client) -> None:
    """Completing an upload without bytes fails for good; after DELETE it can be restarted."""
    session = await client.session()
    upload = (await client.announce(session, WHEEL)).document

    answer = await client.complete(upload)

    assert answer.status == 400
    assert answer.document["detail"] == "No bytes were sent before the upload was completed."
    assert await client.status(upload) == "error"
    assert (await client.delete(upload)).status == 204
    assert (await client.upload(session, WHEEL)).status == 201


async def test_sent_twice(client: Pep694Client) -> None:
    """Bytes may be sent again before completing: the later ones count."""
    session = await client.session()
    upload = (await client.announce(session, WHEEL)).document

    sent = [await client.send(upload, one) for one in (b"half a whe", WHEEL.content)]

    assert [one.status for one in sent] == [201, 201]
    assert (await client.complete(upload)).status == 201


async def test_completed_twice(client: Pep694Client) -> None:
    """A completed upload cannot be completed or sent again: 409."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.complete(upload)

    again = [
        await client.complete(upload),
        await client.send(upload, OTHER.content),
        await client.extend(upload, 60),
    ]

    assert [one.status for one in again] == [409, 409, 409]
    assert await client.status(upload) == "completed"
    assert (await shown(client, session))["hashes"]["sha256"] == WHEEL.sha256


async def test_only_deleting_helps(client: Pep694Client) -> None:
    """An upload in error accepts only DELETE, and can then be restarted."""
    session = await client.session()
    upload = await client.sent(session, WHEEL, size=1)
    await client.complete(upload)

    refused = [
        await client.complete(upload),
        await client.send(upload, WHEEL.content),
        await client.attest(upload, []),
        await client.extend(upload, 60),
        await client.announce(session, WHEEL),
    ]

    assert [one.status for one in refused] == [409] * 5
    assert await client.status(upload) == "error"
    assert (await client.delete(upload)).status == 204
    assert await client.files(session) == {}
    assert (await client.upload(session, WHEEL)).status == 201


BROKEN: Mapping[str, tuple[Distribution, list[str]]] = {
    "no zip": (Distribution(WHEEL.filename, b"garbage"), ["content"]),
    "half a zip": (Distribution(WHEEL.filename, WHEEL.content[:300]), ["content"]),
    "no tar": (Distribution(SDIST.filename, b"garbage"), ["content"]),
    "a wheel of another project": (
        Distribution(WHEEL.filename, a_wheel("other", "2.0").content),
        ["content"],
    ),
    "metadata without a name": (
        a_wheel(version="2.0", metadata="Metadata-Version: 2.4\nVersion: 2.0\n"),
        ["name"],
    ),
    "metadata of no use": (
        a_wheel(
            version="2.0",
            metadata="Metadata-Version: 2.4\nName: demo\nVersion: 2.0\n"
            "Requires-Python: dog\nRequires-Dist: cat of\n",
        ),
        ["requires-dist", "requires-python"],
    ),
}


@pytest.mark.parametrize(("file", "sources"), BROKEN.values(), ids=BROKEN)
async def test_what_pypi_would_refuse(
    client: Pep694Client, file: Distribution, sources: list[str]
) -> None:
    """Completing is refused with everything that PyPI would report, and the file stores it."""
    session = await client.session()
    upload = await client.sent(session, file)

    answer = await client.complete(upload)

    errors = answer.document["errors"]
    entry = await shown(client, session, file.filename)
    own = (await client.ask("GET", upload["links"]["file-upload-session"])).document
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert [one["source"] for one in errors] == sources
    assert entry["status"] == own["status"] == "error"
    assert entry["notices"] == own["notices"] == [one["message"] for one in errors]
    assert (await client.delete(upload)).status == 204
    good = WHEEL if file.is_wheel else SDIST
    assert (await client.upload(session, good)).status == 201


async def test_released_while_it_was_sent(client: Pep694Client) -> None:
    """A file that was published in the meantime is 409, in error, and not in the stage."""
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    client.service.index.add("demo", WHEEL)

    answer = await client.complete(upload)

    sentence = f"PyPI already has {WHEEL.filename}."
    assert (answer.status, answer.document["detail"]) == (409, sentence)
    assert (await shown(client, session))["notices"] == [sentence]


async def test_strict(strict: Pep694Client) -> None:
    """Strict mode finds nothing in a form that is made of the file's own metadata."""
    session = await strict.session()

    answers = [await strict.upload(session, one) for one in (WHEEL, SDIST)]

    assert [one.status for one in answers] == [201, 201]


async def test_nothing_is_replaced(strict: Pep694Client) -> None:
    """Where replacing is forbidden, a staged filename is 409 until its file is deleted."""
    session = await strict.session()
    upload = await strict.sent(session, WHEEL)
    await strict.complete(upload)

    refused = await strict.announce(session, OTHER)

    assert refused.status == 409
    assert (await strict.delete(upload)).status == 204
    assert (await strict.upload(session, OTHER)).status == 201


async def test_replaced(client: Pep694Client) -> None:
    """A completed file may be announced again, and is replaced when that is completed."""
    session = await client.session()
    first = await client.sent(session, WHEEL)
    await client.complete(first)
    second = await client.sent(session, OTHER)
    before = await client.files(session)

    await client.complete(second)

    entry = await shown(client, session)
    assert before == {WHEEL.filename: "pending"}
    assert (entry["status"], entry["hashes"]["sha256"]) == ("completed", OTHER.sha256)
    assert [await client.status(one) for one in (first, second)] == ["canceled", "completed"]


async def test_file_that_is_staged_keeps_its_page(client: Pep694Client) -> None:
    """A staged file is served while its successor is pending, and after it is refused."""
    session = await client.session()
    await client.upload(session, WHEEL)

    refused = await client.upload(session, OTHER, size=1)

    page = await client.service.get(f"{prefix_of(session)}simple/demo/")
    assert refused.status == 400
    assert WHEEL.sha256 in page.text
