"""Backups: whole, private, and made while others write."""

import shutil
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from stageproxy.store.backups.backup import require_space
from stageproxy.store.backups.manifest import BackupError
from stageproxy.store.backups.snapshot import SqliteSource, take_snapshot
from stageproxy.store.backups.writers import open_archive_writer, open_folder_writer
from stageproxy.store.directory import DataDirectory
from tests.store.backups.conftest import CONTENTS, Backups
from tests.store.builders import HOUR, NOW
from tests.store.conftest import WITH_WAL_BUG
from tests.support.data_directories import (
    SECRET,
    contents_of,
    fill,
    forget,
    give_secrets,
    named_in,
    put,
    rows_of,
    sha256_of,
)
from tests.support.database import connection_to
from tests.support.stored_files import stored_file

EVERYTHING = {sha256_of(content): content for content in CONTENTS}
FIRST, *OTHERS = EVERYTHING


def everything_below(path: Path) -> bytes:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return b"".join(one.read_bytes() for one in files)


def test_backup_is_whole(backups: Backups, tmp_path: Path) -> None:
    """A backup has every row and every file."""
    backups.make()

    read = backups.read(tmp_path / "new")

    assert read.missing == ()
    assert contents_of(tmp_path / "new") == EVERYTHING
    assert rows_of(tmp_path / "new") == rows_of(backups.data)


def test_swept_meanwhile(backups: Backups, tmp_path: Path) -> None:
    """A file that is swept after the snapshot is not missed: a later snapshot does not name it."""
    manifest = backups.make(meanwhile=lambda: forget(backups.data, FIRST))

    read = backups.read(tmp_path / "new")

    assert (manifest.lost, read.missing) == ((), ())
    assert named_in(tmp_path / "new") == set(OTHERS)
    assert set(contents_of(tmp_path / "new")) >= set(OTHERS)


def test_swept_again_and_again(backups: Backups, tmp_path: Path) -> None:
    """Each file that is swept while another one is copied is not missed either."""
    left = [*OTHERS]

    def sweep_another() -> None:
        if left:
            forget(backups.data, left.pop())

    manifest = backups.make(meanwhile=sweep_another, watch=lambda _: sweep_another())

    assert manifest.lost == ()
    assert backups.read(tmp_path / "new").missing == ()


def test_sweep_that_is_not_committed(backups: Backups, tmp_path: Path) -> None:
    """A file that a running sweep has deleted is not lost: the backup waits for the sweep."""
    is_deleted, may_commit = Event(), Event()

    def sweep() -> None:
        with connection_to(backups.data / "catalogue.db") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM stored_file WHERE sha256 = ?", [FIRST])
            stored_file(backups.data, FIRST).unlink()
            is_deleted.set()
            may_commit.wait()
            connection.execute("COMMIT")

    def begin_sweep() -> None:
        thread.start()
        is_deleted.wait()

    thread = Thread(target=sweep)
    manifest = backups.make(meanwhile=begin_sweep, watch=lambda _: may_commit.set())
    thread.join()

    assert manifest.lost == ()
    assert backups.read(tmp_path / "new").missing == ()


def test_stored_meanwhile(backups: Backups, tmp_path: Path) -> None:
    """A file that is stored after the snapshot is not in the backup, nor is its row."""
    backups.make(meanwhile=lambda: put(backups.data, b"later"))

    assert set(contents_of_restored(backups, tmp_path)) == set(EVERYTHING)


def contents_of_restored(backups: Backups, tmp_path: Path) -> dict[str, bytes]:
    """Return the files of a backup, read back."""
    backups.read(tmp_path / "new")
    return dict(contents_of(tmp_path / "new"))


@pytest.mark.parametrize("damage", ["deleted", "changed", "cut off"])
def test_lost_files(backups: Backups, tmp_path: Path, damage: str) -> None:
    """A file that the data directory does not have whole is reported; all others are copied."""
    path = stored_file(backups.data, FIRST)
    content = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        path.write_bytes(content[:-1] if damage == "cut off" else b"X" + content[1:])

    manifest = backups.make()

    assert manifest.lost == (FIRST,)
    assert backups.read(tmp_path / "new").missing == (FIRST,)
    assert set(contents_of(tmp_path / "new")) == set(OTHERS)


async def test_no_secrets(backups: Backups) -> None:
    """A backup has no byte of the secret or of the admin token."""
    token = await give_secrets(backups.data)

    backups.make()

    written = everything_below(backups.place)
    assert SECRET.encode() not in written
    assert token.reveal().encode() not in written


async def test_secrets_if_asked_for(backups: Backups, tmp_path: Path) -> None:
    """With secrets, they are read back, and only their owner can read them and the backup."""
    token = await give_secrets(backups.data)

    backups.make(with_secrets=True)
    backups.read(tmp_path / "new")

    assert (tmp_path / "new" / "secret").read_text() == f"{SECRET}\n"
    assert (tmp_path / "new" / "admin.token").read_text() == f"{token.reveal()}\n"
    written = [one for one in (tmp_path / "new", backups.place) for one in (one, *one.rglob("*"))]
    assert [path for path in written if path.stat().st_mode & 0o077] == []


