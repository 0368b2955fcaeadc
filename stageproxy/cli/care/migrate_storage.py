"""`stageproxy migrate-storage`: move the catalogue and the files to other places, or back."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stageproxy.cli.care.data_directory import data_options, explained, load_future_settings
from stageproxy.cli.output.output import (
    FailedError,
    count_of_files,
    count_of_stages,
    json_option,
    print_json,
)
from stageproxy.cli.transfers import progress_bars
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.core.wording import count_text
from stageproxy.server.clock import SystemClock
from stageproxy.server.moving import Move, Moved, MoveError, MoveOrder
from stageproxy.server.storage import (
    find_files_problems,
    name_of_database,
    name_of_files,
)
from stageproxy.store.inspection import Inspection
from stageproxy.store.transfer.copies import Watch

_SQLITE = "sqlite"
_FOLDER = "folder"


@click.command("migrate-storage")
@click.option(
    "--to-database",
    metavar="URL",
    envvar="STAGEPROXY_TO_DATABASE",
    help=f"An empty PostgreSQL database, or `{_SQLITE}` for the file in the data directory. A URL "
    "with a password is better set as STAGEPROXY_TO_DATABASE.",
)
@click.option(
    "--to-files",
    metavar="URL",
    help=f"A bucket, s3://BUCKET/PREFIX, or `{_FOLDER}` for the one in the data directory.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be moved.")
@click.option("--verify", is_flag=True, help="Read the files again that are there already.")
@click.option(
    "--partial",
    is_flag=True,
    help="Go on without files that are lost, and with an audit trail that is broken.",
)
@data_options
@json_option
def migrate_storage(  # noqa: PLR0913 - an option each
    *,
    to_database: str | None,
    to_files: str | None,
    dry_run: bool,
    verify: bool,
    partial: bool,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Move the catalogue, the files, or both.

    The settings name where they are now. Files are copied while servers run;
    for the catalogue, stop all servers and run this again: it copies only what
    is new. Everything is compared by hash, nothing is deleted, and a move that
    was interrupted can be run again.
    """
    if to_database is None and to_files is None:
        raise click.UsageError("Give --to-database, --to-files, or both.")
    source = load_future_settings(config_file, data)
    target = _target(source, config_file, to_database, to_files)
    order = MoveOrder(source, target, verify=verify, partial=partial)
    with _explained():
        _require_bucket(order)
    with _explained(), _bars(hidden=as_json) as bars, Inspection() as inspection:
        move = Move(order, SystemClock(), inspection, bars)
        moved = asyncio.run(move.plan() if dry_run else move.carry_out())
    notes = [*(_plan_notes(order, moved) if dry_run else _notes(order, moved))]
    if as_json:
        print_json(_document(order, moved, notes, dry_run=dry_run))
    else:
        click.echo("\n".join(notes))
    if dry_run and (moved.files.lost or moved.broken):
        raise SystemExit(1)


def _target(
    source: Config, config_file: Path | None, to_database: str | None, to_files: str | None
) -> Config:
    """Return the settings as they are to be after the move."""
    storage = {
        "data": source.storage.data,
        "database": _named(to_database, _SQLITE, source.storage.database),
        "files": _named(to_files, _FOLDER, source.storage.files),
    }
    try:
        return load_config(config_file, os.environ, storage=storage)
    except ConfigError as error:
        said = str(error).replace("storage.database", "--to-database")
        raise click.UsageError(said.replace("storage.files", "--to-files")) from error


def _require_bucket(order: MoveOrder) -> None:
    if order.moves_files:
        for problem in find_files_problems(order.target):
            raise FailedError(problem.replace("storage.files", "--to-files"))


def _named(given: str | None, default: str, present: str) -> str:
    if given is None:
        return present
    return "" if given == default else given


@contextmanager
def _explained() -> Iterator[None]:
    with explained("What was copied stays; run this again."):
        try:
            yield
        except MoveError as error:
            raise FailedError(str(error)) from error


