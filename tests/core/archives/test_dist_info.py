"""RECORD and entry_points.txt, the files of a .dist-info directory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.dist_info import (
    has_valid_entry_points,
    parse_record,
    record_suspicions,
)

ROOT = "demo-1.0.dist-info"
EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

GOOD_NAMES = ["foo", "foo_bar", "foo-bar", "foo123", "foo.", "Foo", "é"]
BAD_NAMES = ["' '", "''", "foo\tbar", "foo/bar", "foo\\bar", "foo:bar", "/foo", "../../foo", "a b"]


def test_record_differs_from_the_files() -> None:
    """A wheel whose files differ from RECORD is suspicious; PyPI accepts it with a warning."""
    record = {"a.py": f"sha256={EMPTY}", "gone.py": "", "b.py": "sha256=x", "c.py": "sha512=y"}
    empty = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    digests = dict.fromkeys(["a.py", "b.py", "c.py", "new.py", f"{ROOT}/RECORD"], empty)

    assert list(record_suspicions(record, digests, ROOT)) == [
        "RECORD does not list these files of the wheel: 'new.py'.",
        "RECORD lists files that are not in the wheel: 'gone.py'.",
        "The digests in RECORD do not match these files: 'b.py'.",
    ]


@pytest.mark.parametrize("content", [b"\xff", b'a,"b\n', b'a,"b"c\n'], ids=str)
def test_unreadable_record_is_refused(content: bytes) -> None:
    """A RECORD that is not UTF-8 or not CSV cannot be read."""
    with pytest.raises(ValueError, match=r"."):
        parse_record(content)


@pytest.mark.parametrize("section", ["console_scripts", "gui_scripts"])
@pytest.mark.parametrize(
    ("name", "valid"),
    [*((name, True) for name in GOOD_NAMES), *((name, False) for name in BAD_NAMES)],
    ids=ascii,
)
def test_script_names(section: str, name: str, *, valid: bool) -> None:
    """Installers create a file for each script, so its name must not contain a path."""
    content = f"[{section}]\n{name} = demo:main\n".encode()

    assert has_valid_entry_points(content) is valid


@pytest.mark.parametrize(
    ("content", "valid"),
    [
        (b"", True),
        (b"[other]\n/foo/ = demo:main\n", True),
        (b"[console_scripts]\nA = b:c\na = b:c\n", True),
        (b"[console_scripts]\na = %(b)s\n", True),
        (b"[console_scripts]\na = b:c\na = d:e\n", False),
        (b"[console_scripts]\n[console_scripts]\n", False),
        (b"[console_scripts]\nfoo:main\n", False),
        (b"foo = main\n", False),
        (b"[console_scripts]\na = \xff\n", False),
    ],
    ids=[
        "empty",
        "another section",
        "capital letters",
        "a percent sign",
        "a script twice",
        "a section twice",
        "no equals sign",
        "no section",
        "not UTF-8",
    ],
)
def test_unreadable_entry_points_are_refused(content: bytes, *, valid: bool) -> None:
    """A file that PyPI cannot parse is refused."""
    assert has_valid_entry_points(content) is valid


@given(st.binary() | st.text("[console_scripts]\n= :;#a", max_size=60).map(str.encode))
def test_any_entry_points_are_checked(content: bytes) -> None:
    """For any bytes, the result is valid or not, and never an exception."""
    assert has_valid_entry_points(content) in {True, False}
