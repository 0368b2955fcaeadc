"""Hostile sdists."""

import gzip
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tests.support.builders.archives import bzip2_of, gzip_of, tar_file, tar_of, zip_of
from tests.support.builders.hostile import HONEST_SDIST, Fate, Hostile

MIB = 2**20
ROOT = "demo-1.0"
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: A demo\n"
PKG_INFO = tar_file(f"{ROOT}/PKG-INFO", METADATA)
Member = tuple[tarfile.TarInfo, bytes]


def sdist(
    *before: Member, behind: Iterable[Member] = (), pkg_info: Member | None = PKG_INFO
) -> bytes:
    """Return an sdist with members before and after its PKG-INFO."""
    return gzip_of(tar_of([*before, *([pkg_info] if pkg_info else []), *behind]))


def member(name: str, content: bytes = b"", **values: Any) -> Member:
    """Return a member with any values in its header."""
    entry, _ = tar_file(name, content)
    for field, value in values.items():
        setattr(entry, field, value)
    return entry, content


def raw_header(name: str, kind: bytes, size: bytes, *, checked: bool = True) -> bytes:
    """Return a header with a size in any spelling."""
    entry = tarfile.TarInfo(name)
    entry.type = kind
    block = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size.ljust(12, b"\0")
    block[148:156] = b" " * 8
    total = sum(block) if checked else 1
    block[148:156] = b"%06o\0 " % total
    return bytes(block)


def headed(kind: bytes, size: bytes, data: bytes = b"", **how: bool) -> Hostile:
    """Return an sdist that starts with such a header."""
    return Hostile(
        lambda: gzip_of(raw_header("x", kind, size, **how) + data + tar_of([PKG_INFO])),
    )


def zeros(mebibytes: int) -> bytes:
    """Return a gzip of many zeros, which is small and fast to create."""
    return gzip_of(bytes(MIB)) * mebibytes


def bomb(kind: bytes = tarfile.REGTYPE, mebibytes: int = 4000) -> bytes:
    """Return an sdist with a member of zeros before its PKG-INFO."""
    size = b"%011o" % (mebibytes * MIB)
    return gzip_of(raw_header("zeros", kind, size)) + zeros(mebibytes) + gzip_of(tar_of([PKG_INFO]))


def pax(fate: Fate = Fate.ANSWERED, **headers: str) -> Hostile:
    """Return an sdist with a member that has extended headers."""
    return Hostile(lambda: sdist(member("demo-1.0/x", b"x", pax_headers=headers)), fate)


def chain_of_headers(kind: bytes) -> bytes:
    """Return an sdist that starts with a header for a header for a header."""
    one = raw_header("x", kind, b"%011o" % 512) + b"6 a=b\n".ljust(512, b"\0")
    return gzip_of(one * 20_000 + tar_of([PKG_INFO]))


