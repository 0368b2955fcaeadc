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
