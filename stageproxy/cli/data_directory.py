"""The data directory of a server on this machine, for commands that work on it directly."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stageproxy.cli.output import FailedError
from stageproxy.config import Config, ConfigError, load_config

Command = Callable[..., Any]


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
    """Return the settings of the server, whose data directory must be there."""
    config = load_future_settings(config_file, data)
    if not (config.storage.data / "catalogue.db").is_file():
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
