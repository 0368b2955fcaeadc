"""Real archives and metadata with random damage: a result for each, and no exception."""

import gzip
import io
from collections.abc import Callable
from random import Random

import pytest

from stageproxy.core.archives.dist_info import has_valid_entry_points
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.metadata import problems_in, read_core_metadata
from stageproxy.core.archives.reader import read_contents
from tests.support.builders.archives import ZipStyle, gzip_of, tar_file, tar_of, zip_of
from tests.support.builders.distributions import a_wheel, an_sdist

SEED = 20261122
RICH = b"""\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Keywords: one,two
Classifier: Typing :: Typed
Requires-Dist: a>=1; extra == "x"
Project-URL: Docs, https://example.org/docs
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

From a
--b--
"""
ENTRY_POINTS = b"[console_scripts]\ndemo = demo:main\n[x]\ny = %(z)s\n"
WHEEL = a_wheel(extra={"demo-1.0.dist-info/entry_points.txt": ENTRY_POINTS})
SDIST = an_sdist(extra={"x" * 200: b"x", "empty": b""})
WHEEL_NAME = parse_distribution_name(WHEEL.filename)
SDIST_NAME = parse_distribution_name(SDIST.filename)
TAR = gzip.decompress(SDIST.content)
PAX = tar_of([tar_file("demo-1.0/" + "ü" * 150, b"x"), tar_file("demo-1.0/PKG-INFO", RICH)])
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f" * 8,
    b"PK\5\6",
    b"PK\1\2",
)


def mutated(random: Random, content: bytes, other: bytes) -> bytes:
    """Return *content* with a few random mutations."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        start, length = random.randrange(len(other)), random.randint(1, 512)
        place = random.randrange(len(changed) + 1)
        random.choice(MUTATIONS)(random, changed, place, other[start : start + length])
    return bytes(changed)


def flip(random: Random, changed: bytearray, place: int, _: bytes) -> None:
    """Flip one bit."""
    if changed:
        changed[place % len(changed)] ^= 1 << random.randrange(8)


def overwrite(random: Random, changed: bytearray, place: int, _: bytes) -> None:
    """Overwrite bytes with a value at the edge of a type."""
    piece = random.choice(INTERESTING)
    changed[place : place + len(piece)] = piece


def cut_out(random: Random, changed: bytearray, place: int, _: bytes) -> None:
    """Remove a few bytes."""
    del changed[place : place + random.randint(1, 64)]


def cut_off(random: Random, changed: bytearray, place: int, _: bytes) -> None:
    """Remove the end, in one of four cases."""
    if not random.randrange(4):
        del changed[place:]


def repeat(random: Random, changed: bytearray, place: int, _: bytes) -> None:
    """Repeat the beginning."""
    changed[place:place] = changed[: random.randint(0, 512)]


def splice(_: Random, changed: bytearray, place: int, piece: bytes) -> None:
    """Insert a piece of another file."""
    changed[place:place] = piece


MUTATIONS = (flip, overwrite, cut_out, cut_off, repeat, splice)


def read_wheel(content: bytes) -> None:
    """Read a wheel: it has metadata or problems."""
    contents = read_contents(io.BytesIO(content), WHEEL_NAME)
    assert contents.core_metadata is not None or contents.problems
    read_metadata(contents.core_metadata or b"")


def read_sdist(content: bytes) -> None:
    """Read an sdist: it has metadata or problems."""
    contents = read_contents(io.BytesIO(content), SDIST_NAME)
    assert contents.core_metadata is not None or contents.problems
    read_metadata(contents.core_metadata or b"")


def read_tar(content: bytes) -> None:
    """Read an sdist that was damaged before it was compressed."""
    read_sdist(gzip_of(content))


def read_metadata(content: bytes) -> None:
    """Read METADATA, whatever it contains."""
    problems_in(read_core_metadata(content))


def read_entry_points(content: bytes) -> None:
    """Read entry_points.txt, whatever it contains."""
    assert has_valid_entry_points(content) in {True, False}


STORED = zip_of(
    [(f"demo-1.0.dist-info/{name}", RICH) for name in ("METADATA", "WHEEL", "RECORD")],
    ZipStyle(method=0, archive_comment="comment"),
)
TARGETS: dict[str, tuple[Callable[[bytes], None], bytes, bytes]] = {
    "a wheel": (read_wheel, WHEEL.content, STORED),
    "a wheel that is stored": (read_wheel, STORED, WHEEL.content),
    "an sdist": (read_sdist, SDIST.content, WHEEL.content),
    "a tar": (read_tar, TAR, PAX),
    "a tar of extended headers": (read_tar, PAX, TAR),
    "METADATA": (read_metadata, RICH, ENTRY_POINTS),
    "entry points": (read_entry_points, ENTRY_POINTS, RICH),
}


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(2000, id="short"),
        pytest.param(200_000, id="long", marks=pytest.mark.battery),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_random_damage(target: str, times: int) -> None:
    """For any damage to a real file, nothing is raised."""
    read, content, other = TARGETS[target]
    for number in range(times):
        damaged = mutated(Random(SEED + number), content, other)
        try:
            read(damaged)
        except Exception as error:
            raise AssertionError(f"{target}, {SEED + number}: {damaged!r}") from error


@pytest.mark.parametrize("target", ["a wheel", "an sdist"])
def test_any_truncated_file_is_read(target: str) -> None:
    """A file that is cut off anywhere has metadata or problems, and nothing is raised."""
    read, content, _ = TARGETS[target]
    for length in range(len(content)):
        read(content[:length])
