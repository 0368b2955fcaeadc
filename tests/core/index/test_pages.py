"""What a page says."""

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
def test_distributions_show_their_version(filename: str, version: str) -> None:
    """A wheel's or an sdist's version is in its name."""
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
def test_other_files_show_none(filename: str) -> None:
    """Names that we cannot read are carried through, not stumbled over (#67).

    Once a number of thousands of digits was an error of the server: Python
    refuses to read those.
    """
    assert version_in(filename) is None


@given(st.text().map("demo-{}.tar.gz".format) | st.text().map("demo-1-{}.whl".format))
def test_any_name_can_be_looked_at(filename: str) -> None:
    """For any filename, there is a version or there is none."""
    version = version_in(filename)

    assert version is None or isinstance(version, Version)


def test_files_of_a_release_are_found_in_any_spelling() -> None:
    """`1`, `1.0` and `1.0.0` are one release."""
    names = ["demo-1.0.tar.gz", "demo-1-py3-none-any.whl", "demo-1.1.tar.gz", "demo.egg"]
    listing = Listing({name: ListedFile(name, None, None, None) for name in names})

    assert [one.filename for one in listing.files_of("1.0.0")] == names[:2]


def test_a_link_that_is_no_url_makes_a_page_unreadable() -> None:
    """What the standard library refuses to resolve is no link."""
    assert resolved("https://index.example.org/simple/demo/", "../x") == (
        "https://index.example.org/simple/x"
    )
    with pytest.raises(UnreadablePageError, match="is not a URL"):
        resolved("https://index.example.org/", "//[")
