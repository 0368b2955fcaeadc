"""What is in one artifact, as far as a review needs it, without its bytes."""

from dataclasses import dataclass, field
from enum import StrEnum


class MemberKind(StrEnum):
    """What a file in an artifact is."""

    PYTHON = "python"
    TEXT = "text"
    EXTENSION = "extension"
    """A compiled extension or shared library: `.so`, `.pyd`, `.dylib`, `.dll`."""
    EXECUTABLE = "executable"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """A file in an artifact. `path` has no version of the release: `demo-*.dist-info/RECORD`.

    `raw_path` is the path as it is in the archive, empty if it is the same. Files of an archive
    have different paths, even if they differ only in what is left out of `path`. `signs` are
    names of what shows in the text of a file that is not Python, each with its first line:
    `private key`.
    """

    path: str
    kind: MemberKind
    size: int
    sha256: str
    raw_path: str = ""
    in_record: bool = True
    signs: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleSummary:
    """What the code of a module can do, by its syntax tree.

    `capabilities` and `threats` are names, each with the first line where it is used.
    `not_read` is why it has no syntax tree.
    """

    path: str
    capabilities: tuple[tuple[str, int], ...] = ()
    threats: tuple[tuple[str, int], ...] = ()
    not_read: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What is in an artifact. `not_read` is why it, or the rest of it, was not read.

    `modules` are those whose code was read: where two releases are compared, what differs.
    `metadata` are the fields of METADATA or PKG-INFO as its headers name them, each value with
    the number of its line; the description is not among them. `entry_points` are
    `group: name = object` texts. `links` are paths and targets of the links in an sdist.
    """

    filename: str
    members: tuple[MemberSummary, ...] = field(default=(), repr=False)
    modules: tuple[ModuleSummary, ...] = field(default=(), repr=False)
    metadata: tuple[tuple[str, str, int], ...] = field(default=(), repr=False)
    description: str = field(default="", repr=False)
    entry_points: tuple[str, ...] = ()
    top_level: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    not_read: str = ""
