"""The scanner of forms, compared with aiohttp's reader of them."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence

import pytest
from aiohttp import BodyPartReader, MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.web.upload.form_parts import FormParts
from stageproxy.web.upload.form_scanner import (
    LONGEST_HEADER,
    MOST_HEADERS,
    MOST_IGNORED,
    FormError,
    FormScanner,
    PartEnd,
    PartHead,
    boundary_in,
)
from tests.support.builders.forms import BOUNDARY, FORM, Part, body_of

Found = tuple[str, str | None, bytes]
"""The name of a part, its filename, and its content."""

OPENING = f"--{BOUNDARY}\r\n".encode()
END = f"--{BOUNDARY}--\r\n".encode()
DELIMITER = b"\r\n--" + BOUNDARY.encode()
ONE = Part("name", b"demo")


def scanned(pieces: Iterable[bytes], content_type: str = FORM) -> list[Found] | None:
    """Return the parts of a form that comes in *pieces*, or `None` if it is none."""
    scanner = FormScanner(boundary_in(content_type))
    parts: list[Found] = []
    try:
        for event in itertools.chain.from_iterable(map(scanner.feed, pieces)):
            if isinstance(event, PartHead):
                parts.append((event.name, event.filename, b""))
            elif isinstance(event, memoryview):
                name, filename, content = parts[-1]
                parts[-1] = name, filename, content + bytes(event)
        scanner.close()
    except FormError:
        return None
    return parts


def read_by_aiohttp(body: bytes, content_type: str = FORM) -> list[Found] | None:
    """Return what aiohttp reads of a form."""
    return asyncio.run(_read_by_aiohttp(body, content_type))


async def _read_by_aiohttp(body: bytes, content_type: str) -> list[Found] | None:
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), 2**20, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    parts: list[Found] = []
    try:
        reader = MultipartReader(
            {"Content-Type": content_type},
            stream,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                return None
            content = b""
            while chunk := await part.read_chunk(2**20):
                content += chunk
            parts.append((part.name or "", part.filename, content))
    except (ValueError, AssertionError, LookupError, RuntimeError, HttpProcessingError):
        return None
    return parts


def split_at(body: bytes, places: Iterable[int]) -> list[bytes]:
    """Return a body in pieces that end at some *places*."""
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in itertools.pairwise(edges)]


CONTENTS = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", DELIMITER[:-1], BOUNDARY.encode(), b"PK\x03"])
    | st.binary(max_size=40)
).map(b"".join)
PARTS = st.lists(
    st.builds(
        Part,
        name=st.text("abc_ü", min_size=1, max_size=8),
        content=CONTENTS.filter(lambda content: DELIMITER not in b"\r\n" + content + b"\r\n"),
        filename=st.none() | st.text("ab. ü/", max_size=8),
        content_type=st.none() | st.sampled_from(["text/plain", "application/octet-stream"]),
    ),
    max_size=4,
)
PLACES = st.lists(st.integers(0, 2000), max_size=30)


@given(parts=PARTS, places=PLACES)
def test_any_form_in_any_pieces(parts: Sequence[Part], places: Sequence[int]) -> None:
    """For any form, and wherever it is split, its parts are those that aiohttp reads."""
    body = body_of(parts)

    found = scanned(split_at(body, places))

    assert found == read_by_aiohttp(body)
    assert found is not None
    assert [content for _, _, content in found] == [part.content for part in parts]


LINES = st.sampled_from(
    [
        OPENING,
        END,
        DELIMITER,
        b"--" + BOUNDARY.encode(),
        b"--" + BOUNDARY.encode() + b" \t\r\n",
        b"--" + BOUNDARY.encode() + b"\n",
        b"--" + BOUNDARY.encode() + b"x\r\n",
        b"--" + BOUNDARY.encode() + b"--",
        b'Content-Disposition: form-data; name="name"\r\n',
        b'Content-Disposition: form-data; name="content"; filename="a"\n',
        b"Content-Disposition: form-data; name*=utf-8''n%C3%A4; filename*=utf-8''%2Fa\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Type: multipart/mixed\r\n",
        b"Content-Type: text/plain; charset=utf-16\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"--",
        b"text",
        b"=3D\r\n",
        b"Zm9v\r\n",
    ]
)


@given(body=st.lists(LINES, max_size=16).map(b"".join), places=PLACES)
def test_any_body_in_any_pieces(body: bytes, places: Sequence[int]) -> None:
    """For any body, broken ones too, what is accepted and found is what aiohttp accepts."""
    opened = OPENING + body + b"\r\n" + END

    for one in (body, opened):
        assert scanned(split_at(one, places)) == read_by_aiohttp(one)


def test_boundary_that_comes_byte_by_byte() -> None:
    """A boundary that is split across pieces ends the part, wherever it is split."""
    body = body_of([Part("content", b"PK\r\n\r\n--" + BOUNDARY[:-1].encode(), "a.whl"), ONE])

    for size in range(1, 60):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        assert scanned(pieces) == read_by_aiohttp(body)


CASES = {
    "a preamble": b"This is a form.\r\n" + body_of([ONE]),
    "an epilogue": body_of([ONE]) + b"More.\r\n" * 5,
    "line feeds alone": body_of([ONE]).replace(b"\r\n", b"\n"),
    "line feeds alone around an empty part": OPENING + b"A: b\n\n" + END,
    "no end": body_of([ONE]).removesuffix(END),
    "an end without a line break": body_of([ONE]).removesuffix(b"\r\n"),
    "an end at the start": END,
    "an empty part": OPENING + b"\r\n" + END,
    "a base64 part": OPENING
    + b"Content-Transfer-Encoding: base64\r\n\r\nZm9vYg\r\n=="
    + DELIMITER
    + b"--",
    "a part with a length": OPENING + b"Content-Length: 2\r\n\r\nlonger" + DELIMITER + b"--",
    "a folded header": OPENING + b"A: b\r\n c: d\r\n\r\nx" + DELIMITER + b"--",
    "as many headers as allowed": OPENING + b"A: b\r\n" * 128 + b"\r\nx" + DELIMITER + b"--",
    "a header too many": OPENING + b"A: b\r\n" * 129 + b"\r\nx" + DELIMITER + b"--",
    "the longest header": OPENING + b"A:" + b"b" * 32_756 + b"\r\n\r\nx" + DELIMITER + b"--",
    "a longer header": OPENING + b"A:" + b"b" * 32_757 + b"\r\n\r\nx" + DELIMITER + b"--",
}


@pytest.mark.parametrize("body", CASES.values(), ids=CASES)
def test_rare_forms(body: bytes) -> None:
    """What is rare in forms is accepted or refused as by aiohttp."""
    assert scanned([body]) == read_by_aiohttp(body)


TYPES = {
    "quoted": (f'multipart/form-data; charset=x; boundary="{BOUNDARY}"', True),
    "in capitals": (f"Multipart/Form-Data; BOUNDARY={BOUNDARY}", True),
    "of the longest length": (f"multipart/form-data; boundary={'x' * 70}", True),
    "longer": (f"multipart/form-data; boundary={'x' * 71}", False),
    "missing": ("multipart/form-data", False),
}


@pytest.mark.parametrize(("content_type", "is_valid"), TYPES.values(), ids=TYPES)
def test_boundaries(content_type: str, *, is_valid: bool) -> None:
    """A boundary may be quoted, and has at most 70 characters."""
    if is_valid:
        assert boundary_in(content_type) in {f"--{BOUNDARY}".encode(), b"--" + b"x" * 70}
        return
    with pytest.raises(FormError):
        boundary_in(content_type)


def test_content_is_not_copied() -> None:
    """The content of a part is a view of the piece that it came in."""
    opening, content = OPENING + b"\r\nx", b"y" * 1000
    scanner = FormScanner(boundary_in(FORM))

    events = [*scanner.feed(opening), *scanner.feed(content), *scanner.feed(DELIMITER)]

    views = [one for one in events if isinstance(one, memoryview)]
    assert views[-1].obj is content
    assert isinstance(events[-1], PartEnd)


@pytest.mark.parametrize("body", [b"x\r\n", END + b"x"], ids=["before", "after"])
def test_what_is_ignored_is_bounded(body: bytes) -> None:
    """What precedes the first boundary or follows the last one is ignored, up to a limit."""
    rest = b"x" * (MOST_IGNORED // 10) + b"\r\n"
    scanner = FormScanner(boundary_in(FORM))
    scanned_so_far = [*scanner.feed(body + rest * 9)]

    with pytest.raises(FormError):
        list(scanner.feed(rest))

    assert scanned_so_far == []


def test_lines_before_the_form_are_few() -> None:
    """Megabytes of empty lines before a form would keep the server busy for many seconds."""
    scanner = FormScanner(boundary_in(FORM))

    with pytest.raises(FormError):
        list(scanner.feed(b"\n" * 20_000))


async def test_body_is_read_to_its_end() -> None:
    """A form counts when its whole body has come, even if that has more after the form."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    body = StreamReader(protocol, 2**20, loop=loop)
    request = make_mocked_request("POST", "/legacy/", {"Content-Type": FORM}, payload=body)
    reading = asyncio.ensure_future(names_in(FormParts(request)))
    body.feed_data(body_of([ONE]))
    for _ in range(5):
        await asyncio.sleep(0)
    was_read = reading.done()

    body.feed_data(b"More.")
    body.feed_eof()

    assert (was_read, await reading) == (False, ["name"])


async def names_in(parts: FormParts) -> list[str]:
    """Return the names of all parts of a form."""
    return [head.name async for head in parts.heads()]
