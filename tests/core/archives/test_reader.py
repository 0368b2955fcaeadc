"""Contents of sound and broken wheels and sdists."""

import gzip
import io
import random
import zipfile
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import (
    LONGEST_METADATA,
    MOST_MEMBERS,
    Contents,
    read_contents,
)
from tests.support.builders.archives import ZipStyle, gzip_of, tar_file, tar_of, zip_of
from tests.support.builders.damage import ANYTHING, mangled
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.recipes import build_recipe

WHEEL, SDIST = a_wheel(), an_sdist()
LONG = an_sdist(extra={"noise": random.Random(0).randbytes(10_000)})
ROOT = "demo-1.0.dist-info"
CUT_OFF = "None: the archive is damaged, truncated or not a tar.gz."
DIRECTORIES = "Incorrect number of top-level directories in sdist"
DATA = f"{ROOT}/METADATA"
IN_WHEEL = {
    "demo.py": b"",
    DATA: b"Name: demo\n",
    f"{ROOT}/WHEEL": b"Wheel-Version: 1.0\n",
    f"{ROOT}/RECORD": b"",
}


def read(content: bytes, filename: str = WHEEL.filename) -> Contents:
    """Return the contents of an archive of that name."""
    return read_contents(io.BytesIO(content), parse_distribution_name(filename))


def wheel_of(
    *, without: str = "", extra: Mapping[str, bytes] | None = None, style: ZipStyle | None = None
) -> bytes:
    """Return a small wheel, without a member or with additional ones."""
    members = {path: data for path, data in IN_WHEEL.items() if not path.endswith(f"/{without}")}
    return zip_of({**members, **(extra or {})}.items(), style or ZipStyle())


def sdist_of(*members: tuple[str, bytes]) -> bytes:
    """Return an sdist with some members."""
    return gzip_of(tar_of(tar_file(path, data) for path, data in members))


def invalid(reason: str) -> Contents:
    """Return the contents of an archive that cannot be used."""
    return Contents(problems=(f"Invalid distribution file. {reason}",))


def problems_of(contents: Contents) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the core metadata and everything that PyPI refuses."""
    return contents.core_metadata, (
        *contents.problems,
        *(one.sentence for one in contents.wheel_problems),
    )


def refused(reason: str) -> tuple[str, ...]:
    """Return the one problem of an archive that could be opened."""
    return invalid(reason).problems


@pytest.mark.parametrize("distribution", [WHEEL, SDIST], ids=["a wheel", "an sdist"])
def test_sound_archive_has_metadata(distribution: Distribution) -> None:
    """The core metadata are the bytes of METADATA or PKG-INFO."""
    contents = read(distribution.content, distribution.filename)

    assert (problems_of(contents), contents.suspicions) == ((distribution.metadata, ()), ())


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ("WHEEL", f"Invalid distribution file. WHEEL not found at {ROOT}/WHEEL"),
        (
            "RECORD",
            f"Wheel '{WHEEL.filename}' does not contain the required RECORD file: {ROOT}/RECORD",
        ),
        (
            "METADATA",
            f"Wheel '{WHEEL.filename}' does not contain the required METADATA file: {DATA}",
        ),
    ],
    ids=str,
)
def test_wheel_needs_three_files(without: str, sentence: str) -> None:
    """A missing WHEEL, RECORD or METADATA is reported in PyPI's words."""
    contents = read(wheel_of(without=without))

    assert problems_of(contents)[1] == (sentence,)
    assert (contents.core_metadata is None) == (without == "METADATA")


