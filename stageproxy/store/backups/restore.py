"""Reading a backup back: everything is verified before the data directory changes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from stageproxy.store.backups.backup import require_space
from stageproxy.store.backups.manifest import (
    CATALOGUE,
    BackedUpFile,
    BackupError,
    Manifest,
    name_in,
)
from stageproxy.store.backups.readers import DAMAGED, Backup, find_manifest, snapshots_in
from stageproxy.store.backups.snapshot import read_snapshot
from stageproxy.store.backups.writers import Watch, copy_hashed
from stageproxy.store.disk import FULL
from stageproxy.store.files import flush_folder, stored_path
from stageproxy.store.sqlite.migrations import unknown_steps


@dataclass(frozen=True, slots=True)
class RestoreOrder:
    """What to read into the empty folder *target*: a snapshot, the latest if `None`.

    A file that the backup does not have whole is taken from the folder of files
    *beside*, if that has it.
    """

    snapshot: str | None
    target: Path
    beside: Path
    announce: Watch
    watch: Watch


@dataclass(frozen=True, slots=True)
class Read:
    """What was read from a backup, and the digests of the files that it does not have whole."""

    manifest: Manifest
    missing: tuple[str, ...]


def read_backup(backup: Backup, order: RestoreOrder) -> Read:
    """Read a snapshot and its files, comparing every byte with its digest."""
    manifest = _choose(backup, order.snapshot)
    _require_known_schema(manifest)
    require_space(order.target, manifest.size)
    order.announce(manifest.size)
    for part in (manifest.catalogue, *manifest.secrets):
        with backup.open(name_in(manifest.snapshot, part.name)) as source:
            copy_hashed(source, order.target / part.name, order.watch)
    read_snapshot(order.target / CATALOGUE)
    wanted = (*manifest.files, *(BackedUpFile(sha256=one, size=0) for one in manifest.lost))
    missing = tuple(file.sha256 for file in wanted if not _read_file(backup, file, order))
    _flush_folders(order.target)
    return Read(manifest, missing)


def _choose(backup: Backup, wanted: str | None) -> Manifest:
    manifest = find_manifest(backup, wanted)
    if manifest is not None:
        return manifest
    raise BackupError(_no_snapshot(wanted, snapshots_in(backup)))


def _no_snapshot(wanted: str | None, known: Sequence[str]) -> str:
    listed = ", ".join(known) or "none"
    if wanted is None:
        return (
            f"The backup has no whole snapshot of the catalogue (snapshots in it: {listed}). "
            "Without one, its files cannot be assigned to stages. Use an earlier backup."
        )
    what = "is damaged" if wanted in known else "is not in the backup"
    return f"The snapshot {wanted} {what}. Snapshots in it, for --snapshot: {listed}."


def _require_known_schema(manifest: Manifest) -> None:
    unknown = unknown_steps(manifest.steps)
    if unknown:
        msg = (
            f"The backup was made by stageproxy {manifest.stageproxy}, which is newer than this "
            f"one (unknown migrations: {', '.join(unknown)}). Nothing was changed. Install that "
            "version, and restore the backup with it."
        )
        raise BackupError(msg)


def _read_file(backup: Backup, file: BackedUpFile, order: RestoreOrder) -> bool:
    """Read a file from the backup, or else from beside it; return whether one has it whole."""
    path = stored_path(order.target / "files", file.sha256)
    for folder in (*reversed(path.relative_to(order.target).parents[:-1]),):
        (order.target / folder).mkdir(mode=0o700, exist_ok=True)
    for source in _sources(backup, file, order.beside):
        if _is_copied(source, file.sha256, path, order.watch):
            return True
    path.unlink(missing_ok=True)
    return False


def _sources(backup: Backup, file: BackedUpFile, beside: Path) -> Iterator[Callable[[], BinaryIO]]:
    if file.name in backup.sizes:
        yield partial(backup.open, file.name)
    stored = stored_path(beside, file.sha256)
    if stored.is_file():
        yield partial(FileIO, str(stored))


def _is_copied(source: Callable[[], BinaryIO], sha256: str, path: Path, watch: Watch) -> bool:
    """Copy a file, if it can be read and has the bytes that its name says."""
    try:
        with source() as opened:
            return copy_hashed(opened, path, watch) == sha256
    except DAMAGED as error:
        if getattr(error, "errno", None) in FULL:
            raise
        return False


def _flush_folders(root: Path) -> None:
    for path in [*root.rglob("*"), root]:
        if path.is_dir():
            flush_folder(path)
