"""Copying all rows of a catalogue, and comparing both sides before anything is committed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from stageproxy.core.audit import AuditRecord, BrokenRecord, find_broken_record
from stageproxy.store.rows.audit import record_in
from stageproxy.store.transfer.layout import Row, RowReader, RowWriter, Table, tables
from stageproxy.store.transfer.sums import RowSum, Summing, sum_of

Watch = Callable[[int], None]
"""Called with a number of rows that are copied."""

_WATCHED = 500
_TRAIL = "audit_record"


class CopyError(Exception):
    """The rows cannot be copied; the message says why, and what to do."""


class RowTarget(RowReader, RowWriter, Protocol):
    """An empty catalogue whose rows can be read again before they are committed."""


def copy_rows(source: RowReader, target: RowTarget, watch: Watch) -> Mapping[str, RowSum]:
    """Copy all rows, and return the sum of each table.

    Raise `CopyError` if the target then has other rows.
    """
    sums = {}
    for table in tables():
        summing = Summing()
        target.add(table, _watched(summing.summed(source.rows(table)), watch))
        sums[table.name] = summing.sum()
    differing = find_differences(sums, target)
    if differing:
        msg = (
            f"The rows that were stored differ from those that were read: {', '.join(differing)}. "
            "Nothing was changed. Please report this, with the versions of both databases."
        )
        raise CopyError(msg)
    return sums


def find_differences(sums: Mapping[str, RowSum], copy: RowReader) -> tuple[str, ...]:
    """Return the names of the tables of these sums of which a catalogue has other rows."""
    compared = (table for table in tables() if table.name in sums)
    return tuple(table.name for table in compared if sum_of(copy.rows(table)) != sums[table.name])


def sums_of(catalogue: RowReader) -> Mapping[str, RowSum]:
    """Return the sum of each table of a catalogue."""
    return {table.name: sum_of(catalogue.rows(table)) for table in tables()}


def find_broken_trail(catalogue: RowReader) -> BrokenRecord | None:
    """Return the first broken record of the audit trail, or `None`."""
    [table] = (one for one in tables() if one.name == _TRAIL)
    return find_broken_record(_records(table, catalogue.rows(table)))


def _records(table: Table, rows: Iterator[Row]) -> Iterator[AuditRecord]:
    return (record_in(dict(zip(table.columns, row, strict=True))) for row in rows)


def _watched(rows: Iterator[Row], watch: Watch) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % _WATCHED == 0:
            watch(_WATCHED)
        yield row
    watch(number % _WATCHED)
