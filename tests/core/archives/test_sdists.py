"""Suspicious members of sdists."""

import io
import tarfile

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from tests.support.builders.archives import gzip_of, tar_file, tar_of

SDIST = "demo-1.0.tar.gz"


def suspicions(content: bytes, filename: str = "demo-1.0-py3-none-any.whl") -> tuple[str, ...]:
    """Return the suspicious things of an archive."""
    return read_contents(io.BytesIO(content), parse_distribution_name(filename)).suspicions


def member(path: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar that is not a file."""
    entry, content = tar_file(path, b"")
    entry.type, entry.linkname = kind, target
    return entry, content


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (member("d/x", tarfile.SYMTYPE, "../.."), ("Links point outside the sdist: 'd/x'.",)),
        (member("d/x", tarfile.SYMTYPE, "/etc"), ("Links point outside the sdist: 'd/x'.",)),
        (member("d/x", tarfile.LNKTYPE, "e/f"), ("Links point outside the sdist: 'd/x'.",)),
        (
            member("d/x", tarfile.FIFOTYPE),
            ("These members are not files, directories or links: 'd/x'.",),
        ),
        (member("d/x", tarfile.SYMTYPE, "PKG-INFO"), ()),
        (member("d/x", tarfile.LNKTYPE, "d/PKG-INFO"), ()),
        (member("d/x", tarfile.DIRTYPE), ()),
    ],
    ids=["up", "absolute", "hard", "a pipe", "within", "hard and within", "a directory"],
)
def test_links_and_devices_are_reported(
    odd: tuple[tarfile.TarInfo, bytes], expected: tuple[str, ...]
) -> None:
    """PyPI accepts links out of the tree and devices; installers refuse them."""
    content = gzip_of(tar_of([tar_file("d/PKG-INFO", b"Name: demo\n"), odd]))

    assert suspicions(content, SDIST) == expected


TAR = tar_of([tar_file("d/PKG-INFO", b"Name: demo\n"), tar_file("d/x", b"")])
MIB = 2**20
BEHIND_GZIP = "After the end of the tar, the gzip file is damaged or followed by other bytes."
ENDS = {
    "the usual padding": (gzip_of(TAR), ()),
    "a large block": (gzip_of(TAR + bytes(MIB - 10_240)), ()),
    "many zeros": (
        gzip_of(TAR + bytes(20 * MIB)),
        ("The end of the tar is followed by 20 MiB of zeros.",),
    ),
    "a bomb of zeros": (
        gzip_of(TAR) + gzip_of(bytes(32 * MIB)) * 32,
        ("The end of the tar is followed by at least 64 MiB of zeros.",),
    ),
    "another tar": (
        gzip_of(TAR + TAR),
        ("Other bytes follow the end of the tar, and installers ignore them.",),
    ),
    "another gzip file": (
        gzip_of(TAR) + gzip_of(b"x"),
        ("Other bytes follow the end of the tar, and installers ignore them.",),
    ),
    "other bytes": (gzip_of(TAR) + b"evil", (BEHIND_GZIP,)),
    "a wrong checksum": (gzip_of(TAR)[:-8] + bytes(8), (BEHIND_GZIP,)),
    "no end of gzip": (gzip_of(TAR)[:-8], (BEHIND_GZIP,)),
    "zeros": (gzip_of(TAR) + bytes(1000), ()),
}


@pytest.mark.parametrize(("content", "expected"), ENDS.values(), ids=ENDS)
def test_bytes_behind_the_end_are_reported(content: bytes, expected: tuple[str, ...]) -> None:
    """PyPI does not read behind the end of a tar; what is there is reported, and bounded."""
    assert suspicions(content, SDIST) == expected


def test_member_of_zeros_is_reported() -> None:
    """PyPI limits how much a zip unpacks to, but not a tar."""
    content = gzip_of(TAR[:1536] + tar_of([tar_file("d/zeros", bytes(100 * MIB))]))

    assert suspicions(content, SDIST) == (
        "The sdist unpacks to 100 MiB, more than 50 times its size.",
    )
