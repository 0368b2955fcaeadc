"""The manifest of a backup: what one snapshot consists of, with sizes and digests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CATALOGUE = "catalogue.db"
MANIFEST = "manifest.json"
SECRETS = ("secret", "admin.token")
"""The files of a data directory that are in a backup only if they are asked for."""

SNAPSHOT = r"^[0-9TZ.]{1,40}$"
"""The ids of snapshots."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
Plain = Annotated[str, Field(pattern=r"^[\w.:+!-]*$", max_length=100)]
"""Text that is shown in a terminal as it is."""


class BackupError(Exception):
    """A backup cannot be made or used; the message says why, and what to do."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Part(_Document):
    """A file beside the manifest."""

    name: Literal["catalogue.db", "secret", "admin.token"]
    size: Size
    sha256: Sha256


class BackedUpFile(_Document):
    """A stored file that the catalogue names."""

    sha256: Sha256
    size: Size

    @property
    def name(self) -> str:
        """Its name within the backup."""
        return f"files/{self.sha256}"


class Manifest(_Document):
    """What one snapshot of the catalogue consists of.

    *lost*: the files that the catalogue names, but that the data directory did not have whole.
    """

    format: Literal[1] = 1
    snapshot: Annotated[str, Field(pattern=SNAPSHOT)]
    made_at: Plain = Field(alias="made-at")
    stageproxy: Plain
    steps: tuple[Plain, ...] = Field(alias="schema")
    counts: Mapping[str, int]
    catalogue: Part
    secrets: tuple[Part, ...] = ()
    files: tuple[BackedUpFile, ...]
    lost: tuple[Sha256, ...] = ()

    @property
    def size(self) -> int:
        """Return the bytes of everything in it."""
        parts: tuple[Part | BackedUpFile, ...] = (self.catalogue, *self.secrets, *self.files)
        return sum(part.size for part in parts)

    def to_json(self) -> str:
        """Return the manifest as it is stored."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    @classmethod
    def parse(cls, text: bytes) -> Self | None:
        """Return the manifest in a document, or `None` if it is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the manifest in a file, or `None` if there is none."""
        return cls.parse(path.read_bytes()) if path.is_file() else None


def name_in(snapshot: str, part: str) -> str:
    """Return the name, within a backup, of a file that belongs to one snapshot."""
    return f"snapshots/{snapshot}/{part}"
