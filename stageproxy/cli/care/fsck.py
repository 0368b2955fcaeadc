"""`stageproxy fsck`: the check of a data directory, and its repair."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, TaskID

from stageproxy.cli.care.data_directory import (
    data_options,
    explained,
    load_settings,
    open_catalogue,
)
from stageproxy.cli.output.output import (
    FailedError,
    count_of_files,
    count_of_stages,
    json_option,
    print_json,
)
from stageproxy.cli.transfers import progress_bars
from stageproxy.config import Config
from stageproxy.core.care.faults import Fault
from stageproxy.core.care.snapshot import UnreadableCatalogueError
from stageproxy.server.care import CheckedFiles, checked_catalogue, checked_files
from stageproxy.server.clock import SystemClock
from stageproxy.server.storage import is_database_in_use, name_of_database
from stageproxy.services.care.fsck import CheckReport, Fsck
from stageproxy.services.care.repair import repair as carry_out
from stageproxy.store.directory import (
    DataDirectory,
    DataDirectoryError,
    DataDirectoryInUseError,
    find_secret,
)


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired. No server may run.")
@data_options
@json_option
def fsck(*, config_file: Path | None, data: Path | None, repair: bool, as_json: bool) -> None:
    """Check catalogue and files, repair them.

    Every stored file is read and compared with its size and its hashes, and the
    rows of the catalogue with one another. Nothing is changed without --repair,
    and servers can run meanwhile. Exit code 1 if there are problems.
    """
    config = load_settings(config_file, data)
    directory = DataDirectory(config.storage.data)
    with (
        explained(),
        _stopped(config, directory) if repair else nullcontext(),
        checked_files(config) as files,
    ):
        with progress_bars(hidden=as_json) as bars:
            report = _check(config, files, bars)
        repaired = _repair(config, files, report) if repair else frozenset()
        left = [one for one in report.problems if one not in repaired]
        if not left:
            files.forget_failure()
    if as_json:
        print_json(_document(directory, report, repaired))
    else:
        _print(report, repaired)
    if left:
        raise SystemExit(1)


@contextmanager
def _stopped(config: Config, directory: DataDirectory) -> Iterator[None]:
    """Raise if a server runs; none can start with the data directory meanwhile."""
    _require_no_server(config)
    try:
        with directory.locked():
            yield
    except DataDirectoryInUseError as error:
        raise FailedError(_in_use(f"the data directory {directory.root}")) from error
    except DataDirectoryError as error:
        raise FailedError(f"{error} Nothing was repaired.") from error


def _require_no_server(config: Config) -> None:
    """Raise if a server is connected to the PostgreSQL database."""
    if config.storage.database and is_database_in_use(config):
        raise FailedError(_in_use(name_of_database(config)))


def _in_use(what: str) -> str:
    return (
        f"A server uses {what}, so it cannot be repaired. Stop all servers first. Without "
        "--repair, fsck can run beside them."
    )


def _check(config: Config, files: CheckedFiles, bars: Progress) -> CheckReport:
    secret = find_secret(config.storage.data, config.server.secret.get_secret_value())
    try:
        with checked_catalogue(config) as reader:
            return Fsck(reader, files, SystemClock(), _Bar(bars), secret).check()
    except UnreadableCatalogueError as error:
        raise FailedError(f"{error} Restore a backup.") from error


class _Bar:
    """Shows the reading of files as one bar."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._bar: TaskID | None = None

    def begin(self, total: int) -> None:
        """Show an empty bar."""
        self._bar = self._bars.add_task("Reading stored files", total=total)

    def advance(self, count: int) -> None:
        """Fill the bar further."""
        if self._bar is not None:
            self._bars.advance(self._bar, count)


def _repair(config: Config, files: CheckedFiles, report: CheckReport) -> frozenset[Fault]:
    """Repair what can be repaired, in one transaction, and return the faults that are gone."""
    faults = [one for one in report.faults if one.repair is not None]
    if not faults or not report.can_repair:
        return frozenset()
    # The check can take long: a server on another machine may have started meanwhile.
    _require_no_server(config)
    now = SystemClock().now()
    repairs = [one.repair for one in faults if one.repair is not None]
    with open_catalogue(config) as database:
        asyncio.run(database.write(lambda rows: carry_out(rows, files, repairs, now)))
    return frozenset(faults)


def _document(
    directory: DataDirectory, report: CheckReport, repaired: frozenset[Fault]
) -> Mapping[str, Any]:
    return {
        "data": str(directory.root),
        "ok": all(one in repaired for one in report.problems),
        "stages": report.stages,
        "files": report.files,
        "bytes": report.size,
        "records": report.head.number,
        "head": report.head.digest,
        "problems": [
            {
                "severity": one.severity.value,
                "kind": one.kind,
                "subject": one.subject,
                "message": one.sentence,
                "advice": one.advice,
                "can-be-repaired": report.can_repair and one.repair is not None,
                "repaired": one in repaired,
            }
            for one in report.faults
        ],
    }


def _print(report: CheckReport, repaired: frozenset[Fault]) -> None:
    for one in report.faults:
        word = "repaired" if one in repaired else one.severity.value
        click.echo(f"{word}: {one.subject}: {one.sentence}")
        if one not in repaired:
            click.echo(f"  {one.advice}")
    click.echo(
        f"Checked {count_of_stages(report.stages)}, {count_of_files(report.files)} with "
        f"{report.size} bytes, and {report.head.number} audit records."
    )
    left = sum(one not in repaired for one in report.problems)
    if not left:
        click.echo("No problems are left." if report.problems else "No problems were found.")
        return
    click.echo(f"{left} problems." if left > 1 else "1 problem.")
    if not report.can_repair:
        click.echo("The database itself is damaged, so nothing is repaired. Restore a backup.")
