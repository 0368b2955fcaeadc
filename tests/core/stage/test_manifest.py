"""The manifest of a stage, and hashes to compare it with."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.stage.manifest import (
    checksum_differences,
    manifest,
    manifest_digest,
    parse_checksums,
)
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact

SDIST = an_artifact("demo-2.0.tar.gz", content="the sdist")
WHEEL = an_artifact("demo-2.0-py3-none-any.whl", content="the wheel")
PRINTED = """\
4621cb6e5453e192dd3fb7c1c105edb194f736175179db4b13734cd727246ada  demo-2.0-py3-none-any.whl
d475c10e0d3ed2280dd9dc55e333392329d9bede9a442dc0cf583f9da0b3ec85  demo-2.0.tar.gz
"""

A, B = "a" * 64, "b" * 64


def test_manifest_is_what_sha256sum_prints() -> None:
    """A manifest can be checked with `sha256sum * | sort`."""
    assert manifest([SDIST, WHEEL]) == PRINTED


@given(st.permutations([SDIST, WHEEL, an_artifact("demo-2.0-cp311-cp311-win32.whl")]))
def test_manifest_has_one_order(artifacts: Sequence[Artifact]) -> None:
    """For any order of uploads, the same files have the same manifest."""
    assert manifest(artifacts) == manifest(reversed(artifacts))
    assert manifest(artifacts).splitlines() == sorted(manifest(artifacts).splitlines())


def test_digest_is_the_sha256_of_the_text() -> None:
    """The digest of a manifest can be checked with `sha256sum`."""
    assert manifest_digest([WHEEL, SDIST]) == hashlib.sha256(PRINTED.encode()).hexdigest()


def test_other_bytes_have_another_digest() -> None:
    """Other bytes under the same name have another digest."""
    changed = an_artifact(WHEEL.filename, content="another wheel")

    assert manifest_digest([SDIST, changed]) != manifest_digest([SDIST, WHEEL])


def test_empty_stage_has_an_empty_manifest() -> None:
    """A stage without artifacts has an empty manifest."""
    assert manifest([]) == ""


@pytest.mark.parametrize(
    "line",
    [
        f"{A}  demo-1.0.tar.gz",
        f"{A} *demo-1.0.tar.gz",
        f"{A.upper()}  ./dist/demo-1.0.tar.gz\r",
        f"{A} *dist\\demo-1.0.tar.gz",
        f"SHA256 (dist/demo-1.0.tar.gz) = {A}",
        f"# of the build\n\n{A}  demo-1.0.tar.gz\n{A}  again/demo-1.0.tar.gz\n",
    ],
    ids=["text", "binary", "folder", "folder of Windows", "tagged", "comment and repetition"],
)
def test_lines_of_checksums(line: str) -> None:
    """The name of the file and its digest are read from each format of `sha256sum`."""
    assert parse_checksums(line) == {"demo-1.0.tar.gz": A}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{A[1:]}  demo", "Line 1 is not in the format of sha256sum."),
        (f"{A}  demo\nnonsense", "Line 2 is not in the format of sha256sum."),
        (f"{A}  demo\n{B}  x/demo", "Line 2 has another hash for demo than an earlier line."),
    ],
    ids=["short digest", "no digest", "two digests"],
)
def test_unreadable_checksums_are_refused(text: str, sentence: str) -> None:
    """A line that cannot be parsed is refused, not skipped."""
    with pytest.raises(ValueError, match=sentence):
        parse_checksums(text)


def test_nothing_differs() -> None:
    """The same files with the same digests do not differ."""
    assert [*checksum_differences({"demo": A}, {"demo": A})] == []


def test_every_difference() -> None:
    """Every file that is missing, additional or different is named, by filename."""
    staged = {"both": A, "more": A, "other": A}
    hashes = {"both": A, "less": A, "other": B}

    assert [*checksum_differences(staged, hashes)] == [
        "less is in the hashes, but not in the stage.",
        "more is in the stage, but not in the hashes.",
        f"other has sha256 {A} in the stage, but {B} in the hashes.",
    ]