async def test_folder_keeps_files_once(folder: Backups) -> None:
    """A folder of backups keeps each file once: the next backup writes only new files."""
    folder.make()
    written = {path: path.stat().st_ino for path in (folder.place / "files").iterdir()}
    await fill(folder.data, b"new")

    folder.make(at=NOW + HOUR)

    now = {path: path.stat().st_ino for path in (folder.place / "files").iterdir()}
    assert {path.name for path in now.keys() - written.keys()} == {sha256_of(b"new")}
    assert {path: now[path] for path in written} == written


@pytest.mark.parametrize("verify", [True, False])
def test_damaged_files_in_a_folder(folder: Backups, tmp_path: Path, *, verify: bool) -> None:
    """A file of the folder with other bytes but its size is copied again with --verify."""
    folder.make()
    path = folder.place / "files" / FIRST
    path.write_bytes(b"X" * path.stat().st_size)

    folder.make(at=NOW + HOUR, verify=verify)

    assert folder.read(tmp_path / "new").missing == (() if verify else (FIRST,))


def test_files_cut_off_in_a_folder(folder: Backups, tmp_path: Path) -> None:
    """A file of the folder that is too short is copied again."""
    folder.make()
    (folder.place / "files" / FIRST).write_bytes(b"")

    folder.make(at=NOW + HOUR)

    assert folder.read(tmp_path / "new").missing == ()


def test_earlier_backups_end(folder: Backups, tmp_path: Path) -> None:
    """A folder keeps the latest backups, and the files that one of them names."""
    folder.make()
    forget(folder.data, FIRST)
    latest = folder.make(at=NOW + HOUR)

    with open_folder_writer(folder.place, verify=False) as writer:
        writer.prune(1)

    assert [one.name for one in (folder.place / "snapshots").iterdir()] == [latest.snapshot]
    assert {one.name for one in (folder.place / "files").iterdir()} == set(OTHERS)
    assert folder.read(tmp_path / "new").missing == ()


def test_files_of_unreadable_snapshots_stay(folder: Backups) -> None:
    """If a snapshot cannot be read, no file is removed: it may need them."""
    first = folder.make()
    forget(folder.data, FIRST)
    folder.make(at=NOW + HOUR)
    (folder.place / "snapshots" / first.snapshot / "manifest.json").write_text("{")

    with open_folder_writer(folder.place, verify=False) as writer:
        writer.prune(2)

    assert {one.name for one in (folder.place / "files").iterdir()} == set(EVERYTHING)


def test_earlier_snapshot(folder: Backups, tmp_path: Path) -> None:
    """An earlier backup of a folder can be read."""
    first = folder.make()
    forget(folder.data, FIRST)
    folder.make(at=NOW + HOUR)

    folder.read(tmp_path / "new", snapshot=first.snapshot)

    assert contents_of(tmp_path / "new") == EVERYTHING


def test_archive_is_replaced_when_complete(archive: Backups) -> None:
    """An earlier archive stays until the next one is complete, and nothing else is left."""
    archive.make()
    before = archive.place.read_bytes()

    with pytest.raises(ZeroDivisionError):
        archive.make(watch=lambda _: 1 // 0)

    assert archive.place.read_bytes() == before
    assert {one.name for one in archive.place.parent.iterdir()} == {"data", "backup.tar"}


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    """A file that is no backup is not overwritten, and a folder with other files is not used."""
    (tmp_path / "notes.txt").write_text("notes")

    with (
        pytest.raises(BackupError, match="is no backup"),
        open_archive_writer(tmp_path / "notes.txt"),
    ):
        pass
    with (
        pytest.raises(BackupError, match="is no folder of backups"),
        open_folder_writer(tmp_path, verify=False),
    ):
        pass

    assert (tmp_path / "notes.txt").read_text() == "notes"


def test_one_backup_at_a_time(backups: Backups) -> None:
    """A second backup to the same place is refused while one is written."""
    with (
        backups.open(),
        pytest.raises(BackupError, match="Another backup is being written"),
        backups.open(),
    ):
        pass


def test_space_is_needed(tmp_path: Path) -> None:
    """A backup for which there is no space is refused before it is written."""
    free = shutil.disk_usage(tmp_path).free

    with pytest.raises(BackupError, match=r"This needs [\d,.]+ MB, and the disk of .* has"):
        require_space(tmp_path, 2 * free)


def test_bug_of_sqlite(data: Path, tmp_path: Path) -> None:
    """With a SQLite that cannot have two connections, a running server is not disturbed."""
    with connection_to(data / "catalogue.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    take_snapshot(SqliteSource(data, WITH_WAL_BUG), tmp_path / "copy")

    with DataDirectory(data).locked(), pytest.raises(BackupError, match="Stop the server"):
        take_snapshot(SqliteSource(data, WITH_WAL_BUG), tmp_path / "copy")


def test_damaged_database(backups: Backups) -> None:
    """A damaged database is not taken for a backup, and the earlier backup stays."""
    manifest = backups.make()
    database = backups.data / "catalogue.db"
    database.write_bytes(database.read_bytes()[:4096] + b"\xff" * 8192)

    with pytest.raises(BackupError, match="is damaged"):
        backups.make(at=NOW + timedelta(days=1))

    assert backups.read(backups.place.with_name("new")).manifest == manifest
