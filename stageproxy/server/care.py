"""The catalogue and the files of an installation, as commands that care for them read them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from stageproxy.config import Config
from stageproxy.ports import RunningFiles
from stageproxy.server.clock import SystemClock
from stageproxy.server.storage import address_of, needed_by, open_files
from stageproxy.services.care.fsck import CatalogueRows
from stageproxy.services.care.fsck import Disk as FilesOnDisk
from stageproxy.services.care.repair import RepairableFiles
from stageproxy.store.backups.files import FileSource, FolderFiles, StoredFiles
from stageproxy.store.backups.snapshot import SnapshotSource, SqliteSource
from stageproxy.store.catalogue_reader import CatalogueReader, CopiedCatalogue
from stageproxy.store.directory import DataDirectory
from stageproxy.store.disk import Disk
from stageproxy.store.found_files import FoundFiles
from stageproxy.store.inspection import Inspection


class CheckedFiles(FilesOnDisk, RepairableFiles, Protocol):
    """The files of an installation, as fsck finds and repairs them."""

    def forget_failure(self) -> None:
        """End the state in which a server takes no uploads because its disk has failed."""


def snapshots_of(config: Config) -> SnapshotSource:
    """Return the catalogue that the settings name, to take snapshots of it."""
    if not config.storage.database:
        return SqliteSource(config.storage.data)
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.tables import PostgresSource  # noqa: PLC0415
    return PostgresSource(config.storage.database)


@contextmanager
def backed_up_files(config: Config) -> Iterator[FileSource]:
    """Open the files that the settings name, to copy them one by one."""
    if not config.storage.files:
        yield FolderFiles(config.storage.data)
        return
    with stored_files(config) as files, asyncio.Runner() as runner:
        yield StoredFiles(files, runner)


@contextmanager
def stored_files(config: Config) -> Iterator[RunningFiles]:
    """Open the store of files that the settings name, beside a server that may use it."""
    directory = DataDirectory(config.storage.data)
    disk = Disk(directory.root, min_free=config.storage.min_free)
    with Inspection() as inspection:
        yield open_files(config, directory, inspection, disk, SystemClock())


@contextmanager
def checked_catalogue(config: Config) -> Iterator[CatalogueRows]:
    """Open the catalogue that the settings name for fsck, beside servers that may use it."""
    if not config.storage.database:
        with CatalogueReader(config.storage.data / "catalogue.db") as reader:
            yield reader
        return
    with TemporaryDirectory(dir=config.storage.data, prefix="fsck-") as folder:
        yield CopiedCatalogue(snapshots_of(config), Path(folder))


@contextmanager
def checked_files(config: Config) -> Iterator[CheckedFiles]:
    """Open the files that the settings name for fsck and its repair."""
    local = FoundFiles(config.storage.data)
    if not config.storage.files:
        yield local
        return
    with needed_by("storage.files", "s3"):
        from stageproxy.store.s3.bucket import open_bucket  # noqa: PLC0415
        from stageproxy.store.s3.found_objects import FoundObjects  # noqa: PLC0415
    with asyncio.Runner() as runner:
        bucket = open_bucket(address_of(config))
        yield FoundObjects(config.storage.files.rstrip("/"), bucket, local, runner)
