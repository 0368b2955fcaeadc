"""Lines of `sha256sum`, and what they tell of a stage."""

import pytest

from stageproxy.core.stage.manifest import checksum_differences, parse_checksums

A, B = "a" * 64, "b" * 64


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
def test_lines(line: str) -> None:
    """A line is read as the tools print it: what counts is the file's name, and its digest."""
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
def test_nonsense(text: str, sentence: str) -> None:
    """What cannot be read is never passed over."""
    with pytest.raises(ValueError, match=sentence):
        parse_checksums(text)


def test_nothing_differs() -> None:
    """The same files with the same digests have no difference."""
    assert [*checksum_differences({"demo": A}, {"demo": A})] == []


def test_every_difference() -> None:
    """Every file that is missing, additional or different is named, by filename."""
    staged = {"both": A, "more": A, "other": A}
    told = {"both": A, "less": A, "other": B}

    assert [*checksum_differences(staged, told)] == [
        "less is in the hashes, but not in the stage.",
        "more is in the stage, but not in the hashes.",
        f"other has sha256 {A} in the stage, but {B} in the hashes.",
    ]
