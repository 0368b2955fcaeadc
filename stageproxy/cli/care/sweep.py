"""`stageproxy sweep`: what a server does every hour, now: expired stages and unneeded files."""

import os
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from stageproxy.cli.care.data_directory import explained, open_catalogue
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, count_of_files, print_json
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.server.care import stored_files
from stageproxy.server.clock import SystemClock
from stageproxy.services.care.expire import Expiry
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.directory import DataDirectory, DataDirectoryInUseError
from stageproxy.store.disk import Disk
from stageproxy.web.documents.sweep_json import sweep_json


@click.command()
@click.option("--dry-run", is_flag=True, help="Only print what would end and be deleted.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file of a server that is stopped, as TOML.",
)
@client_options
async def sweep(
    connection: Connection, *, dry_run: bool, config_file: Path | None, as_json: bool
) -> None:
    """End expired stages, delete unneeded files.

    A server does this every hour. This needs an admin token; in the data directory
    of a server that is stopped, the command works without one.
    """
    document = None
    with Console(stderr=True).status("Sweeping"):
        if connection.server is None:
            document = await _sweep_stopped(connection, config_file, dry_run=dry_run)
        if document is None:
            async with connection.open() as client:
                document = await client.request("POST", "api/sweep", {"dry-run": dry_run})
    if as_json:
        print_json(document)
    else:
        _print(document)


async def _sweep_stopped(
    connection: Connection, config_file: Path | None, *, dry_run: bool
) -> Mapping[str, Any] | None:
    """Sweep on this machine, or return `None` if a server here does, or has to be asked."""
    config = _settings(connection, config_file)
    directory = DataDirectory(config.storage.data)
    if not config.storage.database and not directory.database.is_file():
        return None
    with explained(), suppress(DataDirectoryInUseError), directory.locked():
        derived = DerivedFiles(directory.derived, Disk(directory.root), config.review.max_size)
        with (
            open_catalogue(config) as database,
            stored_files(config) as files,
            closing(derived),
        ):
            expiry = Expiry(database, files, SystemClock(), config.stage.retention, derived)
            plan = await (expiry.plan() if dry_run else expiry.carry_out())
        return sweep_json(plan, dry_run=dry_run)
    return None


def _settings(connection: Connection, config_file: Path | None) -> Config:
    try:
        return load_config(config_file, os.environ, storage={"data": connection.data})
    except ConfigError as error:
        raise FailedError(str(error)) from error


def _print(document: Mapping[str, Any]) -> None:
    would = document["dry-run"]
    for key, done, planned in (
        ("expired", "Ended", "Would end"),
        ("forgotten", "Forgot", "Would forget"),
    ):
        for one in document[key]:
            version = one["version"] or "(no version yet)"
            verb = planned if would else done
            click.echo(f"{verb} stage {one['project']} {version} (id {one['id']})")
    for name in document["uploads"]:
        click.echo(f"{'Would end' if would else 'Ended'} the upload of {name}")
    for one in document["files"]:
        verb = "Would delete" if would else "Deleted"
        click.echo(f"{verb} {one['name']}, {one['size']} bytes ({one['reason']})")
    count = count_of_files(len(document["files"]))
    click.echo(f"{'Would delete' if would else 'Deleted'} {count} with {document['bytes']} bytes.")
