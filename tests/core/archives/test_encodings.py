"""Text files of distributions that are not UTF-8."""

import io
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.encodings import as_utf_8, encoding_problem
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.metadata import read_core_metadata
from stageproxy.core.archives.reader import Contents, read_contents
from tests.support.builders.archives import gzip_of, tar_file, tar_of, zip_of
from tests.support.builders.distributions import a_wheel, record_of, wheel_file

ROOT = "demo-1.0.dist-info"
TEXT = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: caf\xe9\n"
ASCII = TEXT.replace("\xe9", "e")
MARK = (
    "{} starts with a byte order mark, which installers take for a part of its first line. "
    "Save it as UTF-8 without one."
)


def not_utf_8(filename: str, fault: str) -> str:
    """Return the sentence on a file in another encoding."""
    return (
        f"{filename} is not UTF-8: {fault}. pip fails on it with UnicodeDecodeError, and other "
        "tools may guess. Save it as UTF-8."
    )


ENCODED: Mapping[str, tuple[bytes, str | None]] = {
    "UTF-8": (TEXT.encode(), None),
    "nothing": (b"", None),
    "Latin-1": (TEXT.encode("latin-1"), not_utf_8("METADATA", "line 4 has the byte 0xe9")),
    "Latin-1 in the description": (
        (ASCII + "\ncaf\xe9\n").encode("latin-1"),
        not_utf_8("METADATA", "line 6 has the byte 0xe9"),
    ),
    "invalid UTF-8": (
        ASCII.encode() + b"X: \xc3(",
        not_utf_8("METADATA", "line 5 has the byte 0xc3"),
    ),
    "a cut off character": (
        TEXT.encode()[:-2],
        not_utf_8("METADATA", "line 4 has the byte 0xc3"),
    ),
    "a byte order mark": (TEXT.encode("utf-8-sig"), MARK.format("METADATA")),
    "UTF-16": (TEXT.encode("utf-16"), not_utf_8("METADATA", "it is UTF-16")),
    "UTF-16 without a mark": (ASCII.encode("utf-16-le"), not_utf_8("METADATA", "it is UTF-16-LE")),
    "UTF-16 of other machines": (
        ASCII.encode("utf-16-be"),
        not_utf_8("METADATA", "it is UTF-16-BE"),
    ),
    "UTF-32": (TEXT.encode("utf-32"), not_utf_8("METADATA", "it is UTF-32")),
}


@pytest.mark.parametrize(("content", "expected"), ENCODED.values(), ids=ENCODED)
def test_file_that_is_not_utf_8_is_reported(content: bytes, expected: str | None) -> None:
    """Core metadata is UTF-8; the sentence names the encoding, or the line and the byte."""
    assert encoding_problem("METADATA", content) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-8-sig", "utf-16", "utf-16-be"])
def test_fields_are_read_in_any_encoding(encoding: str) -> None:
    """The preview shows the fields of a file in another encoding."""
    assert read_core_metadata(TEXT.encode(encoding)) == {
        "metadata_version": "2.1",
        "name": "demo",
        "version": "1.0",
        "summary": "caf\xe9",
    }


@given(st.binary())
def test_any_bytes_become_text(content: bytes) -> None:
    """For any bytes, the text is UTF-8."""
    as_utf_8(content).decode()


def wheel_with(filename: str, change: Callable[[bytes], bytes]) -> Contents:
    """Return the contents of a wheel with a changed file of its dist-info."""
    files = {
        "METADATA": ASCII.encode(),
        "WHEEL": wheel_file("py3-none-any"),
        "entry_points.txt": b"[console_scripts]\ndemo = demo:main\n",
    }
    if filename in files:
        files[filename] = change(files[filename])
    members = [(f"{ROOT}/{name}", content) for name, content in files.items()]
    path, record = record_of(members, f"{ROOT}/RECORD")
    members.append((path, change(record) if filename == "RECORD" else record))
    name = parse_distribution_name(a_wheel().filename)
    return read_contents(io.BytesIO(zip_of(members)), name)


@pytest.mark.parametrize("filename", ["METADATA", "WHEEL", "RECORD", "entry_points.txt"])
def test_every_text_of_a_wheel_is_checked(filename: str) -> None:
    """All text files of a dist-info are UTF-8."""
    in_latin_1 = wheel_with(filename, lambda text: text + b"# \xe9\n")
    marked = wheel_with(filename, lambda text: b"\xef\xbb\xbf" + text)

    (found,) = [one for one in in_latin_1.suspicions if "is not UTF-8" in one]
    assert found.startswith(f"{filename} is not UTF-8: line ")
    assert MARK.format(filename) in marked.suspicions


def test_pkg_info_is_checked() -> None:
    """PKG-INFO of an sdist is UTF-8, too."""
    members = tar_file("demo-1.0/PKG-INFO", TEXT.encode("latin-1")), tar_file("demo-1.0/x", b"")

    found = read_contents(
        io.BytesIO(gzip_of(tar_of(members))), parse_distribution_name("demo-1.0.tar.gz")
    )

    assert found.suspicions == (not_utf_8("PKG-INFO", "line 4 has the byte 0xe9"),)