def test_all_missing_files_are_reported() -> None:
    """All problems are reported at once, in PyPI's order."""
    _, problems = problems_of(read(zip_of([("x", b"")])))

    assert [sentence.split(" ")[-1] for sentence in problems] == [
        f"{ROOT}/{name}" for name in ("WHEEL", "RECORD", "METADATA")
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "File is not a zipfile"),
        (b"no zip at all", "File is not a zipfile"),
        (WHEEL.content[:-1], "File is not a zipfile"),
        (WHEEL.content[:100], "File is not a zipfile"),
        (SDIST.content, "File is not a zipfile"),
    ],
    ids=["empty", "text", "a byte short", "cut off", "an sdist"],
)
def test_wheel_that_is_no_zip(content: bytes, reason: str) -> None:
    """A wheel that is no zip is refused."""
    assert read(content) == invalid(reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "File is not a tarfile"),
        (b"no tar at all", "File is not a tarfile"),
        (b"\x1f\x8b\x08", "File is not a tarfile"),
        (b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x03\x01", "File is not a tarfile"),
        (gzip_of(b"no tar at all"), "File is not a tarfile"),
        (b"BZh91AY", "File is not a tarfile"),
        (gzip.decompress(SDIST.content), CUT_OFF),
        (LONG.content[:-5000], CUT_OFF),
        (WHEEL.content, "File is not a tarfile"),
        (SDIST.content + zip_of([("x", b"")]), "File is both a zip and a tar file"),
    ],
    ids=[
        "empty",
        "text",
        "a gzip header, cut off",
        "a gzip header, cut off within a field",
        "gzip of text",
        "a bzip2 header, cut off",
        "a plain tar",
        "an sdist, cut off",
        "a wheel",
        "a zip behind it",
    ],
)
def test_sdist_that_is_no_tar(content: bytes, reason: str) -> None:
    """An sdist that is no tar.gz is refused. A truncated gzip header was an internal error once."""
    assert read(content, SDIST.filename) == invalid(reason)


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["demo-1.0/setup.py", "demo-1.0/a"], "PKG-INFO not found at demo-1.0/PKG-INFO"),
        (["demo-1.0/a/PKG-INFO", "demo-1.0/b"], "PKG-INFO not found at demo-1.0/PKG-INFO"),
        (["./demo/PKG-INFO", "./demo/b"], "PKG-INFO not found at demo/PKG-INFO"),
        (["PKG-INFO", "setup.py"], DIRECTORIES),
        (["a/PKG-INFO", "b/PKG-INFO"], DIRECTORIES),
        (["a/PKG-INFO", "/a/b"], DIRECTORIES),
        (["/PKG-INFO", "/b"], DIRECTORIES),
        ([], DIRECTORIES),
    ],
    ids=[
        "no PKG-INFO",
        "PKG-INFO too deep",
        "a dot before the directory",
        "PKG-INFO not deep enough",
        "two directories",
        "absolute and relative paths",
        "all at the root",
        "no members",
    ],
)
def test_sdist_has_one_directory(paths: Sequence[str], reason: str) -> None:
    """An sdist has PKG-INFO in its one top-level directory."""
    contents = read(sdist_of(*((path, b"") for path in paths)), SDIST.filename)

    assert problems_of(contents) == (None, refused(reason))


@pytest.mark.parametrize("order", [1, -1], ids=["the outer first", "the inner first"])
def test_outermost_pkg_info_counts(order: int) -> None:
    """Projects built with setuptools have a second PKG-INFO in an .egg-info directory."""
    members = [("d/PKG-INFO", b"Name: demo\n"), ("d/a.egg-info/PKG-INFO", b"Name: a\n")]

    contents = read(sdist_of(("d/setup.py", b""), *members[::order]), SDIST.filename)

    assert problems_of(contents) == (b"Name: demo\n", ())


@pytest.mark.parametrize("kind", ["pax", "gnu"])
def test_sparse_members_are_refused(kind: str) -> None:
    """PyPI refuses sparse members of either kind."""
    recipe = {
        "kind": "sdist",
        "filename": SDIST.filename,
        "format": kind,
        "add": [["{root}/sparse", {"sparse": kind}]],
    }

    assert read(build_recipe(recipe).content, SDIST.filename) == invalid(
        "tar archive not accepted: Sparse members are not allowed."
    )


def test_other_compressions_are_refused() -> None:
    """A tar.bz2 named .tar.gz is no sdist."""
    recipe = {"kind": "sdist", "filename": "demo-1.0.tar.gz", "compression": "bz2"}

    assert read(build_recipe(recipe).content, SDIST.filename) == invalid(CUT_OFF)


@pytest.mark.parametrize("root", ["demo-1.0", "demo-1.0/a", "Demo-1.0", "anything"])
def test_directory_of_an_sdist_may_have_any_name(root: str) -> None:
    """PyPI accepts any top-level directory. All but one were refused once."""
    content = sdist_of((f"{root}/setup.py", b""), (f"{root}/PKG-INFO", b"Name: demo\n"))

    contents = read(content, SDIST.filename)

    assert (problems_of(contents), contents.root) == ((b"Name: demo\n", ()), root)


