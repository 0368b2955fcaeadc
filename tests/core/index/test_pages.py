"""The files that a page lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from stageproxy.core.index.pages import (
    ListedFile,
    Listing,
    UnreadablePageError,
    resolved,
    version_in,
)


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        ("demo-1.0-py3-none-any.whl", "1.0"),
        ("demo-1.0-1-py3-none-any.whl", "1.0"),
        ("demo-1!1.0-py3-none-any.whl", "1!1.0"),
        ("demo-1.0.tar.gz", "1.0"),
        ("demo-pkg-1.0rc1.zip", "1.0rc1"),
    ],
    ids=str,
)
def test_version_in_a_filename(filename: str, version: str) -> None:
    """The filename of a wheel or an sdist contains its version."""
    assert version_in(filename) == Version(version)


@pytest.mark.parametrize(
    "filename",
    [
        *("demo-1.0-py2.7.egg", "demo-1.0.exe", "demo-1.0-variants.json", "demo.whl", "", ".whl"),
        *("demo-1.0.tar.bz2", "demo-x.tar.gz", "demo-1.0-x-py3-none-any.whl", "demo.tar.gz"),
        pytest.param("demo-" + "9" * 5000 + ".tar.gz", id="5000 digits"),
        pytest.param("demo-1.0-" + "9" * 5000 + "-py3-none-any.whl", id="a build of 5000 digits"),
    ],
)
def test_other_filenames_have_no_version(filename: str) -> None:
    """An unreadable filename has no version.

    A number of thousands of digits was an internal error once: Python refuses to parse it.
    """
    assert version_in(filename) is None


@given(st.text().map("demo-{}.tar.gz".format) | st.text().map("demo-1-{}.whl".format))
def test_any_filename(filename: str) -> None:
    """For any filename, there is a version or none."""
    version = version_in(filename)

    assert version is None or isinstance(version, Version)


def test_files_of_a_release_in_any_spelling() -> None:
    """`1`, `1.0` and `1.0.0` are one release."""
    names = ["demo-1.0.tar.gz", "demo-1-py3-none-any.whl", "demo-1.1.tar.gz", "demo.egg"]
    listing = Listing({name: ListedFile(name, None, None, None) for name in names})

    assert [one.filename for one in listing.files_of("1.0.0")] == names[:2]


def test_invalid_link_makes_a_page_unreadable() -> None:
    """A link that the standard library refuses to resolve makes a page unreadable."""
    assert resolved("https://index.example.org/simple/demo/", "../x") == (
        "https://index.example.org/simple/x"
    )
    with pytest.raises(UnreadablePageError, match="is not a URL"):
        resolved("https://index.example.org/", "//[")
