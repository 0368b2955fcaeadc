"""Moving an installation to another database, another store of files, or both.

The files are copied first, while servers may run; a second call copies only what is new. The rows
are copied when no server runs, in one transaction, and compared with what was read before that is
committed. Then the former database is marked: no server starts with it by mistake.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stageproxy.config import Config
from stageproxy.core.audit import BrokenRecord
from stageproxy.core.installation import FILES, MOVED, facts_after_move
from stageproxy.ports import Clock, Inspector, RunningFiles
from stageproxy.server.storage import (
    filling_rows,
    find_filled_tables,
    is_database_in_use,
    name_of_database,
    open_files,
    open_first,
    reading_rows,
)
from stageproxy.services.installation import fingerprint_of
from stageproxy.store.backups.snapshot import require_safe_connection
from stageproxy.store.directory import DataDirectory, DataDirectoryInUseError, find_secret
from stageproxy.store.disk import Disk
from stageproxy.store.transfer.copies import (
    Watch,
    copy_rows,
    find_broken_trail,
    find_differences,
    sums_of,
)
from stageproxy.store.transfer.facts import WithFacts, facts_in
from stageproxy.store.transfer.files import CopiedFiles, FileCopies, NamedFile, files_of
from stageproxy.store.transfer.layout import OF_SERVERS
from stageproxy.store.transfer.sums import RowSum

_NO_KEY_OF_STAGES = (
    "There is no secret: neither server.secret, nor the file `secret` in the data directory. No "
    "stage URL of this installation could be opened afterwards. Set server.secret."
)


class MoveError(Exception):
    """Not everything was moved; the message says why, and what to do."""


class MoveProgress(Protocol):
    """Shows how far a move is."""

    def files(self, size: int) -> Watch:
        """Begin with files of *size* bytes in all; return what is called with those done."""

    def rows(self, number: int) -> Watch:
        """Begin with a *number* of rows; return what is called with those done."""


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """What to move: from where the settings *source* put it to where the settings *target* do.

    *verify*: read the files again that the target has. *partial*: go on without files that are
    lost, and with an audit trail that is broken.
    """

    source: Config
    target: Config
    verify: bool = False
    partial: bool = False

    @property
    def moves_rows(self) -> bool:
        """Whether the catalogue is moved to another database."""
        return self.source.storage.database != self.target.storage.database

    @property
    def moves_files(self) -> bool:
        """Whether the files are moved to another store."""
        return self.source.storage.files != self.target.storage.files


@dataclass(frozen=True, slots=True)
class Found:
    """What a catalogue has at one moment."""

    sums: Mapping[str, RowSum]
    facts: Mapping[str, str]
    files: tuple[NamedFile, ...]
    broken: BrokenRecord | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, or would be. *former*: where the catalogue is that was in the way."""

    rows: Mapping[str, int]
    files: CopiedFiles = field(default_factory=CopiedFiles)
    broken: BrokenRecord | None = None
    former: Path | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Carries out an order, or says what it would do."""

    order: MoveOrder
    clock: Clock
    inspector: Inspector
    progress: MoveProgress

    async def plan(self) -> Moved:
        """Return what would be moved. Nothing is changed."""
        found = self._look()
        files = CopiedFiles()
        if self.order.moves_files:
            files = await self._copies(found).plan(found.files)
        return Moved(_counts(found), files, found.broken)

    async def carry_out(self) -> Moved:
        """Move everything. Raise `MoveError` if a server runs, once the files are copied."""
        first = self._look()
        self._require_whole_trail(first)
        early = await self._copy_files(first, frozenset())
        with self._stopped():
            found = self._look()
            self._require_whole_trail(found)
            late = await self._copy_files(found, frozenset(early.copied + early.present))
            files_id = await self._files_of(self.order.target).installation()
            former = None
            if self.order.moves_rows:
                former = self._move_rows(found, files_id if self.order.moves_files else None)
                self._require_no_server()
                await self._note(MOVED, self._where_to())
            else:
                await self._note(FILES, files_id)
        return Moved(_counts(found), _together(early, late), found.broken, former)

    def _look(self) -> Found:
        """Read what there is, after what can be wrong with the order."""
        order = self.order
        if not (order.moves_rows or order.moves_files):
            raise MoveError(
                "Everything is there already. Name another place with --to-database or --to-files."
            )
        if not order.source.storage.database:
            require_safe_connection(order.source.storage.data)
        with reading_rows(order.source) as rows:
            found = Found(sums_of(rows), facts_in(rows), files_of(rows), find_broken_trail(rows))
        if MOVED in found.facts:
            raise MoveError(
                f"This catalogue was moved already, {found.facts[MOVED]}. Change storage.database "
                "in the settings."
            )
        if order.moves_rows:
            self._require_target(found)
        return found

    def _require_target(self, found: Found) -> None:
        """Raise unless the target is empty, or has these rows from a move that was interrupted."""
        filled = find_filled_tables(self.order.target)
        if filled and not self._is_superseded() and not self._has_rows(found):
            raise MoveError(
                f"{name_of_database(self.order.target)} is not empty: it has rows in "
                f"{', '.join(filled)}. Nothing was changed. Name an empty database."
            )

    def _is_superseded(self) -> bool:
        """Return whether the target is a SQLite file whose catalogue was moved away earlier."""
        if self.order.target.storage.database:
            return False
        with reading_rows(self.order.target) as rows:
            return MOVED in facts_in(rows)

    def _has_rows(self, found: Found) -> bool:
        with reading_rows(self.order.target) as rows:
            moved = {name: one for name, one in found.sums.items() if name not in OF_SERVERS}
            return not find_differences(moved, rows)

    def _require_whole_trail(self, found: Found) -> None:
        if found.broken and not self.order.partial:
            raise MoveError(
                f"The audit trail is broken: {found.broken.sentence} Nothing was moved. Look at it "
                "with `stageproxy audit verify`; with --partial, it is moved as it is."
            )

    async def _copy_files(self, found: Found, done: frozenset[str]) -> CopiedFiles:
        if not self.order.moves_files:
            return CopiedFiles()
        left = [one for one in found.files if one.sha256 not in done]
        copied = await self._copies(found).copy(left)
        if copied.lost and not self.order.partial:
            raise MoveError(
                f"{len(copied.lost)} of the files are lost or damaged, by their SHA-256:"
                + "".join(f"\n  {one}" for one in copied.lost)
                + "\nThe others are copied; the catalogue is not moved. `stageproxy fsck` shows "
                "which artifacts are concerned. Upload them again, or use --partial."
            )
        return copied

    def _copies(self, found: Found) -> FileCopies:
        order = self.order
        watch = self.progress.files(sum(one.size for one in found.files))
        source, target = self._files_of(order.source), self._files_of(order.target)
        return FileCopies(source, target, watch, verify=order.verify)

    def _files_of(self, config: Config) -> RunningFiles:
        directory, disk = _data_of(config)
        return open_files(config, directory, self.inspector, disk, self.clock)

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        """Raise `MoveError` if a server runs; none can start with the data directory meanwhile."""
        self._require_no_server()
        try:
            with _data_of(self.order.source)[0].locked():
                yield
        except DataDirectoryInUseError as error:
            raise MoveError(self._in_use) from error

    def _require_no_server(self) -> None:
        """Raise `MoveError` if a server is connected to the PostgreSQL database."""
        if self.order.source.storage.database and is_database_in_use(self.order.source):
            raise MoveError(self._in_use)

    @property
    def _in_use(self) -> str:
        files = " The files are copied." if self.order.moves_files else ""
        return (
            f"A server uses {name_of_database(self.order.source)}.{files} The catalogue is not "
            "moved. Stop all servers, and run this again: only what is new is copied then."
        )

    def _move_rows(self, found: Found, files_id: str | None) -> Path | None:
        """Copy the rows, unless they are there; return where a former SQLite file is."""
        order = self.order
        secret = find_secret(
            order.source.storage.data, order.source.server.secret.get_secret_value()
        )
        if secret is None:
            raise MoveError(_NO_KEY_OF_STAGES)
        facts = facts_after_move(found.facts, secret=fingerprint_of(secret), files=files_id)
        former = None
        if find_filled_tables(order.target):
            if not self._is_superseded():
                return None
            former = order.target.storage.data / f"catalogue-{self.clock.now():%Y%m%dT%H%M%SZ}.db"
        watch = self.progress.rows(sum(one.count for one in found.sums.values()))
        with reading_rows(order.source) as rows, filling_rows(order.target, former) as target:
            copy_rows(WithFacts(rows, facts), target, watch)
        return former

    async def _note(self, name: str, value: str) -> None:
        """Store a fact in the catalogue that the servers have used so far."""
        config = self.order.source
        with open_first(config, *_data_of(config)) as catalogue:
            await catalogue.write(lambda rows: rows.installation.save(name, value))

    def _where_to(self) -> str:
        return f"on {self.clock.now():%Y-%m-%d %H:%M} UTC to {name_of_database(self.order.target)}"


def _data_of(config: Config) -> tuple[DataDirectory, Disk]:
    directory = DataDirectory(config.storage.data)
    return directory, Disk(directory.root, min_free=config.storage.min_free)


def _counts(found: Found) -> Mapping[str, int]:
    return {name: one.count for name, one in found.sums.items()}


def _together(early: CopiedFiles, late: CopiedFiles) -> CopiedFiles:
    """Return what two passes have done. What was lost in the first one was looked for again."""
    return CopiedFiles(
        copied=early.copied + late.copied,
        present=early.present + late.present,
        missing=late.missing,
        damaged=late.damaged,
        size=early.size + late.size,
    )
