"""Backups of a catalogue that is written and swept all the time, each restored and compared."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Condition, Thread

import pytest

from stageproxy.catalogue import Rows
from stageproxy.core.stage.stage import Status
from stageproxy.store.backups.backup import BackupOrder, make_backup
from stageproxy.store.backups.files import FolderFiles
from stageproxy.store.backups.readers import open_backup
from stageproxy.store.backups.restore import RestoreOrder, read_backup
from stageproxy.store.backups.snapshot import SqliteSource, take_snapshot
from stageproxy.store.backups.writers import open_archive_writer, open_folder_writer
from stageproxy.store.directory import DataDirectory
from stageproxy.store.sqlite.database import Database
from tests.batteries.report import SEED, BatteryReport
from tests.store.builders import NOW, a_stage, an_artifact
from tests.support.data_directories import contents_of, named_in, put, sha256_of
from tests.support.stored_files import stored_file

LIVE = 12
"""How many stages are live at any time; the oldest is swept when another one is opened."""

_PATIENCE = 60
"""Seconds after which the traffic has certainly failed."""

Backup = Callable[[int, Path], None]
"""Makes the backup of a number, and reads it into a new folder."""


@dataclass(slots=True)
class Traffic:
    """Opens stages with files, and sweeps others, until it is stopped."""

    root: Path
    random: Random = field(default_factory=partial(Random, SEED))
    rounds: int = 0
    _is_stopped: bool = False
    _changed: Condition = field(default_factory=Condition)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run in a thread while the block runs."""
        thread = Thread(target=lambda: asyncio.run(self._run()))
        thread.start()
        try:
            yield
        finally:
            self._is_stopped = True
            thread.join()

    def wait_for_round(self) -> None:
        """Return once another file was stored and another one was swept."""
        with self._changed:
            after = self.rounds + 2
            assert self._changed.wait_for(lambda: self.rounds >= after, _PATIENCE)

    async def _run(self) -> None:
        live: list[tuple[str, str]] = []
        with Database(DataDirectory(self.root).database) as database:
            while not self._is_stopped:
                content = self.random.randbytes(self.random.randrange(1, 65536))
                put(self.root, content)
                stage_id = f"stage-{self.rounds}"
                await database.write(partial(_open, stage_id, content))
                live.append((stage_id, sha256_of(content)))
                if len(live) > LIVE:
                    ended, _ = live.pop(self.random.randrange(LIVE))
                    await database.write(partial(_sweep, self.root, ended))
                with self._changed:
                    self.rounds += 1
                    self._changed.notify_all()


def _open(stage_id: str, content: bytes, rows: Rows) -> None:
    rows.stages.save(a_stage(stage_id, project=stage_id))
    rows.artifacts.save(stage_id, an_artifact(content), (), None)


def _sweep(root: Path, stage_id: str, rows: Rows) -> None:
    """End a stage and delete its file, in the order of `services/care/expire.py`."""
    stage = rows.stages.find(stage_id)
    assert stage is not None
    rows.stages.save(replace(stage, status=Status.CANCELED, ended_at=NOW))
    for file in rows.files.remove_unused(NOW, since=NOW):
        stored_file(root, file.name).unlink()


def run_battery(root: Path, rounds: int, backup_of: Callable[[Traffic], Backup]) -> BatteryReport:
    """Make backups of a catalogue with traffic; each has to be whole when it is restored."""
    traffic = Traffic(root / "data")
    backup, violations, compared = backup_of(traffic), list[str](), 0
    with traffic.running():
        for number in range(rounds):
            traffic.wait_for_round()
            new = root / f"new-{number}"
            backup(number, new)
            contents = contents_of(new)
            wrong = [name for name, content in contents.items() if sha256_of(content) != name]
            missing = named_in(new) - contents.keys()
            violations += [f"backup {number}: {one} has other bytes" for one in wrong]
            violations += [f"backup {number}: {one} is missing" for one in sorted(missing)]
            compared += len(contents)
            shutil.rmtree(new)
    counts = {"restores": rounds, "files compared": compared, "files stored": traffic.rounds}
    return BatteryReport("backups", SEED, counts, violations)


def whole_backups(traffic: Traffic) -> Backup:
    """Return the backups of `stageproxy backup`, an archive and a folder in turn."""
    folder = traffic.root.parent

    def backup(number: int, new: Path) -> None:
        is_folder = bool(number % 2)
        place = folder / ("backups" if is_folder else "backup.tar")
        opened = (
            open_folder_writer(place, verify=False) if is_folder else open_archive_writer(place)
        )
        at = NOW + timedelta(seconds=number)
        # Whatever is swept here is named by the snapshot, and gone when it is copied.
        order = BackupOrder(
            traffic.root,
            SqliteSource(traffic.root),
            FolderFiles(traffic.root),
            at,
            with_secrets=False,
            announce=lambda _: traffic.wait_for_round(),
            watch=_ignore,
        )
        with opened as writer:
            make_backup(order, writer)
        new.mkdir()
        with open_backup(place) as made:
            read_backup(made, RestoreOrder(None, new, new / "none", _ignore, _ignore))

    return backup


def files_first(traffic: Traffic) -> Backup:
    """Return backups with a planted defect: the files are copied before the catalogue."""

    def backup(_: int, new: Path) -> None:
        stored = traffic.root / "files" / "kept"
        for path in [*stored.glob("*/*")]:
            target = stored_file(new, path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                shutil.copyfile(path, target)
        traffic.wait_for_round()
        take_snapshot(SqliteSource(traffic.root), new / "catalogue.db")

    return backup


def _ignore(size: int) -> None:
    """Ignore the number of bytes."""


@pytest.mark.journey
def test_20_restores(tmp_path: Path) -> None:
    """All files of 20 backups that were made meanwhile are restored with their hashes."""
    report = run_battery(tmp_path, 20, whole_backups)

    report.check()
    assert report.counts["files compared"] > 20 * LIVE / 2


@pytest.mark.battery
def test_500_restores(tmp_path: Path) -> None:
    """All files of 500 backups that were made meanwhile are restored with their hashes."""
    run_battery(tmp_path, 500, whole_backups).check()


@pytest.mark.journey
def test_files_before_the_catalogue(tmp_path: Path) -> None:
    """The battery finds backups whose files are copied before the catalogue."""
    report = run_battery(tmp_path, 2, files_first)

    replace(report, planted="files before the catalogue").check()
