"""Invalid forms: refused, without anything left behind."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import (
    BOUNDARY,
    FORM,
    Part,
    body_of,
    changed,
    content_part,
    twine_form,
)
from tests.support.clients.wire import exchange, status_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
GOOD = body_of(twine_form(WHEEL))
OPENING = f"--{BOUNDARY}\r\n".encode()
END = f"--{BOUNDARY}--\r\n".encode()
DISPOSITION = b'Content-Disposition: form-data; name="name"'
NESTED = b'Content-Disposition: form-data; name="content"\r\nContent-Type: multipart/mixed'
BODIES = {
    "nothing": b"",
    "text": b"hello",
    "JSON": b'{"name": "demo"}',
    "cut off in the file": GOOD[:-100],
    "cut off in a field": GOOD[:120],
    "cut off in a part's head": GOOD[:40],
    "no end": GOOD.removesuffix(END),
    "another boundary": GOOD.replace(BOUNDARY.encode(), b"other"),
    "a header without a colon": OPENING + b"Content-Disposition\r\n\r\nx\r\n" + END,
    "a header with a control character": (
        OPENING + DISPOSITION.replace(b"name=", b"n\x00me=") + b"\r\n\r\nx\r\n" + END
    ),
    "many headers": OPENING + b"A: b\r\n" * 500 + b"\r\nx\r\n" + END,
    "a long header": OPENING + b"A: " + b"b" * 50_000 + b"\r\n\r\nx\r\n" + END,
    "a wrong length": (OPENING + DISPOSITION + b"\r\nContent-Length: 9999\r\n\r\nx\r\n" + END),
    "an invalid charset": (
        OPENING + DISPOSITION.replace(b'"name"', b'"_charset_"') + b"\r\n\r\n" + b"x" * 99 + END
    ),
    "a charset and no more": (
        OPENING + DISPOSITION.replace(b'"name"', b'"_charset_"') + b"\r\n\r\nutf-8\r\n" + END
    ),
    "a form in the form": (
        OPENING + NESTED + b"; boundary=q\r\n\r\n--q\r\n\r\nx\r\n--q--\r\n" + END
    ),
    "a form in the form, without boundary": OPENING + NESTED + b"\r\n\r\n--q--\r\n" + END,
    "a name that is not UTF-8": OPENING + DISPOSITION[:-5] + b'\xff"\r\n\r\nx\r\n' + GOOD,
    "a name of half a character": (
        OPENING + DISPOSITION[:-7] + b"*=unicode_escape''%5cud800\r\n\r\nx\r\n" + GOOD
    ),
    "a filename that cannot be decoded": GOOD.replace(
        f'filename="{WHEEL.filename}"'.encode(), b"filename*=undefined''x"
    ),
    "a part without a name": OPENING + b"Content-Type: text/plain\r\n\r\nx\r\n" + END,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_broken_form(service: RunningService, body: bytes) -> None:
    """A form that cannot be parsed is 400, never 500, which uploaders would retry."""
    answer = await service.post(body, to="/legacy/?:action=file_upload")

    assert answer.status == 400
    assert nothing_is_left(service)


TYPES = {
    "no boundary": "multipart/form-data",
    "an empty boundary": "multipart/form-data; boundary=",
    "a long boundary": f"multipart/form-data; boundary={'x' * 71}",
    "JSON": "application/json",
    "a form of another kind": "application/x-www-form-urlencoded",
    "nonsense": "x",
    "nothing": "",
}


@pytest.mark.parametrize("content_type", TYPES.values(), ids=TYPES)
async def test_not_multipart(service: RunningService, content_type: str) -> None:
    """A body that is not a form is refused."""
    answer = await service.post(GOOD, Content_Type=content_type)

    assert (answer.status, answer.reason) == (400, "Invalid Form Data.")


FORMS = {
    "no file": (
        [*twine_form(WHEEL)[:-1]],
        "Upload payload does not have a file.",
    ),
    "content as text": (
        changed(twine_form(WHEEL), "content", filename=None, content=b"text"),
        "Upload payload does not have a file.",
    ),
    "a field as file": (
        changed(twine_form(WHEEL), "summary", filename="summary.txt"),
        "summary: Should not be a tuple.",
    ),
    "two files": (
        [*twine_form(WHEEL), content_part(a_wheel(version="3.0"))],
        "Upload payload has more than one file.",
    ),
    "a field that is not UTF-8": (
        changed(twine_form(WHEEL), "summary", content=b"\xff"),
        "summary: the value is not UTF-8.",
    ),
    "a file without a name": (
        changed(twine_form(WHEEL), "content", filename=""),
        "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
    ),
    "a path as name": (
        changed(twine_form(WHEEL), "content", filename=f"../{WHEEL.filename}"),
        r"Cannot upload a file with '/' or '\' in the name.",
    ),
    "an image": (
        changed(twine_form(WHEEL), "content", content_type="image/png"),
        "Invalid distribution file.",
    ),
}


@pytest.mark.parametrize("case", FORMS)
async def test_refused_form(service: RunningService, case: str) -> None:
    """A form that PyPI refuses is refused in its words, and nothing of it is stored."""
    parts, sentence = FORMS[case]

    answer = await service.post(parts)

    assert (answer.status, answer.reason) == (400, sentence)
    assert nothing_is_left(service)


LARGE = {
    "a long field": [*twine_form(WHEEL), Part("description", b"x" * (2**20 + 1))],
    "many long fields": [*twine_form(WHEEL), *[Part("classifiers", b"x" * 2**20)] * 9],
    "many parts": [*twine_form(WHEEL), *[Part("classifiers", b"")] * 1000],
    "a long signature": [*twine_form(WHEEL), Part("gpg_signature", b"x" * 2**23 + b"x", "x.asc")],
}


@pytest.mark.parametrize("parts", LARGE.values(), ids=LARGE)
async def test_too_large(service: RunningService, parts: list[Part]) -> None:
    """A part, a form or a number of parts beyond the limits is 413."""
    answer = await service.post(parts)

    assert answer.status == 413
    assert nothing_is_left(service)


async def test_file_too_large(tmp_path: Path, index: FakeIndex) -> None:
    """A file over the limit is refused with PyPI's sentence and status."""
    upload = {"max_file_size": len(WHEEL.content) - 1}
    async with running_service(tmp_path / "data", index, upload=upload) as service:
        answer = await service.upload(WHEEL)

        assert answer.status == 400
        assert answer.reason.startswith("File too large. ")
        assert nothing_is_left(service)


