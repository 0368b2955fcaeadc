"""Upload 2.0: announcing files, and refusals before the bytes are sent."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.pep694 import META, UPLOAD_2_0, Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


@pytest.fixture
async def client(service: RunningService) -> Pep694Client:
    """Return a client that may only upload."""
    return Pep694Client(service, await service.token())


@pytest.fixture
async def small(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Pep694Client]:
    """Return a client of a server that accepts no large files."""
    upload = {"max_file_size": 2**20}
    async with running_service(tmp_path / "data", index, upload=upload) as running:
        yield Pep694Client(running)


async def test_announced(client: Pep694Client) -> None:
    """An announced file is pending, has its URLs, and is in the session."""
    session = await client.session()

    answer = await client.announce(session, WHEEL)

    url = answer.headers["Location"]
    assert answer.status == 202
    assert answer.headers["Content-Type"] == UPLOAD_2_0
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.document == {
        "meta": META,
        "links": {
            "file-upload-session": url,
            "complete": f"{url}/complete",
            "extend": f"{url}/extend",
        },
        "status": "pending",
        "expires-at": "2026-11-23T12:00:00Z",
        "mechanism": {
            "identifier": "http-post-bytes",
            "file_url": f"{url}/bytes",
            "attestations_url": f"{url}/attestations",
        },
        "notices": [],
    }
    assert await client.files(session) == {WHEEL.filename: "pending"}


async def test_no_url_can_be_guessed(client: Pep694Client) -> None:
    """The URL of an upload has 128 random bits, and is the one in the session."""
    session = await client.session()

    upload = (await client.announce(session, WHEEL)).document

    url = upload["links"]["file-upload-session"]
    shown = (await client.ask("GET", session["links"]["session"])).document
    assert re.fullmatch(r"[0-9a-f]{32}", url.rpartition("/")[2])
    assert shown["files"][WHEEL.filename]["link"] == url


@pytest.mark.parametrize("mechanism", ["", "HTTP-POST-BYTES", "vnd-fastly-s3", "http-post-bytes "])
async def test_other_mechanisms(client: Pep694Client, mechanism: str) -> None:
    """An unknown mechanism is 422, and the answer names the known one."""
    session = await client.session()

    answer = await client.announce(session, WHEEL, mechanism=mechanism)

    assert (answer.status, answer.document["status"]) == (422, 422)
    assert "http-post-bytes" in answer.document["detail"]
    assert await client.files(session) == {}


WRONG_NAMES = {
    "no distribution": "demo-2.0.exe",
    "of another project": "other-2.0.tar.gz",
    "a path": "../demo-2.0.tar.gz",
    "with NUL": "demo-2.0\0.tar.gz",
    "nothing": "",
}


@pytest.mark.parametrize("filename", WRONG_NAMES.values(), ids=WRONG_NAMES)
async def test_wrong_filename(client: Pep694Client, filename: str) -> None:
    """A filename that does not fit the session is 400, by its field."""
    session = await client.session()

    answer = await client.announce(session, WHEEL, filename=filename)

    assert answer.status == 400
    assert {one["source"] for one in answer.document["errors"]} == {"filename"}
    assert await client.files(session) == {}


WRONG_SIZES = ["1000", 1000.0, 1.5, True, -1, None, [], 10**30]


@pytest.mark.parametrize("size", WRONG_SIZES, ids=repr)
async def test_wrong_size(client: Pep694Client, size: Any) -> None:
    """A size must be a whole number of bytes within the limit."""
    session = await client.session()

    answer = await client.announce(session, WHEEL, size=size)

    assert answer.status == 400
    assert await client.files(session) == {}


async def test_too_large(small: Pep694Client) -> None:
    """A file that is larger than the limit is refused before it is sent."""
    session = await small.session()

    answers = [await small.announce(session, WHEEL, size=2**20 + more) for more in (1, 0)]

    assert [one.status for one in answers] == [400, 202]
    assert (
        answers[0]
        .document["detail"]
        .startswith("File too large. Limit for project 'demo' is 1 MB.")
    )


WRONG_HASHES = {
    "none": {},
    "only weak ones": {"md5": WHEEL.md5, "sha1": "0" * 40},
    "no hexadecimal digits": {"sha256": "x" * 64},
    "a number": {"sha256": 1},
    "null": {"sha256": None},
    "a list": [WHEEL.sha256],
    "too many": {str(number): "00" for number in range(17)},
}


@pytest.mark.parametrize("hashes", WRONG_HASHES.values(), ids=WRONG_HASHES)
async def test_wrong_hashes(client: Pep694Client, hashes: Any) -> None:
    """At least one secure digest is needed, and every digest must be valid."""
    session = await client.session()

    answer = await client.announce(session, WHEEL, hashes=hashes)

    assert answer.status == 400
    assert answer.document["errors"][0]["source"].startswith("hashes")
    assert await client.files(session) == {}


@pytest.mark.parametrize("missing", ["filename", "size", "hashes", "mechanism", "meta"])
async def test_every_member_is_required(client: Pep694Client, missing: str) -> None:
    """A message without one of its members is refused, and the member named."""
    session = await client.session()
    document = {
        "meta": META,
        "filename": WHEEL.filename,
        "size": 1,
        "hashes": {"sha256": WHEEL.sha256},
        "mechanism": "http-post-bytes",
    }
    del document[missing]

    answer = await client.say("POST", session["links"]["upload"], json.dumps(document).encode())

    assert (answer.status, answer.document["errors"][0]["source"]) == (400, missing)


@pytest.mark.parametrize("staged", [WHEEL, a_wheel(version="2.0", summary="Another")])
async def test_published_already(client: Pep694Client, staged: Distribution) -> None:
    """A filename that PyPI has is 409, with the same bytes or others."""
    client.service.index.add("demo", WHEEL)
    session = await client.session()

    answer = await client.announce(session, staged)

    assert answer.status == 409
    assert answer.document["detail"] == f"PyPI already has {WHEEL.filename}."
    assert await client.files(session) == {}


async def test_pending_already(client: Pep694Client) -> None:
    """A filename that is pending is 409, and the first upload is unchanged."""
    session = await client.session()
    first = await client.sent(session, WHEEL)

    answer = await client.announce(session, WHEEL)

    assert answer.status == 409
    detail = answer.document["detail"]
    assert detail.startswith(f"{WHEEL.filename} already has an upload with status pending.")
    assert (await client.complete(first)).status == 201


async def test_twenty_at_once_for_one_name(client: Pep694Client) -> None:
    """Of many that announce one file at the same time, one succeeds."""
    session = await client.session()

    answers = await asyncio.gather(*(client.announce(session, WHEEL) for _ in range(20)))

    assert sorted(one.status for one in answers) == [202, *[409] * 19]
    assert await client.files(session) == {WHEEL.filename: "pending"}


async def test_ended_session(client: Pep694Client, service: RunningService) -> None:
    """An ended session accepts no files."""
    session = await client.session()
    await Pep694Client(service).ask("DELETE", session["links"]["session"])

    answer = await client.announce(session, WHEEL)

    assert (answer.status, answer.headers["Content-Type"]) == (410, "application/problem+json")


@pytest.mark.parametrize("path", ["", "/bytes", "/attestations", "/complete", "/extend"])
async def test_unknown_upload(client: Pep694Client, path: str) -> None:
    """An unknown upload is 404, for every request."""
    session = await client.session()
    url = f"{session['links']['upload']}/{'0' * 32}"

    answers = await client.try_everything(url, path)

    assert {one.status for one in answers} == {404}


@pytest.mark.parametrize("path", ["", "/bytes", "/attestations", "/complete", "/extend"])
async def test_upload_of_another_stage(service: RunningService, path: str) -> None:
    """An upload is not found by the URL of another session, and is unchanged."""
    client = Pep694Client(service)
    session, other = await client.session(), await client.session("other")
    upload = await client.sent(session, SDIST)
    upload_id = upload["links"]["file-upload-session"].rpartition("/")[2]

    answers = await client.try_everything(f"{other['links']['upload']}/{upload_id}", path)

    assert {one.status for one in answers} == {404}
    assert await client.status(upload) == "pending"


async def test_head(client: Pep694Client) -> None:
    """HEAD is GET without a body."""
    upload = (await client.announce(await client.session(), WHEEL)).document
    url = upload["links"]["file-upload-session"]

    answers = [await client.ask(method, url) for method in ("GET", "HEAD")]

    lengths = [one.headers["Content-Length"] for one in answers]
    assert [one.status for one in answers] == [200, 200]
    assert lengths == [str(len(answers[0].body))] * 2
    assert answers[0].document == upload
    assert answers[1].body == b""
    assert "Retry-After" in answers[1].headers
