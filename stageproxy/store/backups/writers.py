"""Where a backup is written: one archive, or a folder that keeps the files of earlier backups."""

import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from stageproxy.store.backups.manifest import MANIFEST, BackedUpFile, BackupError, Manifest, name_in
from stageproxy.store.backups.snapshot import digest_of
from stageproxy.store.files import flush_folder

Watch = Callable[[int], None]
"""Is called with the number of bytes after each piece that is done."""

_CHUNK = 2**20
_COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip")


class BackupWriter(Protocol):
    """A backup that is being written. *scratch*: a folder for the parts of the next snapshot."""

    scratch: Path

    def has(self, file: BackedUpFile) -> bool:
        """Return whether the backup has a file already."""

    def begin(self, manifest: Manifest) -> None:
        """Prepare for the files of a snapshot."""

    def add(self, file: BackedUpFile, source: BinaryIO, watch: Watch) -> bool:
        """Add a file; return whether. One that has other bytes than its name says is not added."""

    def finish(self, manifest: Manifest) -> None:
        """Add a snapshot whose files were added: with it, the backup is complete."""


class ArchiveWriter:
    """A tar archive: a snapshot, then its files, so that what is cut off can be named.

    If files were deleted meanwhile, a later snapshot that does not need them is at the end.
    """

    def __init__(self, archive: tarfile.TarFile, scratch: Path) -> None:
        self.scratch = scratch
        self._archive = archive
        self._begun: Manifest | None = None
        self._added: set[str] = set()

    def has(self, file: BackedUpFile) -> bool:
        """Return whether the file was added."""
        return file.sha256 in self._added

    def begin(self, manifest: Manifest) -> None:
        """Add the snapshot, if it is the first one."""
        if self._begun is None:
            self._begun = manifest
            self._add_parts(manifest)

    def add(self, file: BackedUpFile, source: BinaryIO, watch: Watch) -> bool:
        """Add a file after reading it once to compare its bytes."""
        size = os.fstat(source.fileno()).st_size
        if size != file.size or digest_of(source) != file.sha256:
            return False
        source.seek(0)
        self._add(file.name, size, source)
        self._added.add(file.sha256)
        watch(size)
        return True

    def finish(self, manifest: Manifest) -> None:
        """Add the snapshot, unless it is there."""
        if manifest != self._begun:
            self._add_parts(manifest)

    def _add_parts(self, manifest: Manifest) -> None:
        for part in sorted(self.scratch.iterdir(), key=lambda one: one.name != MANIFEST):
            with part.open("rb") as source:
                self._add(name_in(manifest.snapshot, part.name), part.stat().st_size, source)

    def _add(self, name: str, size: int, source: BinaryIO) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._archive.addfile(member, source)


@contextmanager
def open_archive_writer(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive beside *path*, and put it there when it is complete and flushed."""
    if path.suffix in _COMPRESSED:
        msg = (
            f"A backup is a plain tar archive: wheels are compressed already. Name {path} with the "
            "ending .tar."
        )
        raise BackupError(msg)
    if path.exists() and path.stat().st_size and not tarfile.is_tarfile(path):
        msg = f"{path} exists and is no backup. Name another file, or delete it first."
        raise BackupError(msg)
    draft, scratch = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.parts")
    with _alone(draft) as file:
        file.truncate(0)
        try:
            with _scratch(scratch), tarfile.open(fileobj=file, mode="w") as archive:
                yield ArchiveWriter(archive, scratch)
            file.flush()
            os.fsync(file.fileno())
            draft.replace(path)
            flush_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)


class FolderWriter:
    """A folder with `files/<sha256>`, and a snapshot for each backup in `snapshots/`."""

    def __init__(self, root: Path, scratch: Path, *, verify: bool) -> None:
        self.scratch = scratch
        self._root = root
        self._verify = verify
        self._whole: set[str] = set()

    def has(self, file: BackedUpFile) -> bool:
        """Return whether the file is there with its size, and with *verify* its bytes."""
        if file.sha256 not in self._whole and self._is_whole(file):
            self._whole.add(file.sha256)
        return file.sha256 in self._whole

    def _is_whole(self, file: BackedUpFile) -> bool:
        path = self._root / file.name
        if not path.is_file() or path.stat().st_size != file.size:
            return False
        if not self._verify:
            return True
        with path.open("rb") as stored:
            return digest_of(stored) == file.sha256

    def begin(self, manifest: Manifest) -> None:
        """Do nothing: a snapshot without its files would be a half backup."""

    def add(self, file: BackedUpFile, source: BinaryIO, watch: Watch) -> bool:
        """Copy a file to its name, and flush it."""
        path = self._root / file.name
        draft = path.with_name("incomplete")
        is_whole = copy_hashed(source, draft, watch) == file.sha256
        if is_whole:
            draft.replace(path)
            self._whole.add(file.sha256)
        else:
            draft.unlink()
        return is_whole

    def finish(self, manifest: Manifest) -> None:
        """Put the snapshot beside the earlier ones."""
        flush_folder(self._root / "files")
        for part in self.scratch.iterdir():
            with part.open("rb") as file:
                os.fsync(file.fileno())
        flush_folder(self.scratch)
        self.scratch.rename(self._root / "snapshots" / manifest.snapshot)
        flush_folder(self._root / "snapshots")

    def prune(self, most: int) -> None:
        """Remove all but the *most* latest snapshots, and the files that none of them names.

        If a snapshot that stays cannot be read, no file is removed.
        """
        snapshots = sorted((self._root / "snapshots").iterdir())
        for snapshot in snapshots[:-most]:
            shutil.rmtree(snapshot)
        kept = [Manifest.read(snapshot / MANIFEST) for snapshot in snapshots[-most:]]
        if None in kept:
            return
        named = {file.sha256 for manifest in kept if manifest for file in manifest.files}
        for path in (self._root / "files").iterdir():
            if path.name not in named:
                path.unlink()


@contextmanager
def open_folder_writer(path: Path, *, verify: bool) -> Iterator[FolderWriter]:
    """Write a backup into a folder, which is created if needed."""
    if path.is_dir() and any(path.iterdir()) and not (path / "snapshots").is_dir():
        msg = f"{path} has other files and is no folder of backups. Name a new or empty folder."
        raise BackupError(msg)
    for folder in (path, path / "snapshots", path / "files"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path / "lock"), _scratch(path / "incomplete") as scratch:
        yield FolderWriter(path, scratch, verify=verify)


def copy_hashed(source: BinaryIO, target: Path, watch: Watch) -> str:
    """Copy bytes to a new file that only its owner can read, flush it, and return its SHA-256."""
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
            watch(len(chunk))
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """Open a file that only one backup at a time can write."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"Another backup is being written to {path.parent}. Wait until it has ended."
            raise BackupError(msg) from error
        yield file


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Create an empty folder, also in place of one that was left behind."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
