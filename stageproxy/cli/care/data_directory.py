"""The data directory of a server on this machine, for commands that work on it directly."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from stageproxy.catalogue import RunningCatalogue
from stageproxy.cli.output.output import FailedError
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.core.errors import StorageError
from stageproxy.server.storage import MissingExtraError, open_postgres
from stageproxy.store.backups.manifest import BackupError
from stageproxy.store.directory import DataDirectory, DataDirectoryError, DataDirectoryInUseError
from stageproxy.store.disk import Disk
from stageproxy.store.sqlite.database import open_database
from stageproxy.store.sqlite.migration_copies import NoCopyError
from stageproxy.store.transfer.copies import CopyError
from stageproxy.store.unusable import NewerSchemaError, UnusableBucketError, UnusableDatabaseError

Command = Callable[..., Any]

_FAILURES = (
    BackupError,
    ConfigError,
    CopyError,
    DataDirectoryError,
    MissingExtraError,
    NewerSchemaError,
    NoCopyError,
    StorageError,
    UnusableBucketError,
    UnusableDatabaseError,
)
"""The errors that have a sentence for the operator."""


def data_options(command: Command) -> Command:
    """Add `--config` and `--data` to a command."""
    config = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file of the server, as TOML.",
    )
    data = click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Data directory. Default: the one in the settings, or ./stageproxy-data.",
    )
    return config(data(command))


def load_settings(config_file: Path | None, data: Path | None) -> Config:
    """Return the settings of the server, whose catalogue must be there."""
    config = load_future_settings(config_file, data)
    if not config.storage.database and not (config.storage.data / "catalogue.db").is_file():
        raise click.UsageError(
            f"{config.storage.data} is not the data directory of a server: it has no catalogue.db. "
            "Name it with --data, or its settings file with --config."
        )
    return config


def load_future_settings(config_file: Path | None, data: Path | None) -> Config:
    """Return the settings of a server, whose data directory may not be there yet."""
    try:
        return load_config(config_file, os.environ, storage={"data": data})
    except ConfigError as error:
        raise FailedError(str(error)) from error


@contextmanager
def open_catalogue(config: Config) -> Iterator[RunningCatalogue]:
    """Open the catalogue as the server would. SQLite's must be that of a server that is stopped."""
    directory = DataDirectory(config.storage.data)
    if config.storage.database:
        opened = open_postgres(config)
    else:
        opened = open_database(
            directory.database,
            Disk(directory.root),
            copy_before_migration=config.storage.copy_before_migration,
        )
    with closing(opened) as catalogue:
        yield catalogue


@contextmanager
def explained(consequence: str = "") -> Iterator[None]:
    """Explain the failures of a command that works on a data directory.

    *consequence*: what a failure of the disk means, in a sentence.
    """
    try:
        yield
    except DataDirectoryInUseError as error:
        msg = f"{error} Stop it, and run this again."
        raise FailedError(msg) from error
    except _FAILURES as error:
        raise FailedError(str(error)) from error
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        msg = f"{what}{error.strerror or error}. {consequence}"
        raise FailedError(msg.rstrip()) from error
