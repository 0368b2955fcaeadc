"""Each field of each record of a zip, with a value that contradicts the others."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from stageproxy.core.archives.zip_differences import differences_in
from stageproxy.core.archives.zips import problem_with_frame
from tests.support.builders.archives import ZipStyle, zip_of
from tests.support.builders.raw_zips import Entry, end_record, raw_zip, zip64_end

MEMBERS = [Entry("a.py", b"x = 1\n" * 20), Entry("b.py", b"y = 2\n")]
SIZE, PACKED = len(MEMBERS[0].content), len(MEMBERS[0].data)
PLAIN = raw_zip(MEMBERS)
CENTRAL, END = PLAIN.index(b"PK\x01\x02"), PLAIN.index(b"PK\x05\x06")
SENTINEL = 0xFFFFFFFF

LOCAL_DIFFERS = "Local headers of the zip do not match its central directory: 'a.py'."
NAME_DIFFERS = "Extra fields of the zip are malformed or give other names: 'a.py'."
END_DIFFERS = "The end of the zip does not match its ZIP64 record."
MALFORMED = "Malformed zip file"

Build = Callable[[], bytes]


def verdict(content: bytes) -> tuple[str, ...]:
    """Return why a zip is refused, or else what is reported about it."""
    file = io.BytesIO(content)
    try:
        with zipfile.ZipFile(file) as archive:
            problem = problem_with_frame(archive, file)
            return (problem,) if problem else tuple(differences_in(archive, file))
    except zipfile.BadZipFile:
        return refused()  # depends on the version of Python


def refused(reason: str = MALFORMED) -> tuple[str, ...]:
    """Return PyPI's sentence."""
    return (f"ZIP archive not accepted: {reason}",)


def patched(place: int, code: str, value: int, *, zip_: bytes = PLAIN) -> Build:
    """Return the zip with another number at a position."""
    changed = bytearray(zip_)
    struct.pack_into(f"<{code}", changed, place, value)
    return lambda: bytes(changed)


def with_extra(extra: bytes, *, is_central: bool = False, **values: object) -> Build:
    """Return a zip whose first member has an extra field in one of its headers."""
    changes = {"extra": extra, **values}
    entry = Entry(
        "a.py",
        MEMBERS[0].content,
        central=changes if is_central else {},
        local={} if is_central else changes,
    )
    return lambda: raw_zip([entry, MEMBERS[1]])


def field(kind: int, content: bytes, length: int | None = None) -> bytes:
    """Return an extra field; *length* is the length that it declares."""
    return struct.pack("<2H", kind, len(content) if length is None else length) + content


def sizes(*numbers: int, more: bytes = b"") -> bytes:
    """Return an extra field of ZIP64."""
    return field(1, struct.pack(f"<{len(numbers)}Q", *numbers) + more)


def unicode_path(name: bytes) -> bytes:
    """Return an extra field with another name."""
    return field(0x7075, struct.pack("<BL", 1, 0) + name)


def zip64(*, at: int = END, last: bytes | None = None, locator: bool = True) -> bytes:
    """Return the plain zip with the records of ZIP64 and another *last* record."""
    records = zip64_end(2, END - CENTRAL, CENTRAL, at=at)
    last = end_record(0xFFFF, SENTINEL, SENTINEL) if last is None else last
    return PLAIN[:END] + (records if locator else records[:56]) + last


LARGE = zip64()
LOCATOR, LAST = END + 56, END + 76

LOCAL: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "version": (patched(4, "H", 45), ()),
    "flags": (patched(6, "H", 0), (LOCAL_DIFFERS,)),
    "flag of a data descriptor": (patched(6, "H", 8), refused("ZIP contains a data descriptor")),
    "method": (patched(8, "H", 0), (LOCAL_DIFFERS,)),
    "time": (patched(10, "H", 1), ()),
    "checksum": (patched(14, "L", 1), (LOCAL_DIFFERS,)),
    "packed size": (patched(18, "L", 1), refused("Mis-matched data size")),
    "size": (patched(22, "L", 1), refused("Mis-matched file size")),
    "length of the name": (patched(26, "H", 3), refused("Filename not in central directory")),
    "length of the extra fields": (patched(28, "H", 4), refused()),
    "name": (patched(30, "B", 0x7A), refused("Filename not in central directory")),
}

DIRECTORY: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "version": (patched(CENTRAL + 4, "H", 0x32D), ()),
    "flags": (patched(CENTRAL + 8, "H", 0), (LOCAL_DIFFERS,)),
    "method": (patched(CENTRAL + 10, "H", 0), (LOCAL_DIFFERS,)),
    "checksum": (patched(CENTRAL + 16, "L", 1), (LOCAL_DIFFERS,)),
    "packed size": (patched(CENTRAL + 20, "L", 1), refused("Mis-matched data size")),
    "size": (patched(CENTRAL + 24, "L", 1), refused("Mis-matched file size")),
    "disk": (patched(CENTRAL + 34, "H", 1), refused()),
    "attributes": (patched(CENTRAL + 36, "H", 1), ()),
    "offset": (
        patched(CENTRAL + 42, "L", CENTRAL // 2),
        refused("Mismatched central directory offset"),
    ),
    "name": (patched(CENTRAL + 46, "B", 0x7A), refused("Filename not in central directory")),
}

ENDS: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "disk": (patched(END + 4, "H", 1), refused()),
    "disk of the directory": (patched(END + 6, "H", 1), refused()),
    "members on this disk": (patched(END + 8, "H", 1), refused()),
    "members": (patched(END + 10, "H", 3), refused()),
    "members, twice": (
        patched(END + 8, "L", 3 << 16 | 3),
        refused("Mismatched central directory records"),
    ),
    "comment": (patched(END + 20, "H", 3), refused("Trailing data")),
}

