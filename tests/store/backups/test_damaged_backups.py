"""Damaged backups: what is missing is named, and nothing damaged is taken for whole."""

from pathlib import Path

import pytest

from stageproxy.store.backups.manifest import BackupError
from stageproxy.store.backups.readers import open_backup
from stageproxy.store.backups.restore import RestoreOrder, read_backup
from tests.store.backups.conftest import CONTENTS, Backups
from tests.store.builders import HOUR, NOW
from tests.support.data_directories import contents_of, put, rows_of, sha256_of
from tests.support.database import execute

EVERYTHING = {sha256_of(content): content for content in CONTENTS}
BLOCK = 512


def test_archive_cut_off_anywhere(archive: Backups, tmp_path: Path) -> None:
    """Wherever an archive is cut off, what is read of it is whole, and all the rest is named."""
    archive.make()
    whole = archive.place.read_bytes()
    first_file = whole.index(b"files/")
    lengths = {*range(0, first_file, 16 * BLOCK), *range(first_file, len(whole), BLOCK)}
    found = set()

    for length in sorted(lengths):
        archive.place.write_bytes(whole[: length + 100])
        target = tmp_path / f"new-{length}"
        try:
            missing = archive.read(target).missing
        except BackupError:
            assert not (target / "catalogue.db").exists()
            continue
        present = contents_of(target)
        assert present == {one: EVERYTHING[one] for one in EVERYTHING if one not in missing}
        assert rows_of(target) == rows_of(archive.data)
        found.add(len(missing))

    assert found == {0, 1, 2, 3}


def test_any_byte_changed(archive: Backups, tmp_path: Path) -> None:
    """Whichever byte of an archive is changed, no other bytes than those stored are read."""
    archive.make()
    whole = archive.place.read_bytes()

    for place in range(0, len(whole), 1999):
        changed = bytes([whole[place] ^ 0xFF])
        archive.place.write_bytes(whole[:place] + changed + whole[place + 1 :])
        target = tmp_path / f"new-{place}"
        try:
            missing = archive.read(target).missing
        except BackupError:
            continue
        assert contents_of(target) == {
            one: EVERYTHING[one] for one in EVERYTHING if one not in missing
        }
        assert rows_of(target) == rows_of(archive.data)


def test_missing_in_a_folder(folder: Backups, tmp_path: Path) -> None:
    """Files that a folder of backups has lost, or not whole, are named."""
    folder.make()
    deleted, changed, _ = EVERYTHING
    (folder.place / "files" / deleted).unlink()
    (folder.place / "files" / changed).write_bytes(b"changed")

    missing = folder.read(tmp_path / "new").missing

    assert set(missing) == {deleted, changed}


def test_files_beside(archive: Backups, tmp_path: Path) -> None:
    """Files that the backup does not have are taken from the data directory that it replaces."""
    archive.make()
    copy = tmp_path / "catalogue-alone.db"
    execute(archive.data / "catalogue.db", f"VACUUM INTO '{copy}'")
    put(archive.data, CONTENTS[0]).write_bytes(b"damaged")
    target = tmp_path / "new"
    target.mkdir()

    with open_backup(copy) as backup:
        order = RestoreOrder(None, target, archive.data / "files", lambda _: None, lambda _: None)
        read = read_backup(backup, order)

    assert read.missing == (sha256_of(CONTENTS[0]),)
    assert set(contents_of(target)) == set(EVERYTHING) - set(read.missing)


def test_snapshot_that_is_damaged(folder: Backups, tmp_path: Path) -> None:
    """If the catalogue of the latest backup is damaged, the one before is read."""
    first = folder.make()
    latest = folder.make(at=NOW + HOUR)
    (folder.place / "snapshots" / latest.snapshot / "catalogue.db").write_bytes(b"damaged")

    assert folder.read(tmp_path / "new").manifest == first


@pytest.mark.parametrize("content", [b"", b"text" * 1000])
def test_no_backup(tmp_path: Path, content: bytes) -> None:
    """A file that is no backup is refused with a sentence."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(BackupError, match="is no backup"), open_backup(tmp_path / "file"):
        pass


def test_folder_that_is_no_backup(tmp_path: Path) -> None:
    """A folder without snapshots is refused with a sentence."""
    with pytest.raises(BackupError, match="is no backup"), open_backup(tmp_path):
        pass


def test_unknown_snapshot(folder: Backups, tmp_path: Path) -> None:
    """A snapshot that is not in the backup is refused, and those that are there are listed."""
    made = folder.make()

    with pytest.raises(BackupError, match=f"typo is not in the backup.*: {made.snapshot}"):
        folder.read(tmp_path / "new", snapshot="typo")


def test_nothing_there(tmp_path: Path) -> None:
    """A backup that does not exist is refused with a sentence."""
    with (
        pytest.raises(BackupError, match="cannot be read: No such file"),
        open_backup(tmp_path / "file"),
    ):
        pass


def test_newer_schema(archive: Backups, tmp_path: Path) -> None:
    """A backup of a newer version is refused before a file is read."""
    step = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES "
    execute(archive.data / "catalogue.db", f"{step} ('stageproxy', 'm9999_of_the_future', 'later')")
    archive.make()

    with pytest.raises(BackupError, match=r"newer than this one .*m9999_of_the_future"):
        archive.read(tmp_path / "new")

    assert list((tmp_path / "new").iterdir()) == []
