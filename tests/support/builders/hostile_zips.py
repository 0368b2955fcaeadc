"""Hostile wheels."""

import csv
import hashlib
import io
import stat
import struct
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import a_wheel
from tests.support.builders.hostile import HONEST_WHEEL, Fate, Hostile
from tests.support.builders.raw_zips import Entry, deflated, end_record, raw_zip, zip64_end

MIB = 2**20
ROOT = "demo-1.0.dist-info"
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: A demo\n"
HEAD = {
    "demo/__init__.py": b"VERSION = '1.0'\n",
    f"{ROOT}/METADATA": METADATA,
    f"{ROOT}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
}
RECORD = f"{ROOT}/RECORD"
ZEROS = bytes(100 * MIB)


def wheel(*more: Entry, **changes: Entry | bytes | None) -> bytes:
    """Return a wheel with *more* members, and with other METADATA, WHEEL or RECORD."""
    return raw_zip(entries(*more, **changes))


def entries(*more: Entry, **changes: Entry | bytes | None) -> list[Entry]:
    """Return the members of a wheel with changes, and a valid RECORD."""
    listed = [*_described(**changes), *more]
    values = changes.get("RECORD", record_of(listed))
    record = values if isinstance(values, Entry) else Entry(RECORD, values or b"")
    return [*listed[: len(HEAD)], record, *listed[len(HEAD) :]]


