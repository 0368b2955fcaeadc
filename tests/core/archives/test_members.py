"""Paths of members that installers could extract to other places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.contents import some
from stageproxy.core.archives.members import suspicious_paths


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a/../../b", "Paths contain `..`: 'a/../../b'."),
        ("a\\..\\b", "Paths contain `..`: 'a\\\\..\\\\b'."),
        ("/etc/x", "Paths are absolute: '/etc/x'."),
        ("C:x", "Paths are absolute: 'C:x'."),
        ("a\u202eb", "Paths contain invisible characters: 'a\\u202eb'."),
        ("a\x1bb", "Paths contain invisible characters: 'a\\x1bb'."),
        ("a//b", "Paths contain backslashes, empty parts or single dots: 'a//b'."),
        ("aux.py", "Windows does not allow these names: 'aux.py'."),
        ("a./b", "Windows does not allow these names: 'a./b'."),
    ],
    ids=ascii,
)
def test_suspicious_path_is_reported(path: str, sentence: str) -> None:
    """Paths that point elsewhere, or that differ from what is displayed, are reported."""
    assert sentence in list(suspicious_paths([path, "a/b/c.py"]))


def test_long_path_is_reported() -> None:
    """File systems limit a name to 255 bytes."""
    assert list(suspicious_paths(["x" * 256])) == [
        f"Paths are longer than 255 bytes: '{'x' * 256}'."
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("a/B.py", "a/b.py"), ("\u00e9", "e\u0301"), ("a", "a/")], ids=ascii
)
def test_equal_paths_on_some_systems_are_reported(one: str, other: str) -> None:
    """Some systems ignore case, normalize accents, or refuse a directory named like a file."""
    alike = some([one, other])

    assert list(suspicious_paths([one, other])) == [
        f"Some systems do not distinguish these names: {alike}."
    ]


@given(st.lists(st.text()))
def test_any_paths_are_checked(paths: list[str]) -> None:
    """For any paths, the sentences are printable ASCII."""
    assert all(sentence.isascii() for sentence in suspicious_paths(paths))
