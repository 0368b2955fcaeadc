"""The hashes of a build beside the files of a stage."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.text import Text

from stageproxy.cli.output.output import FailedError
from stageproxy.core.stage.checksum_marks import Comparison, Mark, compare_output
from stageproxy.core.wording import without_controls

_STDIN = Path("-")
_MARKS: Mapping[Mark, tuple[str, str]] = {
    Mark.SAME: ("same", "green"),
    Mark.DIFFERENT: ("DIFFERENT", "bold red"),
    Mark.NOT_STAGED: ("not staged", "yellow"),
}
_WIDTH = 12


def read_hashes(path: Path) -> bytes:
    """Return the output of a build, from a file or from the standard input (`-`)."""
    try:
        return sys.stdin.buffer.read() if path == _STDIN else path.read_bytes()
    except OSError as error:
        raise FailedError(f"Could not read hashes from {path}: {error}") from error


def compare_with_manifest(manifest: str, content: bytes) -> Comparison:
    """Compare an output with the lines of a manifest."""
    lines = (line.partition("  ") for line in manifest.splitlines())
    return compare_output({filename: sha256 for sha256, _, filename in lines}, content)


def hash_lines(comparison: Comparison) -> Iterator[Text]:
    """Yield each line that has a hash with its mark, and what is not as in the stage."""
    yield Text("\nHashes of the build", "bold")
    for line in comparison.lines:
        mark, style = _MARKS[line.mark]
        yield Text.assemble("  ", (f"{mark:<{_WIDTH}}", style), without_controls(line.text))
    for sentence in comparison.differences:
        yield Text(f"  {without_controls(sentence)}", "bold red")
    if not comparison.differences:
        yield Text("  Every file of the stage has the hash of the build.", "green")
