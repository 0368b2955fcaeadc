"""Pasted output with hashes, compared line by line with the files of a stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stageproxy.core.stage.checksums import checksum_differences, parse_checksums, read_lines


class Mark(StrEnum):
    """What the hash in a line is beside the file of that name in the stage."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_STAGED = "not-staged"


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line that has the hash of a file."""

    number: int
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Comparison:
    """The marked lines of an output, and a sentence for each file that is not as it has it."""

    lines: tuple[MarkedLine, ...]
    differences: tuple[str, ...]


def compare_output(staged: Mapping[str, str], content: bytes) -> Comparison:
    """Compare the hashes in an output with those of staged files, by their names."""
    try:
        differences = tuple(checksum_differences(staged, parse_checksums(content)))
    except ValueError as error:
        differences = (str(error),)
    return Comparison(tuple(_marked(staged, content)), differences)


def _marked(staged: Mapping[str, str], content: bytes) -> Iterator[MarkedLine]:
    for line in read_lines(content):
        marks = {_mark(staged.get(name), sha256) for name, sha256 in line.hashes}
        gravest = next((one for one in (Mark.DIFFERENT, Mark.NOT_STAGED) if one in marks), None)
        if marks:
            yield MarkedLine(line.number, line.text, gravest or Mark.SAME)


def _mark(staged: str | None, sha256: str) -> Mark:
    if staged is None:
        return Mark.NOT_STAGED
    return Mark.SAME if staged == sha256 else Mark.DIFFERENT
