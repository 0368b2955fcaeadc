"""What changes from one release, or one candidate of a stage, to the next."""

from dataclasses import dataclass
from enum import StrEnum


class Against(StrEnum):
    """What a stage is compared with."""

    RELEASE = "release"
    CANDIDATE = "candidate"


class ChangeKind(StrEnum):
    """How something differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class RequirementChange(StrEnum):
    """How a requirement differs."""

    ADDED = "added"
    REMOVED = "removed"
    LOOSENED = "loosened"
    TIGHTENED = "tightened"
    CHANGED = "changed"
    """Neither looser nor tighter: other versions, another marker, another extra."""


@dataclass(frozen=True, slots=True)
class FieldDelta:
    """One field of the core metadata that differs, by its name in METADATA: `License-Expression`.

    Fields that may be used several times have a line for each value. `files` are the artifacts
    that it differs in, none if it differs in all of them.
    """

    field: str
    kind: ChangeKind
    before: str = ""
    after: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequirementDelta:
    """One requirement of the release, or its Requires-Python, that differs.

    `name` is the normalized project, or `python`; `extra` the extra that it belongs to, empty
    for none. `is_direct`: it names a URL. `is_unsatisfiable`: no version can meet it. `files` are
    the artifacts that it differs in, none if it differs in all of them.
    """

    name: str
    change: RequirementChange
    before: str = ""
    after: str = ""
    extra: str = ""
    is_direct: bool = False
    is_unsatisfiable: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a text diff. `sign` is `+`, `-`, a space, or `~` for folded lines.

    `text` of folded lines is how many they are. Lines are cut after some hundred characters.
    """

    sign: str
    text: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class MemberDelta:
    """A file in an artifact that differs, by its path without the version of the release.

    Sizes are in bytes. `diff` is empty for binary files. `not_shown` is why, or what of it is left
    out. `sha256` is the digest of the file in the later artifact, empty if it is not there.
    """

    path: str
    kind: ChangeKind
    size_before: int = 0
    size_after: int = 0
    diff: tuple[DiffLine, ...] = ()
    not_shown: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactDelta:
    """An artifact and the one that it is compared with; one of them is empty if there is none.

    `count_before` and `count_after` are the numbers of files in them. `repeated` is how many
    changes are left out here since the same ones are listed for an artifact above, and `omitted`
    how many are listed nowhere. `not_compared` is why their contents were not compared; nothing
    is known of `members` and the numbers then.
    """

    filename: str
    before: str = ""
    size_before: int = 0
    size_after: int = 0
    members: tuple[MemberDelta, ...] = ()
    omitted: int = 0
    not_compared: str = ""
    count_before: int = 0
    count_after: int = 0
    repeated: int = 0
    sha256_before: str = ""
    sha256_after: str = ""

    @property
    def only_repeats(self) -> bool:
        """Whether each change in it is listed for an artifact above."""
        return bool(self.repeated) and not (self.members or self.omitted or self.not_compared)


@dataclass(frozen=True, slots=True)
class NameDelta:
    """A name that the release adds, removes or changes: an entry point, a module, a licence file.

    `what` is `entry-point`, `module`, `extension`, `license` or `script`. `files` are the artifacts
    that it differs in, none if it differs in all wheels.
    """

    what: str
    name: str
    kind: ChangeKind
    before: str = ""
    after: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CapabilityDelta:
    """What the code of a module can do before and after: `network`, `process`, `files`, ...

    `places` are lines of what is new: `demo/core.py:12`.
    """

    module: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """What changes from a release or candidate to the stage.

    `version` is that of the release, and `label` the name for people: `numpy 2.3.1`,
    `candidate 2 of 2026-11-30 12:00 UTC`. `not_compared` is why the contents were not compared.
    `omitted` is how many changes of fields, requirements, names and capabilities are not listed.
    """

    against: Against
    version: str
    label: str
    channel: str = ""
    fields: tuple[FieldDelta, ...] = ()
    requirements: tuple[RequirementDelta, ...] = ()
    names: tuple[NameDelta, ...] = ()
    artifacts: tuple[ArtifactDelta, ...] = ()
    capabilities: tuple[CapabilityDelta, ...] = ()
    size_before: int = 0
    size_after: int = 0
    not_compared: str = ""
    omitted: int = 0
