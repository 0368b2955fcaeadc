"""What a data directory holds at one moment: its rows, and the files on its disk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stageproxy.core.promotion.journal import Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import IN_PROGRESS, FileUpload
from stageproxy.core.stage.stage import LIVE, Artifact, Stage


class UnreadableCatalogueError(Exception):
    """The catalogue cannot be read at all; the message says why."""


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that cannot be read: its table, its key, and why."""

    table: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class StageTokenRow:
    """The row of a stage token: its digest, its stage, and the stage's rotation then."""

    digest: str
    stage_id: str
    rotation: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of the catalogue that fsck judges, as one transaction sees them.

    *stored*: the size of each stored file by its SHA-256. *core_metadata*: the SHA-256 of the
    METADATA file that each artifact came with, by stage and filename, `None` for an sdist; an
    artifact whose form is lost is missing there.
    """

    stages: Sequence[Stage] = ()
    stored: Mapping[str, int] = field(default_factory=dict)
    core_metadata: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    tokens: Sequence[ApiToken] = ()
    stage_tokens: Sequence[StageTokenRow] = ()
    promotions: Mapping[str, Promotion] = field(default_factory=dict)
    journals: Mapping[str, Journal] = field(default_factory=dict)
    unreadable: Sequence[UnreadableRow] = ()

    @property
    def live(self) -> Iterator[Stage]:
        """The stages that can still be published."""
        return (stage for stage in self.stages if stage.status in LIVE)

    def journal_of(self, stage: Stage) -> Journal:
        """Return the journal of a stage; empty if it has none."""
        return self.journals.get(stage.id, {})


@dataclass(frozen=True, slots=True)
class NeededFile:
    """A stored file that a live stage needs, for an artifact or a file upload in progress."""

    stage: Stage
    digests: FileDigests
    needed_by: Artifact | FileUpload


def needed_files(snapshot: Snapshot) -> Iterator[NeededFile]:
    """Return the stored files that live stages need, once for each row that names them."""
    for stage in snapshot.live:
        for one in stage.artifacts:
            digests = FileDigests(one.size, one.sha256, one.blake2b_256, one.md5)
            yield NeededFile(stage, digests, one)
        for upload in stage.uploads:
            if upload.received is not None and upload.status in IN_PROGRESS:
                yield NeededFile(stage, upload.received, upload)


class Place(StrEnum):
    """Where in a data directory a file is, as far as fsck is concerned."""

    KEPT = "kept"
    INCOMING = "incoming"
    DRAFT = "draft"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in a data directory: its path within it, and whether it is a regular file."""

    path: str
    place: Place
    size: int
    changed_at: datetime
    is_regular: bool = True

    @property
    def name(self) -> str:
        """The last part of the path: of a stored file, its SHA-256."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored file that is there but cannot be read, and why."""

    reason: str


Reading = FileDigests | Unreadable | None
"""What reading a stored file gave: its size and digests, a failure, or that it is missing."""