NAMES: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    f"character {code:#x}": (
        partial(raw_zip, [Entry(b"a" + bytes([code]) + b".py")]),
        refused("Invalid character in filename"),
    )
    for code in (0x01, 0x1F, 0x7F)
}

EXTRAS: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "three bytes": (with_extra(b"abc"), refused()),
    "three bytes behind a field": (with_extra(field(0xCAFE, b"") + b"abc"), refused()),
    "longer than the header says": (with_extra(field(0xCAFE, b"abc", 4)), refused()),
    "zip64, too long": (with_extra(field(1, b"abc", 16)), refused()),
    **{
        f"zip64 of {length} bytes": (with_extra(field(1, bytes(length))), refused())
        for length in (1, 4, 7, 12, 20, 32)
    },
    "zip64 of one number for a packed member": (with_extra(sizes(SIZE), size=SENTINEL), refused()),
    "zip64 of nothing, referred to": (
        with_extra(sizes(), packed=SENTINEL, size=SENTINEL),
        refused(),
    ),
    "zip64 of nothing": (with_extra(sizes()), ()),
    "zip64 with another size": (
        with_extra(sizes(1, PACKED), size=SENTINEL),
        refused("Mis-matched file size"),
    ),
    "zip64 with another packed size": (
        with_extra(sizes(SIZE, 1)),
        refused("Mis-matched data size"),
    ),
    "zip64 as it should be": (
        with_extra(sizes(SIZE, PACKED), packed=SENTINEL, size=SENTINEL),
        (),
    ),
    "zip64 twice": (
        with_extra(sizes(SIZE, PACKED) * 2),
        refused("Invalid duplicate extra in local file"),
    ),
    "a path with DEL": (
        with_extra(unicode_path(b"\x7f")),
        refused("Invalid character in filename"),
    ),
    "a path that is not UTF-8": (
        with_extra(unicode_path(b"\xff")),
        refused("Filename not valid UTF-8"),
    ),
    "another path": (with_extra(unicode_path(b"evil.py")), (NAME_DIFFERS,)),
    "the same path": (with_extra(unicode_path(b"a.py")), ()),
    "another path in the directory": (
        with_extra(unicode_path(b"evil.py"), is_central=True),
        (NAME_DIFFERS,),
    ),
    "three bytes in the directory": (with_extra(b"abc", is_central=True), (NAME_DIFFERS,)),
}

ENDS_64: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "as they should be": (lambda: LARGE, ()),
    "locator elsewhere": (lambda: zip64(at=0), refused()),
    "locator beyond the end": (lambda: zip64(at=2**62), refused()),
    "no locator": (
        lambda: zip64(locator=False, last=end_record(2, END - CENTRAL, CENTRAL)),
        refused(),
    ),
    "locator of nothing": (
        lambda: PLAIN[:END] + zip64_end(2, 0, 0, at=END)[56:] + PLAIN[END:],
        refused(),
    ),
    "length": (
        patched(END + 4, "Q", 45, zip_=LARGE),
        refused("ZIP64 extensible data not allowed"),
    ),
    "disk": (patched(END + 16, "L", 1, zip_=LARGE), refused()),
    "disk of the directory": (patched(END + 20, "L", 1, zip_=LARGE), refused()),
    "members on this disk": (patched(END + 24, "Q", 1, zip_=LARGE), refused()),
    "members": (patched(END + 32, "Q", 3, zip_=LARGE), refused()),
    "another number of members in the last record": (
        lambda: zip64(last=end_record(1, END - CENTRAL, CENTRAL)),
        (END_DIFFERS,),
    ),
    "another size in the last record": (
        lambda: zip64(last=end_record(2, 1, CENTRAL)),
        (END_DIFFERS,),
    ),
    "another offset in the last record": (
        lambda: zip64(last=end_record(2, END - CENTRAL, 0)),
        (END_DIFFERS,),
    ),
    "the same values in the last record": (
        lambda: zip64(last=end_record(2, END - CENTRAL, CENTRAL)),
        (),
    ),
    "disk in the last record": (patched(LAST + 4, "H", 1, zip_=LARGE), refused()),
    "disk in the locator": (patched(LOCATOR + 4, "L", 1, zip_=LARGE), refused()),
    "two disks in the locator": (patched(LOCATOR + 16, "L", 2, zip_=LARGE), refused()),
}


def cases(
    **tables: Mapping[str, tuple[Build, tuple[str, ...]]],
) -> Mapping[str, tuple[Build, tuple[str, ...]]]:
    """Return the cases of all tables, by table and field."""
    return {f"{name}: {case}": one for name, table in tables.items() for case, one in table.items()}


CASES = cases(local=LOCAL, directory=DIRECTORY, end=ENDS, name=NAMES, extra=EXTRAS, zip64=ENDS_64)


@pytest.mark.parametrize(("build", "expected"), CASES.values(), ids=CASES)
def test_field_that_contradicts_others(build: Build, expected: tuple[str, ...]) -> None:
    """What PyPI refuses is refused; other values that readers use are reported."""
    assert verdict(build()) == expected


def test_zip_of_a_stream_is_refused() -> None:
    """PyPI accepts no data descriptors, whether they are right or not."""
    content = zip_of([("a.py", b"x")], ZipStyle(streamed=True))

    assert verdict(content) == refused("ZIP contains a data descriptor")


def test_stored_member_may_have_one_number_of_zip64() -> None:
    """The size of a stored member is also its packed size."""
    values = {"method": 0, "packed": SENTINEL, "size": SENTINEL, "extra": sizes(1)}
    entry = Entry("a.py", b"x", packed=b"x", local=values, central={"method": 0})

    assert verdict(raw_zip([entry])) == ()
