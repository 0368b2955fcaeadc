"""SHA-256 hashes of files in the output of tools and in logs, and the comparison with a stage.

A line needs a hash and the name of a wheel or an sdist, in either order, whatever
is around them: sha256sum, its BSD form, `pip hash`, certutil, and any of these in the
log of a CI job, with timestamps, colors and folders. Other lines are ignored: what
counts is that every staged file has one hash, and that no other file has any.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from packaging.version import Version

from stageproxy.core.archives.filenames import parse_distribution_name

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_P^X].*?(?:\x07|\x1b\\)|[@-Z\\-_])")
"""Colors, links and other sequences for terminals."""

_SHA256 = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])")
_LABELLED = re.compile(r"sha-?256\W{1,4}$", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w.+-])\w[\w.+!-]{0,250}?\.(?:whl|tar\.gz|zip)(?![\w-]|\.\w)")
_OTHER_HASH = re.compile(
    r"(?<![\w/\\])(?:blake[23]|sha-?3|sha-?512|shake|keccak|sm3)(?![\w-]*[/\\](?!\d))",
    re.IGNORECASE,
)
"""Other functions whose hashes can have 64 digits, as the tools name them. Folders do not count."""

_NOT_LONG = r"(?!.{1000})"
_TIMED = r"(?:.*\d\d:\d\d:\d\d\S*+)?"
_BLANK = re.compile(_NOT_LONG + _TIMED)
_HEADING = re.compile(rf"{_NOT_LONG}(?:.*:|{_TIMED}\s*\S+)")
"""A line with a name whose hash is on the next one, as `pip hash`, certutil and the action that
publishes to PyPI print it: a sentence that ends with a colon, or a path alone."""

_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_EXPECTED = (
    "Each line needs a SHA-256, which has 64 hexadecimal digits, and the name of a wheel or an "
    "sdist, as sha256sum prints them."
)


@dataclass(frozen=True, slots=True)
class Hash:
    """The SHA-256 of a file, and the number of the line that it is on."""

    sha256: str
    line: int


@dataclass(frozen=True, slots=True)
class Checksums:
    """The hashes of files by their names, and the lines that only name a file."""

    hashes: Mapping[str, Hash]
    without: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A line without colors, and the names of files with the hashes that it has of them."""

    number: int
    text: str
    hashes: tuple[tuple[str, str], ...]


def parse_checksums(content: bytes) -> Checksums:
    """Return the hashes of wheels and sdists by filename, without folders.

    Raise `ValueError` if there are none, or if a file has two.
    """
    hashes: dict[str, Hash] = {}
    without: dict[str, int] = {}
    for line in read_lines(content):
        for name, sha256 in line.hashes:
            _add(hashes, name, Hash(sha256, line.number))
        without |= {} if line.hashes else dict.fromkeys(_NAME.findall(line.text), line.number)
    if not hashes:
        msg = f"It has no hash of a wheel or an sdist. {_EXPECTED}"
        raise ValueError(msg)
    return Checksums(hashes, without)


def read_lines(content: bytes) -> Iterator[Line]:
    """Yield the lines of an output, each with the hashes that it has."""
    heading: list[str] = []
    for number, text in enumerate(_lines(content), 1):
        yield Line(number, text, tuple(_pairs(text, heading)))
        if not _BLANK.fullmatch(text):
            heading = _NAME.findall(text) if _HEADING.fullmatch(text) else []


def checksum_differences(staged: Mapping[str, str], expected: Checksums) -> Iterator[str]:
    """Return a sentence for each file of the stage that is missing, additional or different.

    Files of other releases, such as dependencies in a log, are ignored.
    """
    releases = {_release_of(name) for name in staged}
    of_release = {one for one in expected.hashes if _release_of(one) in {None, *releases}}
    for name in sorted({*staged, *of_release}):
        hashed = expected.hashes.get(name)
        if hashed is None:
            yield f"{name} is in the stage, but not in the hashes.{_hint(name, expected)}"
        elif name not in staged:
            yield f"{name} is in line {hashed.line} of the hashes, but not in the stage."
        elif staged[name] != hashed.sha256:
            found = f"has sha256 {staged[name]} in the stage"
            yield f"{name} {found}, but {hashed.sha256} in line {hashed.line} of the hashes."


def _release_of(filename: str) -> tuple[str, Version] | None:
    """Return the project and the version of a file, `None` if its name has none."""
    try:
        name = parse_distribution_name(filename)
    except ValueError:
        return None
    return name.project, name.version


def _hint(name: str, expected: Checksums) -> str:
    line = expected.without.get(name)
    return f" Line {line} names it without one. {_EXPECTED}" if line else ""


def _lines(content: bytes) -> list[str]:
    encoding = _BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")
    text = content.decode(encoding, errors="replace")
    return [unquote(_ESCAPES.sub("", line)).strip() for line in text.splitlines()]


def _pairs(line: str, heading: list[str]) -> list[tuple[str, str]]:
    """Return the files that a line has hashes of. *heading*: the names on the line above it.

    Hashes and names that do not alternate could belong together in any way.
    """
    hashes = _hashes(line)
    names = [(one.start(), one[0]) for one in _NAME.finditer(line)] or [(-1, it) for it in heading]
    if len({name for _, name in names}) == len({sha256 for _, sha256 in hashes}) == 1:
        return [(names[0][1], hashes[0][1])]
    pairs = list(zip(names, hashes, strict=False))
    are_names_first = {name < sha256 for name, sha256 in pairs}
    in_order = [one for pair in pairs for one in sorted(pair)]
    if len(names) != len(hashes) or len(are_names_first) != 1 or in_order != sorted(in_order):
        return []
    return [(name, sha256) for (_, name), (_, sha256) in pairs]


def _hashes(line: str) -> list[tuple[int, str]]:
    """Return where a line has hashes: those that it calls SHA-256, or else all, if none differs."""
    without_names = _NAME.sub(lambda name: " " * len(name[0]), line)
    found = list(_SHA256.finditer(without_names))
    labelled = [one for one in found if _LABELLED.search(line, 0, one.start())]
    if not labelled and _OTHER_HASH.search(without_names):
        return []
    return [(one.start(), one[0].lower()) for one in labelled or found]


def _add(hashes: dict[str, Hash], name: str, found: Hash) -> None:
    former = hashes.setdefault(name, found)
    if former.sha256 != found.sha256:
        msg = (
            f"Line {found.line} has the sha256 {found.sha256} for {name}, but line {former.line} "
            f"has {former.sha256}. Each file needs one."
        )
        raise ValueError(msg)
