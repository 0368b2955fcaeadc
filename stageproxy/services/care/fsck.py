"""The check of a data directory: rows against files against hashes, and rows against rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stageproxy.core.audit import START, AuditRecord, ChainCheck, ChainEnd
from stageproxy.core.care.faults import Fault, Severity, error, note
from stageproxy.core.care.snapshot import (
    FoundFile,
    Reading,
    Snapshot,
    UnreadableCatalogueError,
    needed_files,
)
from stageproxy.core.care.stages import find_stage_faults
from stageproxy.core.care.stored_files import find_file_faults, find_form_faults, find_orphans
from stageproxy.core.care.tokens import find_api_token_faults, find_stage_token_faults
from stageproxy.ports import Clock

_RESTORE = "Restore a backup. Copy the data directory before you try anything else."


class CatalogueRows(Protocol):
    """The catalogue as fsck reads it: without changing it, beside a server that may use it.

    Every call raises `UnreadableCatalogueError` if the database cannot be read.
    """

    def damage(self) -> Sequence[str]:
        """Return what is wrong with the database file itself."""

    def missing_from_schema(self) -> Sequence[str]:
        """Return the parts of the schema that are missing, or other than they should be."""

    def snapshot(self) -> Snapshot:
        """Return all rows as they are now."""

    def audit_pages(self) -> Iterator[Sequence[AuditRecord]]:
        """Return the records of the audit trail, some at a time."""


class Disk(Protocol):
    """The files of a data directory."""

    def list_files(self) -> Sequence[FoundFile]:
        """Return the files that stageproxy stores, and what else is among them."""

    def read(self, sha256: str, report: Callable[[int], None]) -> Reading:
        """Return the size and digests of a stored file, read in pieces.

        *report* is called with the number of bytes of each.
        """

    def list_exposed(self) -> Sequence[str]:
        """Return the secrets that other users can read."""


class Progress(Protocol):
    """Shows how far the reading of files is."""

    def begin(self, total: int) -> None:
        """Begin to read files of *total* bytes."""

    def advance(self, count: int) -> None:
        """Add bytes that were read."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The faults of a data directory, how much was checked, and the head of its audit trail."""

    faults: Sequence[Fault]
    stages: int = 0
    files: int = 0
    size: int = 0
    head: ChainEnd = START
    can_repair: bool = False

    @property
    def problems(self) -> Sequence[Fault]:
        """The faults that are more than notes."""
        return [one for one in self.faults if one.severity is not Severity.NOTE]


@dataclass(frozen=True, slots=True)
class Fsck:
    """Checks a data directory, which a server may use meanwhile.

    *secret*: that of stage tokens, `None` if there is none.
    """

    catalogue: CatalogueRows
    disk: Disk
    clock: Clock
    progress: Progress
    secret: bytes | None = field(repr=False)

    def check(self) -> CheckReport:
        """Return everything that is wrong."""
        try:
            damage = [_damaged(sentence) for sentence in self.catalogue.damage()]
            schema = [_changed_schema(part) for part in self.catalogue.missing_from_schema()]
            # The disk first: a file whose row comes later is no orphan.
            found = self.disk.list_files()
            snapshot = self.catalogue.snapshot()
        except UnreadableCatalogueError as failure:
            return CheckReport(
                [error("database-unreadable", "the database", str(failure), _RESTORE)]
            )
        readings = self._read_needed(snapshot)
        trail = self._check_trail()
        faults = [
            *damage,
            *schema,
            *_unreadable_rows(snapshot),
            *self._lasting(snapshot, readings),
            *self._lasting_orphans(snapshot, found),
            *find_form_faults(snapshot),
            *find_stage_faults(snapshot),
            *find_api_token_faults(snapshot.tokens),
            *find_stage_token_faults(snapshot, self.secret),
            *_broken_trail(trail),
            *(_exposed(path) for path in self.disk.list_exposed()),
        ]
        return CheckReport(
            faults,
            stages=len(snapshot.stages),
            files=len(readings),
            size=sum(one.size for one in {it.digests for it in needed_files(snapshot)}),
            head=trail.end,
            can_repair=not damage and not schema and not snapshot.unreadable,
        )

    def _read_needed(self, snapshot: Snapshot) -> Mapping[str, Reading]:
        sizes = {one.digests.sha256: one.digests.size for one in needed_files(snapshot)}
        self.progress.begin(sum(sizes.values()))
        return {sha256: self.disk.read(sha256, self.progress.advance) for sha256 in sizes}

    def _lasting(self, snapshot: Snapshot, readings: Mapping[str, Reading]) -> Sequence[Fault]:
        """Return the faults of files that are still there at a second look.

        A server may have deleted, replaced or restored a file since its row was read.
        """
        first = list(find_file_faults(snapshot, readings))
        if not first:
            return first
        later = self.catalogue.snapshot()
        again = {one: self.disk.read(one, _report_nothing) for one in _suspects(snapshot, readings)}
        lasting = set(find_file_faults(later, {**readings, **again}))
        return [one for one in first if one in lasting]

    def _lasting_orphans(self, snapshot: Snapshot, found: Iterable[FoundFile]) -> Sequence[Fault]:
        """Return the orphans, without those that a row names by now or that were deleted."""
        now = self.clock.now()
        first = list(find_orphans(found, _known(snapshot), now))
        if not first:
            return first
        again = self.disk.list_files()
        lasting = set(find_orphans(again, _known(self.catalogue.snapshot()), now))
        return [one for one in first if one in lasting]

    def _check_trail(self) -> ChainCheck:
        check = ChainCheck()
        for page in self.catalogue.audit_pages():
            check = check.extended_with(page)
        return check.finished()


def _report_nothing(_: int) -> None:
    """Report nothing: a second look at few files has no bar."""


def _suspects(snapshot: Snapshot, readings: Mapping[str, Reading]) -> set[str]:
    return {
        one.digests.sha256
        for one in needed_files(snapshot)
        if readings.get(one.digests.sha256) != one.digests
    }


def _known(snapshot: Snapshot) -> set[str]:
    """Return the files that a row names, even if it is not the one of the file."""
    return {*snapshot.stored, *(one.digests.sha256 for one in needed_files(snapshot))}


def _damaged(sentence: str) -> Fault:
    return error("database-damaged", "the database", f"SQLite reports: {sentence}.", _RESTORE)


def _changed_schema(part: str) -> Fault:
    return error(
        "schema-changed", "the database", f"Its {part} is missing or was changed.", _RESTORE
    )


def _unreadable_rows(snapshot: Snapshot) -> Iterator[Fault]:
    for row in snapshot.unreadable:
        subject = f"row {row.key} of {row.table}"
        yield error("row-unreadable", subject, f"It cannot be read: {row.reason}.", _RESTORE)


def _broken_trail(check: ChainCheck) -> Iterator[Fault]:
    if check.broken is not None:
        yield error(
            "audit-broken",
            "the audit trail",
            check.broken.sentence,
            "Somebody or something changed the trail. Compare it with a backup: "
            "`stageproxy audit verify --head` finds up to where it is as it was.",
        )


def _exposed(path: str) -> Fault:
    return note(
        "readable-by-others",
        path,
        "Other users of this machine can read it.",
        f"Unless a container needs it so, run `chmod 600 {path}`.",
    )
