"""Where a backup is read from: an archive, a folder, or a copy of the catalogue alone.

It may have been forged: what it says of itself is checked before it is used or shown.
"""

import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from stageproxy import __version__
from stageproxy.store.backups.manifest import (
    CATALOGUE,
    MANIFEST,
    SNAPSHOT,
    BackupError,
    Manifest,
    Part,
    name_in,
)
from stageproxy.store.backups.snapshot import digest_of, read_snapshot

_IMPOSSIBLE_SIZE = (MemoryError, OverflowError, ValueError)
DAMAGED = (OSError, EOFError, zlib.error, tarfile.TarError, *_IMPOSSIBLE_SIZE)
"""What reading a damaged, truncated or forged backup raises."""

_MAGIC = b"SQLite format 3\x00"


class Backup(Protocol):
    """A backup that is read."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Return the bytes of each of its files, by their names within it."""

    def open(self, name: str) -> BinaryIO:
        """Open a file by its name within the backup."""


class FolderBackup:
    """A folder of backups."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.sizes = {
            str(path.relative_to(root)): path.stat().st_size
            for folder in ("snapshots", "files")
            for path in (root / folder).rglob("*")
            if path.is_file()
        }

    def open(self, name: str) -> BinaryIO:
        """Open a file of the folder."""
        return (self._root / name).open("rb")


class ArchiveBackup:
    """An archive, as far as it can be read."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {one.name: one for one in _members(archive)}
        self.sizes = {name: one.size for name, one in self._members.items()}

    def open(self, name: str) -> BinaryIO:
        """Open a member of the archive."""
        file = self._archive.extractfile(self._members[name])
        assert file is not None  # noqa: S101 - `_members` has only regular files
        return file  # type: ignore[return-value] # a BufferedReader


class CatalogueBackup:
    """A copy of the catalogue alone, such as the one that is made before a migration."""

    def __init__(self, path: Path) -> None:
        snapshot = read_snapshot(path)
        manifest = Manifest(
            snapshot="0",
            made_at="",
            stageproxy=__version__,
            steps=snapshot.steps,
            counts=snapshot.counts,
            catalogue=snapshot.part,
            files=snapshot.files,
        )
        self._path = path
        self._manifest = manifest.to_json().encode()
        names = {MANIFEST: len(self._manifest), CATALOGUE: snapshot.part.size}
        self.sizes = {name_in("0", name): size for name, size in names.items()}

    def open(self, name: str) -> BinaryIO:
        """Open the copy, or the manifest that describes it."""
        if name.endswith(MANIFEST):
            return BytesIO(self._manifest)
        return self._path.open("rb")


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup of whatever kind for reading."""
    if path.is_dir():
        if not (path / "snapshots").is_dir():
            msg = f"{path} is no backup: it has no folder `snapshots`. Check the path."
            raise BackupError(msg)
        yield FolderBackup(path)
        return
    try:
        with path.open("rb") as file:
            is_catalogue = file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise BackupError(msg) from error
    if is_catalogue:
        yield CatalogueBackup(path)
        return
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 - closed below
    except DAMAGED as error:
        msg = f"{path} is no backup: it is not a tar archive, not a folder and not a catalogue."
        raise BackupError(msg) from error
    with archive:
        yield ArchiveBackup(archive)


def snapshots_in(backup: Backup) -> list[str]:
    """Return the ids of the snapshots in a backup, the latest first."""
    names = (name.split("/") for name in backup.sizes)
    found = {parts[1] for parts in names if parts[0] == "snapshots" and len(parts) > 1}
    return sorted((one for one in found if re.fullmatch(SNAPSHOT, one)), reverse=True)


def find_manifest(backup: Backup, wanted: str | None) -> Manifest | None:
    """Return the manifest of the *wanted* snapshot, or of the latest one that is whole."""
    for snapshot in [wanted] if wanted else snapshots_in(backup):
        manifest = _read_manifest(backup, snapshot)
        if manifest and all(is_whole(backup, snapshot, part) for part in _parts_of(manifest)):
            return manifest
    return None


def is_whole(backup: Backup, snapshot: str, part: Part) -> bool:
    """Return whether a part of a snapshot has the bytes that the manifest lists."""
    try:
        with backup.open(name_in(snapshot, part.name)) as file:
            return digest_of(file) == part.sha256
    except (KeyError, *DAMAGED):
        return False


def _parts_of(manifest: Manifest) -> tuple[Part, ...]:
    return (manifest.catalogue, *manifest.secrets)


def _read_manifest(backup: Backup, snapshot: str) -> Manifest | None:
    try:
        with backup.open(name_in(snapshot, MANIFEST)) as file:
            manifest = Manifest.parse(file.read())
    except (KeyError, *DAMAGED):
        return None
    return manifest if manifest and manifest.snapshot == snapshot else None


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the regular files of an archive, up to where it is cut off.

    Sparse ones are not ours: a few bytes can stand for more than fits on the disk.
    """
    try:
        for member in archive:
            if member.isreg() and not member.issparse():
                yield member
    except DAMAGED:
        return
