"""Entry points that PyPI takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.dist_info import has_valid_entry_points

GOOD_NAMES = ["foo", "foo_bar", "foo-bar", "foo123", "foo.", "Foo", "é"]
BAD_NAMES = ["' '", "''", "foo\tbar", "foo/bar", "foo\\bar", "foo:bar", "/foo", "../../foo", "a b"]


@pytest.mark.parametrize("section", ["console_scripts", "gui_scripts"])
@pytest.mark.parametrize(
    ("name", "valid"),
    [*((name, True) for name in GOOD_NAMES), *((name, False) for name in BAD_NAMES)],
    ids=ascii,
)
def test_scripts_have_proper_names(section: str, name: str, *, valid: bool) -> None:
    """Installers make a file of each script's name, so it must not lead elsewhere (#104)."""
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
def test_entry_points_can_be_read(content: bytes, *, valid: bool) -> None:
    """What PyPI cannot read, it refuses."""
    assert has_valid_entry_points(content) is valid


@given(st.binary() | st.text("[console_scripts]\n= :;#a", max_size=60).map(str.encode))
def test_any_content_is_looked_at(content: bytes) -> None:
    """For any bytes, it is a yes or a no, and never an exception."""
    assert has_valid_entry_points(content) in {True, False}
