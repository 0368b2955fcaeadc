"""Pasted output, compared line by line with the files of a stage."""

from stageproxy.core.stage.checksum_marks import Mark, compare_output

A, B, C = "a" * 64, "b" * 64, "c" * 64
SDIST, WHEEL = "demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"
STAGED = {SDIST: A, WHEEL: B}


def marks(text: str) -> list[tuple[int, Mark]]:
    """Return the marks of lines by their numbers."""
    return [(one.number, one.mark) for one in compare_output(STAGED, text.encode()).lines]


def test_each_line_is_marked() -> None:
    """A line with a hash is marked, also if it repeats another one; other lines are not."""
    text = f"Run\n{A}  {SDIST}\n{C}  dist/{WHEEL}\n{A}  again/{SDIST}\n{C}  demo-1.0-1.whl\nend"

    assert marks(text) == [
        (2, Mark.SAME),
        (3, Mark.DIFFERENT),
        (4, Mark.SAME),
        (5, Mark.NOT_STAGED),
    ]


def test_name_on_the_line_above() -> None:
    """A hash whose file is named on the line above it is marked, too."""
    assert marks(f"dist/{SDIST}:\n--hash=sha256:{A}") == [(2, Mark.SAME)]


def test_differences() -> None:
    """What is missing in the output is a difference, and so is what contradicts itself."""
    assert compare_output(STAGED, f"{A}  {SDIST}\n{B}  {WHEEL}".encode()).differences == ()
    (missing,) = compare_output(STAGED, f"{A}  {SDIST}".encode()).differences
    (two,) = compare_output(STAGED, f"{A}  {SDIST}\n{C}  {SDIST}".encode()).differences
    (none,) = compare_output(STAGED, b"nothing").differences

    assert missing.startswith(f"{WHEEL} is in the stage, but not in the hashes.")
    assert two.endswith("Each file needs one.")
    assert none.startswith("It has no hash of a wheel or an sdist.")
