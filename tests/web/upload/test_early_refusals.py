"""Uploads that are refused before all of their bytes have come."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stageproxy.core.archives.starts import problem_with_start
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, basic, running_service

MIB = 2**20
GIB = 2**30
WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
JUNK = b"junk" * MIB
ZIP = b"PK" + bytes(2 * MIB)
OCTETS = "application/octet-stream"


async def endless(*parts: bytes) -> AsyncIterator[bytes]:
    """Yield the beginning of a body, and nothing more."""
    for part in parts:
        yield part
    await asyncio.Event().wait()


async def answer_to_beginning(
    service: RunningService, beginning: bytes, *, length: int = GIB
) -> tuple[int, str]:
    """Return the answer to a form of which only the beginning is sent."""
    headers = {
        "Content-Type": FORM,
        "Authorization": basic(service.admin),
        "Content-Length": str(length),
    }
    sending = service.session.post(
        f"{service.url}/legacy/", data=endless(beginning), headers=headers
    )
    async with sending as answer:
        return answer.status, str(answer.reason)


def until_the_file(filename: str = WHEEL.filename) -> bytes:
    """Return a form up to where the contents of its file begin."""
    distribution = WHEEL if filename == WHEEL.filename else SDIST
    body = body_of(twine_form(distribution))
    return body[: body.index(distribution.content)]


@pytest.mark.parametrize(
    ("filename", "kind"), [(WHEEL.filename, "zipfile"), (SDIST.filename, "tarfile")]
)
async def test_junk(service: RunningService, filename: str, kind: str) -> None:
    """A large file that begins like no archive of its name is refused after 2 MiB."""
    status, reason = await answer_to_beginning(service, until_the_file(filename) + JUNK)

    assert (status, reason) == (400, f"Invalid distribution file. File is not a {kind}")


async def test_no_room(tmp_path: Path, index: FakeIndex) -> None:
    """A file that exceeds a limit is refused as soon as its form has named the project."""
    async with running_service(tmp_path / "data", index, limits={"project_bytes": MIB}) as service:
        status, reason = await answer_to_beginning(service, until_the_file() + ZIP)

    assert status == 413
    assert reason.startswith("The live stages of demo can hold at most 1,048,576 bytes")


async def test_too_large(service: RunningService) -> None:
    """A file over the size limit is refused by its Content-Length, with PyPI's sentence."""
    beginning = until_the_file() + ZIP

    status, reason = await answer_to_beginning(service, beginning, length=3 * GIB)

    assert status == 400
    assert reason.startswith("File too large. Limit for project 'demo' is 2048 MB.")


async def test_longer_than_announced(service: RunningService) -> None:
    """A body that is longer than was announced is refused before the client sends it."""
    client = Pep694Client(service)
    upload = (await client.announce(await client.session(), WHEEL)).document
    headers = {
        "Content-Type": OCTETS,
        "Authorization": f"Bearer {service.admin}",
        "Content-Length": str(GIB),
    }
    sent: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        sent.append(b"PK")
        yield b"PK"

    url = upload["mechanism"]["file_url"]
    posting = service.session.post(url, data=body(), headers=headers, expect100=True)
    async with posting as answer:
        assert answer.status == 400
    assert sent == []


async def test_large_junk_by_pep_694(service: RunningService) -> None:
    """Bytes that are no archive are refused before all of them have come."""
    client = Pep694Client(service)
    announced = await client.announce(await client.session(), WHEEL, size=GIB)
    headers = {"Content-Type": OCTETS, "Authorization": f"Bearer {service.admin}"}

    url = announced.document["mechanism"]["file_url"]
    async with service.session.post(url, data=endless(JUNK), headers=headers) as answer:
        problem = await answer.json(content_type=None)

    assert (answer.status, problem["detail"]) == (
        400,
        "Invalid distribution file. File is not a zipfile",
    )


async def test_no_credential(service: RunningService) -> None:
    """Nobody is asked for a body who has no API token."""
    sent: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        sent.append(b"")
        yield b""

    headers = {"Content-Type": FORM}
    posting = service.session.post(
        f"{service.url}/legacy/", data=body(), headers=headers, expect100=True
    )
    async with posting as answer:
        assert answer.status == 401
    assert sent == []


async def test_many_files(service: RunningService) -> None:
    """A form with more files than any uploader sends is refused."""
    file = b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n\r\n'
    answer = await service.post(
        file * 65 + b"--b--\r\n", Content_Type="multipart/form-data; boundary=b"
    )

    assert (answer.status, answer.reason) == (413, "The form has more than 64 files.")


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"PK\x05\x06"])
def test_starts_of_wheels(start: bytes) -> None:
    """A wheel begins as a zip file, with members or without."""
    assert problem_with_start("demo-2.0-py3-none-any.whl", start) is None


@pytest.mark.parametrize(
    "start",
    [b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x00" * 257 + b"ustar"],
    ids=["gzip", "bzip2", "xz", "not compressed"],
)
def test_starts_of_sdists(start: bytes) -> None:
    """What might be a tar file is left to the examination, which knows it better."""
    assert problem_with_start("demo-2.0.tar.gz", start) is None


def test_other_names() -> None:
    """What is no archive by its name is refused for that."""
    assert problem_with_start("demo-2.0.exe", b"MZ") is None