def record_of(members: Iterable[Entry]) -> bytes:
    """Return a valid RECORD of members whose names are text."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    for member in members:
        if isinstance(member.name, str):
            digest = urlsafe_b64encode(hashlib.sha256(member.content).digest()).rstrip(b"=")
            rows.writerow([member.name, f"sha256={digest.decode()}", len(member.content)])
    rows.writerow([RECORD, "", ""])
    return written.getvalue().encode()


def _described(**changes: Entry | bytes | None) -> Iterator[Entry]:
    for path, usual in HEAD.items():
        changed = changes.get(path.rpartition("/")[2], usual)
        if isinstance(changed, Entry):
            yield changed
        elif changed is not None:
            yield Entry(path, changed)
    if isinstance(content := changes.get("entry_points.txt"), bytes):
        yield Entry(f"{ROOT}/entry_points.txt", content)


def named(name: str | bytes, fate: Fate) -> Hostile:
    """Return a wheel with a member of that name."""
    return Hostile(partial(wheel, Entry(name, b"evil")), fate)


def of_mode(mode: int) -> Hostile:
    """Return a wheel with a member that is not a regular file."""
    return Hostile(partial(wheel, Entry("demo/x", b"/etc/passwd", mode=mode)), Fate.NOTED)


def unlike(fate: Fate = Fate.NOTED, **local: object) -> Hostile:
    """Return a wheel whose METADATA has a local header with other values."""
    entry = Entry(f"{ROOT}/METADATA", METADATA, local=local)
    return Hostile(lambda: wheel(METADATA=entry), fate)


def declared(fate: Fate = Fate.REFUSED, **both: object) -> Hostile:
    """Return a wheel whose METADATA has two headers with the same wrong values."""
    entry = Entry(f"{ROOT}/METADATA", METADATA, local=dict(both), central=dict(both))
    return Hostile(lambda: wheel(METADATA=entry), fate)


def containing(fate: Fate, **contents: bytes) -> Hostile:
    """Return a wheel whose METADATA, or other file, has given contents."""
    return Hostile(lambda: wheel(**contents), fate)


def framed(**how: object) -> Hostile:
    """Return a wheel with bytes around its members, or with an odd end."""
    return Hostile(lambda: raw_zip(entries(), **how))  # type: ignore[arg-type] # passed on


def many_members(count: int) -> bytes:
    """Return a zip whose directory lists one member *count* times."""
    one = raw_zip([Entry("x")])
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    return one[:start] + one[start:end] * count + end_record(count, (end - start) * count, start)


def overlapping() -> bytes:
    """Return a zip whose members, of many names, are the same bytes of the file."""
    values = {"size": len(ZEROS), "crc": zlib.crc32(ZEROS)}
    packed = deflated(ZEROS)
    same = (
        Entry(f"x{number}", packed=packed, local=values, central=values, alone=number > 0)
        for number in range(1000)
    )
    return raw_zip([*entries(), *same])


def nested() -> bytes:
    """Return a wheel with a zip in a zip in a zip, of which the innermost is a bomb."""
    inner = zip_of([("zeros", ZEROS)])
    for _ in range(10):
        inner = zip_of([("inner.zip", inner)])
    return wheel(Entry("demo/inner.zip", inner))


def large_directory() -> bytes:
    """Return a zip whose names have the greatest possible length."""
    return raw_zip(Entry(f"{number:05}".encode() * 13_000, b"") for number in range(400))


def zip64(*, at: int = 0, count: int = 4, size: int | None = None) -> bytes:
    """Return a wheel with wrong ZIP64 records."""
    plain = raw_zip(entries())
    end = plain.index(b"PK\x05\x06")
    start = plain.index(b"PK\x01\x02")
    record = zip64_end(count, end - start if size is None else size, start, at=at or end)
    return plain[:end] + record + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def swapped() -> bytes:
    """Return a wheel whose directory swaps METADATA and RECORD."""
    plain = raw_zip(entries())
    places = [plain.index(f"{ROOT}/{name}".encode()) - 30 for name in ("METADATA", "RECORD")]
    contents = {"METADATA": METADATA, "RECORD": record_of(_described())}
    turned = dict(zip(("METADATA", "RECORD"), reversed(places), strict=True))
    return wheel(
        **{
            name: Entry(f"{ROOT}/{name}", contents[name], central={"offset": offset})
            for name, offset in turned.items()
        }
    )


def _names() -> Mapping[str, Hostile]:
    harmless = {
        "a name of other digits": "demo/\u0660.py",
        "a name composed otherwise": "demo/e\u0301.py",
        "a file that is a directory": "demo/__init__.py/x",
        "a name of markup": "demo/<script>alert(1)</script>",
    }
    harmful = {
        "a path out of the tree": "../../evil.py",
        "a path out of the tree, within": "demo/../../evil.py",
        "an absolute path": "/etc/cron.d/evil",
        "a drive letter": "C:\\evil.py",
        "backslashes": "..\\..\\evil.py",
        "a share": "\\\\host\\share\\evil",
        "a bidirectional name": "demo/\u202eyp.live",
        "a name in another case": "demo/__INIT__.py",
        "a reserved name": "demo/CON.py",
        "a space at the end": "demo/x ",
        "two slashes": "demo//x",
        "a dot on the way": "demo/./x",
        "a long name": "x" * 300,
        "a very long name": "x/" * 30_000,
        "a deep name": "d/" * 10_000 + "x",
    }
    control = {
        "no name": "",
        "a name with DEL": "demo/x\x7f.py",
        "a name with NUL": "demo/x\x00.py",
        "a name with a control character": "demo/\x1b[2J",
        "a name with a line end": "demo/x\r\nSet-Cookie: a=b",
    }
    return {
        **{case: named(name, Fate.ANSWERED) for case, name in harmless.items()},
        **{case: named(name, Fate.NOTED) for case, name in harmful.items()},
        **{case: named(name, Fate.REFUSED) for case, name in control.items()},
        "a name that is no UTF-8": named(b"demo/\xff\xfe", Fate.REFUSED),
        "a member twice": Hostile(lambda: wheel(Entry(f"{ROOT}/METADATA", b"Name: other\n"))),
        "METADATA twice": Hostile(lambda: wheel(*entries())),
    }


def _frames() -> Mapping[str, Hostile]:
    plain = raw_zip(entries())
    start, end = plain.index(b"PK\x01\x02"), plain.index(b"PK\x05\x06")
    refused = {
        "bytes before it": framed(before=b"#!/bin/sh\n"),
        "bytes behind it": Hostile(lambda: plain + b"evil"),
        "another zip behind it": Hostile(lambda: plain + zip_of([("x", b"")])),
        "a directory that is elsewhere": framed(offset=start + 7),
        "a directory beyond the end": framed(offset=2**31),
        "a directory of another size": framed(size=2**31),
        "a directory that is cut off": Hostile(lambda: plain[: end - 20] + plain[end:]),
        "a count that is too high": framed(count=65_000),
        "a count that is too low": framed(count=1),
        "a gap before the directory": framed(between=bytes(1000)),
        "a comment that has an end of its own": framed(comment=end_record(0, 0, 0)),
        "a comment of another length": framed(length=65_535),
        "a data descriptor": declared(Fate.REFUSED, flags=8),
        "only an end": Hostile(lambda: end_record(0, 0, 0)),
        "zip64 with no place": Hostile(lambda: zip64(at=2**62)),
        "zip64 with a huge count": Hostile(lambda: zip64(count=2**63)),
        "zip64 with a huge directory": Hostile(lambda: zip64(size=2**63 - 1)),
        "zip64 for no reason": Hostile(zip64, Fate.ANSWERED),
    }
    broken = {
        "an extra field that is cut off": struct.pack("<HH", 1, 8) + b"abc",
        "an extra field of three bytes": b"abc",
        "an extra field of zip64 that lies": struct.pack("<HHQQ", 1, 16, 2**63, 2**63),
        "an extra field of zip64 of another size": struct.pack("<HHLQ", 1, 12, 0, 0),
    }
    refused |= {case: declared(extra=extra) for case, extra in broken.items()}
    name = struct.pack("<HHBL", 0x7075, 9, 1, 0) + b"evil"
    refused["an extra field with another name"] = declared(Fate.NOTED, extra=name)
    extras = {
        "a large extra field": struct.pack("<HH", 0xCAFE, 60_000) + bytes(60_000),
    }
    return refused | {case: declared(Fate.ANSWERED, extra=extra) for case, extra in extras.items()}


def _headers() -> Mapping[str, Hostile]:
    return {
        "another name in the local header": unlike(
            Fate.REFUSED, name=b"demo-1.0.dist-info/METADATB"
        ),
        "another method in the local header": unlike(method=0),
        "another size in the local header": unlike(Fate.REFUSED, size=1, packed=1),
        "another checksum in the local header": unlike(crc=1),
        "other flags in the local header": unlike(flags=0),
        "a wrong checksum": declared(crc=1),
        "a size that is too small": declared(size=10),
        "a size that is too large": declared(Fate.ANSWERED, size=10**6),
        "a size beyond the file": declared(packed=10**6),
        "an offset beyond the file": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA", central={"offset": 2**31}))
        ),
        "offsets that are swapped": Hostile(swapped),
        "encrypted": declared(flags=1),
        "strongly encrypted": declared(flags=0x41),
        "a patch": declared(flags=0x20),
        "an encrypted directory": declared(Fate.ANSWERED, flags=0x2000),
        **{f"method {number}": declared(method=number) for number in (1, 6, 9, 12, 14, 93, 97, 99)},
        "garbage that is not deflated": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA", METADATA, packed=b"\xff" * 50))
        ),
        "slack behind what is deflated": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA", packed=b"\x03\x00" + bytes(99))),
            Fate.NOTED,
        ),
        "a link": of_mode(stat.S_IFLNK | 0o777),
        "a device": of_mode(stat.S_IFBLK | 0o666),
        "a pipe": of_mode(stat.S_IFIFO | 0o666),
        "METADATA that is a link": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA", METADATA, mode=stat.S_IFLNK)),
            Fate.NOTED,
        ),
        "METADATA that is a directory": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA/", b"")),
        ),
    }


def _contents() -> Mapping[str, Hostile]:
    many_headers = b"".join(b"X-%d: x\n" % number for number in range(180_000))
    nest = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(2000)
    )
    script = b"Name: <script>alert(1)</script>\nVersion: '><img src=x onerror=alert(1)>\n"
    large = b"x" * (60 * MIB)
    lines = b"[console_scripts]\n" + b"a\n" * MIB
    return {
        "huge METADATA": containing(Fate.REFUSED, METADATA=large),
        "METADATA of many headers": containing(Fate.NOTED, METADATA=many_headers),
        "METADATA that nests": containing(Fate.NOTED, METADATA=nest),
        "METADATA of one long line": containing(Fate.NOTED, METADATA=b"Name: " + b"x" * MIB),
        "METADATA of markup": containing(Fate.NOTED, METADATA=script),
        "METADATA that is binary": containing(Fate.NOTED, METADATA=bytes(range(256)) * 4000),
        "METADATA of another project": containing(
            Fate.NOTED, METADATA=METADATA.replace(b"demo", b"other")
        ),
        "METADATA of another version": containing(
            Fate.NOTED, METADATA=METADATA.replace(b"1.0", b"9" * 10_000)
        ),
        "huge WHEEL": containing(Fate.REFUSED, WHEEL=large),
        "huge RECORD": containing(Fate.REFUSED, RECORD=large),
        "RECORD of many lines": containing(Fate.NOTED, RECORD=b"a,b,c\n" * (5 * MIB)),
        "RECORD of one open quote": containing(Fate.REFUSED, RECORD=b'"' + large),
        "RECORD with other hashes": containing(
            Fate.NOTED, RECORD=b"demo/__init__.py,sha256=AAAA,1\n../../x,,\n"
        ),
        "huge entry points": containing(Fate.NOTED, **{"entry_points.txt": large}),
        "entry points that are slow to read": containing(Fate.NOTED, **{"entry_points.txt": lines}),
        "entry points that are no such lines": containing(
            Fate.REFUSED, **{"entry_points.txt": lines[: 200 * 2**10]}
        ),
        "entry points that are indented and no such lines": containing(
            Fate.REFUSED, **{"entry_points.txt": b"[console_scripts]\n" + b" a\n" * 20_000}
        ),
        "entry points that lead out of the tree": containing(
            Fate.REFUSED, **{"entry_points.txt": b"[console_scripts]\n../../evil = demo:main\n"}
        ),
    }


def _bombs() -> Mapping[str, Hostile]:
    return {
        "a bomb": Hostile(lambda: wheel(Entry("zeros", ZEROS))),
        "a bomb that is METADATA": Hostile(lambda: wheel(METADATA=ZEROS)),
        "a bomb that says it is small": Hostile(
            lambda: wheel(METADATA=Entry(f"{ROOT}/METADATA", ZEROS, central={"size": 100})),
        ),
        "a bomb of overlapping members": Hostile(overlapping),
        "a bomb in a zip in a zip": Hostile(nested, Fate.ANSWERED),
        "100,000 members": Hostile(lambda: many_members(100_001)),
        "a million members": Hostile(lambda: many_members(10**6)),
        "a large directory": Hostile(large_directory),
    }


HOSTILE_WHEELS: Mapping[str, Hostile] = {
    **_names(),
    **_frames(),
    **_headers(),
    **_contents(),
    **_bombs(),
    "nothing": Hostile(bytes),
    "a wheel": Hostile(lambda: HONEST_WHEEL.content, Fate.ANSWERED),
    "an ELF file": Hostile(lambda: b"\x7fELF" + bytes(1000)),
    "another project's wheel": Hostile(lambda: a_wheel("other").content),
}
