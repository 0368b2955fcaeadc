"""Parsed filenames of distributions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name

DEMO = canonicalize_name("demo-pkg")


def test_wheel_filename_is_parsed() -> None:
    """The filename of a wheel has its project, version, tags and the path of its metadata."""
    filename = "Demo.Pkg-1.0.0-1-cp311.py3-abi3-Linux_ARMv7l.any.whl"

    assert parse_distribution_name(filename) == DistributionName(
        filename=filename,
        project=DEMO,
        spelled="Demo.Pkg",
        version=Version("1.0"),
        root="Demo.Pkg-1.0.0.dist-info",
        is_wheel=True,
        python_tag="cp311.py3",
        platforms=("linux_armv7l", "any"),
    )


def test_sdist_filename_is_parsed() -> None:
    """The project of an sdist may contain dashes; its Python version is `source`."""
    assert parse_distribution_name("demo-pkg-1.0.tar.gz") == DistributionName(
        filename="demo-pkg-1.0.tar.gz",
        project=DEMO,
        spelled="demo-pkg",
        version=Version("1.0"),
        root="demo-pkg-1.0",
        is_wheel=False,
        python_tag="source",
    )


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("demo_pkg-1.0-py3-none-any.whl", "demo_pkg-1.0.dist-info/METADATA"),
        ("demo_pkg-1-py3-none-any.whl", "demo_pkg-1.dist-info/METADATA"),
        ("demo_pkg-1.0.tar.gz", "demo_pkg-1.0/PKG-INFO"),
    ],
    ids=str,
)
def test_metadata_directory_is_spelled_like_the_filename(filename: str, path: str) -> None:
    """The .dist-info directory has the spelling of the filename."""
    assert parse_distribution_name(filename).metadata_path == path


@pytest.mark.parametrize(
    ("filename", "sentence"),
    [
        ("something.tar.gz", "Invalid source distribution filename: something.tar.gz"),
        ("demo-dog.tar.gz", "Invalid source distribution filename: demo-dog.tar.gz"),
        ("demo-1.0.tgz", "Invalid source distribution filename: demo-1.0.tgz"),
        ("", "Invalid source distribution filename: "),
        (
            "demo-1.0-q-py3-none-any.whl",
            "Invalid build number: q in 'demo-1.0-q-py3-none-any'",
        ),
        (
            "demo-dog-py3-none-any.whl",
            "Invalid wheel filename (invalid version): 'demo-dog-py3-none-any",
        ),
        (
            "demo-1.0-py3-none.whl",
            "Invalid wheel filename (wrong number of parts): 'demo-1.0-py3-none",
        ),
        (
            "de+mo-1.0-py3-none-any.whl",
            "Invalid project name: 'de+mo-1.0-py3-none-any",
        ),
    ],
    ids=str,
)
def test_other_filenames_are_refused(filename: str, sentence: str) -> None:
    """The sentence on an invalid filename is that of packaging, as on PyPI."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_distribution_name(filename)

    assert str(caught.value).startswith(sentence)


def test_filename_that_stands_for_too_many_tags() -> None:
    """A filename of a kilobyte that stands for millions of tags is refused without listing them.

    Such a filename kept the server from answering for minutes once, and filled its memory.
    """
    parts = [".".join(f"{letter}{number}" for number in range(200)) for letter in "abc"]

    with pytest.raises(ValueError, match="more than 10000 tags"):
        parse_distribution_name(f"demo-1.0-{'-'.join(parts)}.whl")


@given(st.text() | st.text("demo-1.0py3anywhl", max_size=30).map("{}.whl".format))
def test_any_filename_is_parsed_or_refused(filename: str) -> None:
    """For any filename, there is a release or a sentence."""
    try:
        name = parse_distribution_name(filename)
    except ValueError:
        return
    assert name.filename == filename
    assert filename.startswith(name.spelled)
