"""Fixtures of backups: a data directory, and backups of it of each kind."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from stageproxy.store.backups.backup import BackupOrder, make_backup
from stageproxy.store.backups.files import FolderFiles
from stageproxy.store.backups.manifest import Manifest
from stageproxy.store.backups.readers import open_backup
from stageproxy.store.backups.restore import Read, RestoreOrder, read_backup
from stageproxy.store.backups.snapshot import SqliteSource
from stageproxy.store.backups.writers import (
    ArchiveWriter,
    FolderWriter,
    open_archive_writer,
    open_folder_writer,
)
from tests.store.builders import NOW
from tests.support.data_directories import fill

CONTENTS = (b"one", b"two", b"three" * 1000)


@dataclass(frozen=True, slots=True)
class Backups:
    """Backups of one data directory at one place: an archive, or a folder."""

    data: Path
    place: Path
    is_folder: bool

    def open(self, *, verify: bool = False) -> AbstractContextManager[ArchiveWriter | FolderWriter]:
        """Open the place for writing."""
        if self.is_folder:
            return open_folder_writer(self.place, verify=verify)
        return open_archive_writer(self.place)

    def make(
        self,
        *,
        at: datetime = NOW,
        with_secrets: bool = False,
        verify: bool = False,
        meanwhile: Callable[[], object] = lambda: None,
        watch: Callable[[int], object] = lambda _: None,
    ) -> Manifest:
        """Make a backup. *meanwhile* is called between the snapshot and the first file."""

        def announce(_: int) -> None:
            meanwhile()

        def advance(size: int) -> None:
            watch(size)

        order = BackupOrder(
            self.data,
            SqliteSource(self.data),
            FolderFiles(self.data),
            at,
            with_secrets,
            announce,
            advance,
        )
        with self.open(verify=verify) as writer:
            return make_backup(order, writer)

    def read(self, target: Path, *, snapshot: str | None = None) -> Read:
        """Read the backup into a new folder."""
        target.mkdir(mode=0o700)
        with open_backup(self.place) as backup:
            order = RestoreOrder(snapshot, target, target / "none", lambda _: None, lambda _: None)
            return read_backup(backup, order)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a stage for each of `CONTENTS`, for all tests of a module."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    asyncio.run(fill(folder, *CONTENTS))
    return folder


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    """Return a data directory with a stage for each of `CONTENTS`."""
    return shutil.copytree(filled, tmp_path / "data")


@pytest.fixture
def archive(data: Path, tmp_path: Path) -> Backups:
    """Return a place for an archive."""
    return Backups(data, tmp_path / "backup.tar", is_folder=False)


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Backups:
    """Return a place for a folder of backups."""
    return Backups(data, tmp_path / "backups", is_folder=True)


@pytest.fixture(params=["archive", "folder"])
def backups(request: pytest.FixtureRequest) -> Backups:
    """Return a place of each kind."""
    place: Backups = request.getfixturevalue(request.param)
    return place