async def test_file_as_large_as_allowed(tmp_path: Path, index: FakeIndex) -> None:
    """A file of exactly the limit is accepted."""
    upload = {"max_file_size": len(WHEEL.content)}
    async with running_service(tmp_path / "data", index, upload=upload) as service:
        assert (await service.upload(WHEEL)).status == 200


async def test_client_hangs_up(service: RunningService) -> None:
    """A client that disconnects in the middle leaves nothing behind."""
    await exchange(service.url, head_of(service, len(GOOD)) + GOOD[:-200], hang_up=True)

    async with asyncio.timeout(60):
        while not nothing_is_left(service):  # noqa: ASYNC110 - files send no events
            await asyncio.sleep(0.01)
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_broken_chunks(service: RunningService) -> None:
    """A body with invalid chunks is refused, and leaves nothing behind."""
    head = head_of(service, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"%x\r\n%s\r\n" % (len(GOOD) - 200, GOOD[:-200])

    answer = await exchange(service.url, head + chunk + b"not a length\r\n")

    assert status_of(answer) == 400
    assert nothing_is_left(service)


async def test_byte_by_byte(service: RunningService) -> None:
    """A form that arrives in small pieces is the same form."""
    parts = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(head_of(service, len(GOOD)))
    for start in range(0, len(GOOD), 50):
        writer.write(GOOD[start : start + 50])
        await writer.drain()
        await asyncio.sleep(0)

    answer = await reader.read()

    writer.close()
    assert status_of(answer) == 200


async def test_more_after_the_form(service: RunningService) -> None:
    """What follows the form is read and ignored, as on PyPI."""
    answer = await service.post(GOOD + b"\r\nMore of the body.\r\n" * 100)

    assert answer.status == 200


async def test_boundary_in_the_file(service: RunningService) -> None:
    """Bytes of the file that resemble the boundary stay bytes of the file."""
    nearly = f"\r\n--{BOUNDARY[:-1]}x\r\n\r\n--\r\n".encode()
    wheel = a_wheel(version="2.0", extra={"demo/data.bin": nearly})

    assert (await service.upload(wheel)).status == 200


def head_of(service: RunningService, length: int) -> bytes:
    """Return the head of an upload as it is sent."""
    return (
        "POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {service.admin}\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def nothing_is_left(service: RunningService) -> bool:
    """Return whether no file is stored or being received."""
    files = service.data / "files"
    return not [path for path in files.rglob("*") if path.is_file()]