@pytest.mark.parametrize(
    ("style", "extra", "reason"),
    [
        (ZipStyle(streamed=True), {}, "ZIP archive not accepted: ZIP contains a data descriptor"),
        (ZipStyle(), {"a\x01b": b""}, "ZIP archive not accepted: Invalid character in filename"),
        (
            ZipStyle(member_comment="demo.py"),
            {},
            "ZIP archive not accepted: Comment in central directory",
        ),
    ],
    ids=["a data descriptor", "a control character", "a comment on a member"],
)
def test_ambiguous_zips_are_refused(
    style: ZipStyle, extra: Mapping[str, bytes], reason: str
) -> None:
    """PyPI refuses zips whose local headers and central directory may differ."""
    contents = read(wheel_of(style=style, extra=extra))

    assert contents.problems == invalid(reason).problems


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHEEL.content + b"garbage!", "ZIP archive not accepted: Trailing data"),
        (b"#!/bin/sh\n" + WHEEL.content, "ZIP archive not accepted: Unknown record signature"),
        (
            zip_of([*IN_WHEEL.items(), ("demo.py", b"other")]),
            "ZIP archive not accepted: Duplicate filename in local headers",
        ),
        (
            wheel_of(style=ZipStyle(method=zipfile.ZIP_LZMA)),
            "File does not use a supported compression type",
        ),
        (
            wheel_of(style=ZipStyle(method=zipfile.ZIP_BZIP2)),
            "File does not use a supported compression type",
        ),
    ],
    ids=["bytes behind it", "bytes before it", "a member twice", "LZMA", "bzip2"],
)
def test_odd_zips_are_refused(content: bytes, reason: str) -> None:
    """PyPI refuses zips with other bytes, duplicate members or rare compressions."""
    assert read(content).problems == invalid(reason).problems


@pytest.mark.parametrize(
    "content",
    [
        wheel_of(style=ZipStyle(archive_comment="hello")),
        wheel_of(style=ZipStyle(method=zipfile.ZIP_STORED)),
        wheel_of(extra={"demo/é.py": b"", "demo/": b"", "/abs/../x.py": b""}),
    ],
    ids=["a comment on the archive", "stored", "odd names"],
)
def test_odd_but_accepted_zips_are_accepted(content: bytes) -> None:
    """Odd zips that PyPI accepts are accepted."""
    assert problems_of(read(content)) == (b"Name: demo\n", ())


def test_zip_bomb_is_not_unpacked() -> None:
    """A zip is refused for the sizes in its directory, before any byte is unpacked."""
    content = wheel_of(extra={"zeros": bytes(65 * 2**20)})

    assert read(content) == invalid("File exceeds compression ratio of 50")


def test_huge_metadata_of_a_wheel_is_refused() -> None:
    """METADATA has a limit, because it is served from memory."""
    longest = b"x" * LONGEST_METADATA

    assert problems_of(read(wheel_of(extra={DATA: longest}))) == (longest, ())
    assert read(wheel_of(extra={DATA: longest + b"x"})) == invalid(
        f"METADATA is longer than {LONGEST_METADATA} bytes"
    )


def test_huge_metadata_of_an_sdist_is_refused() -> None:
    """PKG-INFO has the limit of METADATA."""
    setup, longest = ("d/setup.py", b""), b"x" * LONGEST_METADATA

    assert problems_of(read(sdist_of(setup, ("d/PKG-INFO", longest)), SDIST.filename)) == (
        longest,
        (),
    )
    assert read(sdist_of(setup, ("d/PKG-INFO", longest + b"x")), SDIST.filename) == invalid(
        f"PKG-INFO is longer than {LONGEST_METADATA} bytes"
    )


def test_wheel_with_too_many_members_is_refused() -> None:
    """Each entry of a directory needs memory, so their number is limited."""
    directory = zip_of([("x", b"")])
    start = directory.index(b"PK\x01\x02")
    end = directory.index(b"PK\x05\x06")
    entries = directory[start:end] * (MOST_MEMBERS + 1)
    sizes = len(entries).to_bytes(4, "little") + start.to_bytes(4, "little")

    content = directory[:start] + entries + b"PK\x05\x06" + bytes(8) + sizes + bytes(2)

    assert read(content) == invalid(f"File has more than {MOST_MEMBERS} members")


LZMA = wheel_of(style=ZipStyle(method=zipfile.ZIP_LZMA))
TAR = gzip.decompress(SDIST.content)


@given(ANYTHING | mangled(WHEEL.content) | mangled(LZMA))
def test_any_bytes_are_read_as_a_wheel(content: bytes) -> None:
    """For any bytes, there is metadata or a problem, and never an exception."""
    contents = read(content)

    assert contents.core_metadata is not None or contents.problems


@given(ANYTHING | mangled(SDIST.content) | mangled(TAR).map(gzip_of))
def test_any_bytes_are_read_as_an_sdist(content: bytes) -> None:
    """For any bytes, there is metadata or a problem, and never an exception."""
    contents = read(content, SDIST.filename)

    assert contents.core_metadata is not None or contents.problems