def many_members(count: int) -> bytes:
    """Return an sdist of *count* empty members."""
    thousand = gzip_of(tarfile.TarInfo("demo-1.0/x").tobuf() * 1000)
    return thousand * (count // 1000) + gzip_of(tar_of([PKG_INFO]))


def linked(kind: bytes, to: str, fate: Fate = Fate.NOTED) -> Hostile:
    """Return an sdist with a link."""
    return Hostile(lambda: sdist(member("demo-1.0/x", type=kind, linkname=to)), fate)


def old_sparse() -> bytes:
    """Return an sdist with a sparse member in the old GNU format."""
    block = bytearray(raw_header("demo-1.0/x", tarfile.GNUTYPE_SPARSE, b"%011o" % 0))
    block[257:265] = b"ustar  \0"
    block[386:410] = b"%011o\0%011o\0" % (0, 0)
    block[482:483] = b"\1"
    block[483:495] = b"%011o\0" % (8 * 2**30 - 1)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    more = bytearray(512)
    more[504:505] = b"\1"
    return gzip_of(bytes(block) + bytes(more) * 1000 + tar_of([PKG_INFO]))


def _members() -> Mapping[str, Hostile]:
    names = {
        "a path out of the tree": "demo-1.0/../../evil.py",
        "an absolute path": "/etc/cron.d/evil",
        "a drive letter": "C:\\evil.py",
        "a second directory": "other/x",
        "no directory": "x",
        "no name": "",
        "a bidirectional name": "demo-1.0/\u202eyp.live",
        "a control character": "demo-1.0/\x1b[2J\r\nx",
        "a name in another case": "demo-1.0/pkg-info",
        "a long name": "demo-1.0/" + "x" * 5000,
        "a deep name": "demo-1.0/" + "d/" * 20_000,
        "a name that is no text": "demo-1.0/\udcff\udcfe",
    }
    kinds = {
        "a character device": tarfile.CHRTYPE,
        "a block device": tarfile.BLKTYPE,
        "a pipe": tarfile.FIFOTYPE,
        "a volume": b"V",
        "a directory dump": b"D",
        "an unknown kind": b"~",
        "a contiguous file": tarfile.CONTTYPE,
    }
    return {
        **{
            case: Hostile(
                partial(sdist, member(name, b"evil")),
                Fate.NOTED if name.startswith(ROOT) else Fate.REFUSED,
            )
            for case, name in names.items()
        },
        **{
            case: Hostile(
                partial(sdist, member("demo-1.0/x", type=kind)),
                Fate.ANSWERED if kind == tarfile.CONTTYPE else Fate.NOTED,
            )
            for case, kind in kinds.items()
        },
        "a link out of the tree": linked(tarfile.SYMTYPE, "../../../etc/passwd"),
        "an absolute link": linked(tarfile.SYMTYPE, "/etc/passwd"),
        "a hard link out of the tree": linked(tarfile.LNKTYPE, "../../etc/passwd"),
        "a link to itself": linked(tarfile.SYMTYPE, "x", Fate.ANSWERED),
        "PKG-INFO that is a link": Hostile(
            lambda: sdist(
                pkg_info=member(f"{ROOT}/PKG-INFO", type=tarfile.SYMTYPE, linkname="/etc/passwd")
            )
        ),
        "PKG-INFO that is a link to itself": Hostile(
            lambda: sdist(
                pkg_info=member(
                    f"{ROOT}/PKG-INFO", type=tarfile.LNKTYPE, linkname="demo-1.0/PKG-INFO"
                )
            )
        ),
        "PKG-INFO that is a device": Hostile(
            lambda: sdist(pkg_info=member(f"{ROOT}/PKG-INFO", type=tarfile.CHRTYPE))
        ),
        "PKG-INFO that is a directory": Hostile(
            lambda: sdist(pkg_info=member(f"{ROOT}/PKG-INFO", type=tarfile.DIRTYPE))
        ),
        "PKG-INFO twice": Hostile(lambda: sdist(behind=[PKG_INFO])),
    }


def _headers() -> Mapping[str, Hostile]:
    record = b"30 path=demo-1.0/elsewhere/x\n"
    return {
        "a negative size": headed(tarfile.REGTYPE, b"\xff" * 12),
        "a huge size": headed(tarfile.REGTYPE, b"\x80" + b"\x7f" * 11),
        "a size that is no number": headed(tarfile.REGTYPE, b"evil"),
        "a wrong checksum": headed(tarfile.REGTYPE, b"0", checked=False),
        "an extended header of a negative size": headed(tarfile.XHDTYPE, b"\xff" * 12),
        "an extended header of a huge size": headed(tarfile.XHDTYPE, b"\x80" + b"\x7f" * 11),
        "an extended header without end": headed(tarfile.XHDTYPE, b"%011o" % 512, b"9" * 512),
        "an extended header that is cut off": headed(
            tarfile.XHDTYPE, b"%011o" % 10, record.ljust(512, b"\0")
        ),
        "an extended header of length zero": headed(
            tarfile.XHDTYPE, b"%011o" % 6, b"0 a=b\n".ljust(512, b"\0")
        ),
        "extended headers for extended headers": Hostile(lambda: chain_of_headers(tarfile.XHDTYPE)),
        "global headers for global headers": Hostile(lambda: chain_of_headers(tarfile.XGLTYPE)),
        "long names for long names": Hostile(lambda: chain_of_headers(tarfile.GNUTYPE_LONGNAME)),
        "a size in an extended header": pax(Fate.REFUSED, size="99999999999"),
        "a negative size in an extended header": pax(Fate.REFUSED, size="-99999"),
        "a time that is none": pax(mtime="nan"),
        "an owner that is none": pax(uid="evil"),
        "a name with NUL": pax(Fate.NOTED, path="demo-1.0/PKG-INFO\0.py"),
        "another encoding": pax(hdrcharset="BINARY"),
        "holes": pax(Fate.REFUSED, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        "holes of an older kind": pax(Fate.REFUSED, **{"GNU.sparse.map": "0,1,5,9" * 1000}),
        "holes that are none": pax(
            Fate.REFUSED, **{"GNU.sparse.size": "evil", "GNU.sparse.map": ","}
        ),
        "holes of the oldest kind": Hostile(old_sparse),
        "many extended headers": pax(
            Fate.ANSWERED, **{f"k{number}": "v" for number in range(50_000)}
        ),
    }


def _frames() -> Mapping[str, Hostile]:
    plain = HONEST_SDIST.content
    tar = gzip.decompress(plain)
    endless_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * (16 * MIB)
    xz = b"\xfd7zXZ\x00" + bytes(100)
    return {
        "bytes behind it": Hostile(lambda: plain + b"evil", Fate.NOTED),
        "zeros behind it": Hostile(lambda: plain + bytes(1000), Fate.ANSWERED),
        "gzip of many members": Hostile(
            lambda: b"".join(gzip_of(tar[at : at + 7]) for at in range(0, len(tar), 7)),
            Fate.ANSWERED,
        ),
        "gzip of empty members": Hostile(lambda: gzip_of(b"") * 100_000 + plain, Fate.ANSWERED),
        "gzip in gzip": Hostile(lambda: gzip_of(plain)),
        "a name in gzip that has no end": Hostile(lambda: endless_name),
        "a field in gzip that is cut off": Hostile(
            lambda: b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff" + bytes(9)
        ),
        "another method in gzip": Hostile(lambda: b"\x1f\x8b\x07" + plain[3:]),
        "a wrong checksum in gzip": Hostile(lambda: plain[:-8] + bytes(8), Fate.NOTED),
        "garbage in gzip": Hostile(lambda: plain[:10] + b"\xff" * 1000),
        "zlib": Hostile(lambda: zlib.compress(tar)),
        "bzip2": Hostile(lambda: bzip2_of(tar)),
        "xz": Hostile(lambda: xz),
        "no gzip": Hostile(lambda: tar),
        "a zip": Hostile(lambda: zip_of([(f"{ROOT}/PKG-INFO", METADATA)])),
        "a zip behind it": Hostile(lambda: plain + zip_of([("x", b"")])),
        "two tars": Hostile(lambda: gzip_of(tar + tar), Fate.NOTED),
        "zeros behind the end": Hostile(lambda: gzip_of(tar) + zeros(1000), Fate.NOTED),
        "a member of zeros": Hostile(lambda: bomb(mebibytes=1000), Fate.NOTED),
        "an empty tar": Hostile(lambda: gzip_of(bytes(10_240))),
        "a tar behind an empty one": Hostile(lambda: gzip_of(bytes(1024) + tar)),
        "half of it": Hostile(lambda: plain[: len(plain) // 2]),
        "nothing": Hostile(bytes),
    }


def _bombs() -> Mapping[str, Hostile]:
    return {
        "a bomb": Hostile(bomb),
        "a bomb behind PKG-INFO": Hostile(
            lambda: gzip_of(tar_of([PKG_INFO])[:1024]) + bomb(mebibytes=500)
        ),
        "a bomb that is an extended header": Hostile(lambda: bomb(tarfile.XHDTYPE, 500)),
        "a bomb that is a long name": Hostile(lambda: bomb(tarfile.GNUTYPE_LONGNAME, 500)),
        "a bomb that is PKG-INFO": Hostile(
            lambda: (
                gzip_of(raw_header(f"{ROOT}/PKG-INFO", b"0", b"%011o" % (500 * MIB))) + zeros(500)
            )
        ),
        "zeros alone": Hostile(lambda: zeros(2000)),
        "a million members": Hostile(lambda: many_members(10**6)),
    }


HOSTILE_SDISTS: Mapping[str, Hostile] = {**_members(), **_headers(), **_frames(), **_bombs()}
