"""Making a backup: the catalogue first, then the files that this copy of it names."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stageproxy import __version__
from stageproxy.core.errors import OtherBytesError
from stageproxy.store.backups.files import FileSource
from stageproxy.store.backups.manifest import (
    CATALOGUE,
    MANIFEST,
    SECRETS,
    BackedUpFile,
    BackupError,
    Manifest,
    Part,
)
from stageproxy.store.backups.snapshot import SnapshotSource, part_of, take_snapshot
from stageproxy.store.backups.writers import BackupWriter, Watch
from stageproxy.store.disk import Disk

_MOST_SNAPSHOTS = 3


@dataclass(frozen=True, slots=True)
class BackupOrder:
    """What to copy: a catalogue, the files that it names, and secrets or none; when, who watches.

    *root*: the data directory, where the secrets are. *announce* is called with the number of bytes
    to copy before the first of them is.
    """

    root: Path
    catalogue: SnapshotSource
    files: FileSource
    now: datetime
    with_secrets: bool
    announce: Watch
    watch: Watch


def make_backup(order: BackupOrder, writer: BackupWriter) -> Manifest:
    """Write a backup of a data directory, and return its manifest.

    A file that is gone was swept after the snapshot, or it is lost. The next
    snapshot shows which: it does not name what was swept.
    """
    manifest = _next_snapshot(order, writer, 0)
    _require_space(writer, manifest)
    order.announce(sum(file.size for file in manifest.files if not writer.has(file)))
    writer.begin(manifest)
    gone = _copy_files(order, writer, manifest.files)
    if gone:
        manifest, gone = _copy_again(order, writer, gone)
    whole = _without(manifest, gone)
    _write_manifest(writer, whole)
    writer.finish(whole)
    return whole


def _copy_again(
    order: BackupOrder, writer: BackupWriter, gone: frozenset[str]
) -> tuple[Manifest, frozenset[str]]:
    """Take snapshots until one names no file that is gone but those that are lost.

    Where sweeps are faster than that, the last one holds up whoever writes.
    """
    for number in range(1, _MOST_SNAPSHOTS):
        with order.catalogue.writers_held():
            pass
        manifest = _next_snapshot(order, writer, number)
        before, gone = gone, _copy_files(order, writer, manifest.files)
        if gone <= before:
            return manifest, gone
    with order.catalogue.writers_held():
        manifest = _next_snapshot(order, writer, _MOST_SNAPSHOTS)
        return manifest, _copy_files(order, writer, manifest.files)


def _next_snapshot(order: BackupOrder, writer: BackupWriter, number: int) -> Manifest:
    """Copy the catalogue, and the secrets if they are wanted, to the scratch folder."""
    snapshot = take_snapshot(order.catalogue, writer.scratch / CATALOGUE)
    manifest = Manifest(
        snapshot=f"{order.now:%Y%m%dT%H%M%S.%fZ}" + (f".{number}" if number else ""),
        made_at=f"{order.now:%Y-%m-%dT%H:%M:%SZ}",
        stageproxy=__version__,
        steps=snapshot.steps,
        counts=snapshot.counts,
        catalogue=snapshot.part,
        secrets=tuple(_copy_secrets(order, writer.scratch)),
        files=snapshot.files,
    )
    _write_manifest(writer, manifest)
    return manifest


def _copy_secrets(order: BackupOrder, scratch: Path) -> Iterable[Part]:
    """Copy the secrets of a data directory that it has."""
    for name in SECRETS:
        source, copy = order.root / name, scratch / name
        if order.with_secrets and source.is_file():
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            yield part_of(copy, name)


def _copy_files(
    order: BackupOrder, writer: BackupWriter, files: Iterable[BackedUpFile]
) -> frozenset[str]:
    """Add the files that the backup does not have; return the digests of those that are gone."""
    return frozenset(
        file.sha256 for file in files if not writer.has(file) and not _copy(order, writer, file)
    )


def _copy(order: BackupOrder, writer: BackupWriter, file: BackedUpFile) -> bool:
    try:
        with order.files.open(file.sha256) as source:
            return writer.add(file, source, order.watch)
    except (FileNotFoundError, OtherBytesError):
        return False


def _without(manifest: Manifest, lost: frozenset[str]) -> Manifest:
    if not lost:
        return manifest
    files = tuple(file for file in manifest.files if file.sha256 not in lost)
    return manifest.model_copy(update={"files": files, "lost": tuple(sorted(lost))})


def _write_manifest(writer: BackupWriter, manifest: Manifest) -> None:
    path = writer.scratch / MANIFEST
    path.write_text(manifest.to_json())
    path.chmod(0o600)


def _require_space(writer: BackupWriter, manifest: Manifest) -> None:
    """Raise before anything is copied if the disk of the backup has not enough space."""
    files = sum(file.size for file in manifest.files if not writer.has(file))
    require_space(writer.scratch.parent, files + manifest.catalogue.size)


def require_space(folder: Path, needed: int) -> None:
    """Raise if a folder's disk has less than *needed* bytes free."""
    free = Disk(folder).space.free
    if free < needed:
        msg = (
            f"This needs {_megabytes(needed)}, and the disk of {folder} has {_megabytes(free)} "
            "free. Nothing was written. Make room, or name a folder on another disk."
        )
        raise BackupError(msg)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
