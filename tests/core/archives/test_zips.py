"""Zips whose headers and directory disagree, or that contain bytes of neither."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import pytest

from stageproxy.core.archives.zips import problem_with_frame
from tests.support.builders.archives import ZipStyle, zip_of

MEMBERS = [("a.py", b"x = 1\n"), ("b.py", b"y = 2\n")]
PLAIN = zip_of(MEMBERS, ZipStyle(method=zipfile.ZIP_STORED))
CENTRAL, END = PLAIN.index(b"PK\x01\x02"), PLAIN.index(b"PK\x05\x06")


def problem(content: bytes) -> str | None:
    """Return the problem with the structure of a zip."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file) as archive:
        return problem_with_frame(archive, file)


def patched(place: int, code: str, value: int) -> bytes:
    """Return the plain zip with another number at a position."""
    changed = bytearray(PLAIN)
    struct.pack_into(f"<{code}", changed, place, value)
    return bytes(changed)


def in_local(name: bytes) -> bytes:
    """Return the plain zip whose first header has another name than the directory."""
    return PLAIN.replace(b"a.py", name, 1)


def in_both(name: bytes) -> bytes:
    """Return the plain zip with another name for its first member."""
    return PLAIN.replace(b"a.py", name)


def with_extra(*fields: bytes) -> bytes:
    """Return a zip of one member whose local header has extra fields."""
    entry = zipfile.ZipInfo("a.py", (2020, 1, 1, 0, 0, 0))
    entry.extra = b"".join(fields)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, b"")
    return buffer.getvalue()


def in_zip64() -> bytes:
    """Return the plain zip with ZIP64 records."""
    size, records = END - CENTRAL, len(MEMBERS)
    end_64 = struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, records, records, size, CENTRAL)
    locator = struct.pack("<LQL", 0, END, 1)
    records_64 = b"PK\x06\x06" + end_64 + b"PK\x06\x07" + locator
    return PLAIN[:END] + records_64 + PLAIN[END:]


def with_local_only() -> bytes:
    """Return a zip with a member that the directory does not list."""
    extra = zip_of([("c.py", b"")], ZipStyle(method=zipfile.ZIP_STORED))
    local = extra[: extra.index(b"PK\x01\x02")]
    moved = bytearray(PLAIN[:CENTRAL] + local + PLAIN[CENTRAL:])
    struct.pack_into("<L", moved, END + len(local) + 16, CENTRAL + len(local))
    return bytes(moved)


def with_another_entry(name: bytes) -> bytes:
    """Return a zip whose directory lists its second member twice, also under a *name*."""
    entries = PLAIN[CENTRAL:END]
    middle = entries.index(b"PK\x01\x02", 4)
    third = entries[middle:].replace(b"b.py", name)
    end = bytearray(PLAIN[END:])
    struct.pack_into("<2H", end, 8, 3, 3)
    struct.pack_into("<L", end, 12, len(entries) + len(third))
    return PLAIN[:END] + third + bytes(end)


ODD: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "another name in the header": (
        lambda: in_local(b"z.py"),
        "Filename not in central directory",
    ),
    "a member of the headers alone": (with_local_only, "Filename not in central directory"),
    "a member of the directory alone": (
        lambda: with_another_entry(b"c.py"),
        "Missing filename in local headers",
    ),
    "a control character": (lambda: in_both(b"a\x01py"), "Invalid character in filename"),
    "a name that is not UTF-8": (lambda: in_both(b"\xe9.py"), "Filename not unicode"),
    "another size in the directory": (
        lambda: patched(CENTRAL + 24, "L", 5),
        "Mis-matched file size",
    ),
    "another packed size in the header": (lambda: patched(18, "L", 5), "Mis-matched data size"),
    "a member twice in the headers": (
        lambda: PLAIN.replace(b"b.py", b"a.py"),
        "Duplicate filename in local headers",
    ),
    "a member twice in the directory": (
        lambda: with_another_entry(b"b.py"),
        "Duplicate filename in central directory",
    ),
    "a comment on a member": (
        lambda: zip_of(MEMBERS, ZipStyle(member_comment="x")),
        "Comment in central directory",
    ),
    "a data descriptor": (lambda: patched(6, "H", 8), "ZIP contains a data descriptor"),
    "an extra field twice": (
        lambda: with_extra(*[struct.pack("<2H", 0x7075, 0)] * 2),
        "Invalid duplicate extra in local file",
    ),
    "bytes before it": (lambda: b"#!/bin/sh\n" + PLAIN, "Unknown record signature"),
    "bytes behind it": (lambda: PLAIN + b"x", "Trailing data"),
}


@pytest.mark.parametrize(("build", "reason"), ODD.values(), ids=ODD)
def test_ambiguous_zip_is_refused(build: Callable[[], bytes], reason: str) -> None:
    """PyPI refuses a zip that two installers could unpack differently."""
    assert problem(build()) == f"ZIP archive not accepted: {reason}"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        zip_of(MEMBERS),
        zip_of([]),
        zip_of(MEMBERS, ZipStyle(archive_comment="hello")),
        zip_of([("é.py", b""), ("a/", b"")]),
        in_zip64(),
        with_extra(struct.pack("<2H", 0x7075, 0)),
    ],
    ids=["stored", "deflated", "empty", "a comment", "UTF-8", "large", "an extra field"],
)
def test_plain_zip_is_accepted(content: bytes) -> None:
    """A zip that every reader unpacks alike is accepted."""
    assert problem(content) is None