@dataclass(slots=True)
class _Bars:
    """Shows how far a move is: bytes of files, then rows."""

    sizes: Progress
    numbers: Progress

    def files(self, size: int) -> Watch:
        """Begin with files of *size* bytes in all."""
        bar = self.sizes.add_task("Files", total=size)
        return lambda done: self.sizes.advance(bar, done)

    def rows(self, number: int) -> Watch:
        """Begin with a *number* of rows."""
        self.sizes.stop()
        self.numbers.start()
        bar = self.numbers.add_task("Rows", total=number)
        return lambda done: self.numbers.advance(bar, done)


@contextmanager
def _bars(*, hidden: bool) -> Iterator[_Bars]:
    console = Console(stderr=True)
    numbers = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
    )
    with progress_bars(hidden=hidden) as sizes:
        try:
            yield _Bars(sizes, numbers)
        finally:
            numbers.stop()


def _plan_notes(order: MoveOrder, moved: Moved) -> Iterator[str]:
    """Yield what would be moved, a sentence or two each."""
    if order.moves_rows:
        yield f"Would move {_contents(moved)} to {name_of_database(order.target)}."
    if order.moves_files:
        files = moved.files
        yield (
            f"Would copy {count_of_files(len(files.copied))} with {files.size} bytes to "
            f"{name_of_files(order.target)}; {len(files.present)} are there already."
        )
    yield from _losses(moved)


def _notes(order: MoveOrder, moved: Moved) -> Iterator[str]:
    """Yield what was done, and what is left to do, a sentence or two each."""
    if order.moves_rows:
        yield f"Moved {_contents(moved)} to {name_of_database(order.target)}."
    if order.moves_files:
        files = moved.files
        yield (
            f"Copied {count_of_files(len(files.copied))} with {files.size} bytes to "
            f"{name_of_files(order.target)}; {len(files.present)} were there already."
        )
    yield from _losses(moved)
    yield from _settings(order)
    if order.moves_rows:
        yield (
            f"No server starts with {name_of_database(order.source)} any more. Delete it when all "
            "is well."
        )
    if order.moves_files:
        former = name_of_files(order.source)
        yield f"The former files are in {former}. Delete them when all is well."
    if moved.former:
        yield f"The SQLite file that was moved earlier is {moved.former} now."


def _settings(order: MoveOrder) -> Iterator[str]:
    storage = order.target.storage
    if order.moves_rows:
        value = "the URL that you gave" if storage.database else '""'
        yield f"Set storage.database to {value}."
        if storage.database and not order.target.server.secret:
            yield (
                f"Set server.secret to what the file {storage.data / 'secret'} contains: all "
                "servers over the database need it, and stage URLs stay valid."
            )
    if order.moves_files:
        yield f'Set storage.files to "{storage.files}".'


def _contents(moved: Moved) -> str:
    rows = moved.rows
    tokens = count_text(rows["api_token"], "API token")
    records = count_text(rows["audit_record"], "audit record")
    total = count_text(sum(rows.values()), "row")
    return f"{count_of_stages(rows['stage'])}, {tokens} and {records} ({total})"


def _losses(moved: Moved) -> Iterator[str]:
    if moved.files.lost:
        digests = "".join(f"\n  {one}" for one in moved.files.lost)
        yield (
            f"{count_of_files(len(moved.files.lost))} that the catalogue names are lost or "
            f"damaged, by their SHA-256:{digests}\n`stageproxy fsck` shows which artifacts are "
            "concerned."
        )
    if moved.broken:
        yield f"The audit trail is broken: {moved.broken.sentence}"


def _document(
    order: MoveOrder, moved: Moved, notes: list[str], *, dry_run: bool
) -> Mapping[str, Any]:
    files = moved.files
    return {
        "dry-run": dry_run,
        "database": name_of_database(order.target) if order.moves_rows else None,
        "rows": sum(moved.rows.values()) if order.moves_rows else 0,
        "files": {
            "to": name_of_files(order.target) if order.moves_files else None,
            "copied": len(files.copied),
            "present": len(files.present),
            "bytes": files.size,
            "missing": sorted(files.missing),
            "damaged": sorted(files.damaged),
        },
        "audit-trail": moved.broken.sentence if moved.broken else None,
        "former": str(moved.former) if moved.former else None,
        "notes": notes,
    }
