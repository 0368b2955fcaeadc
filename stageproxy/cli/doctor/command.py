"""`stageproxy doctor`: everything that a new installation can have wrong, in one list."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.doctor.machine import diagnose_machine
from stageproxy.cli.doctor.network import diagnose_server, diagnose_upstream
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.core.care.diagnosis import Diagnosis, Level

_EXIT_CODES = {Level.OUT_OF_REACH: 3, Level.PROBLEM: 1}


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file of the server, as TOML.",
)
@client_options
async def doctor(connection: Connection, *, config_file: Path | None, as_json: bool) -> None:
    """Check a new installation.

    Run it on the server's machine, as the server's user, while the server runs. It
    checks settings, disk, versions, pip's settings, clocks, upstream, the public URL,
    and what a proxy does to uploads. Exit code 1 if there is a problem, and 3 if the
    server or upstream cannot be reached.
    """
    config = _settings(connection, config_file)
    with Console(stderr=True).status("Checking"):
        found = await _diagnose(config, connection)
    level = max((one.level for one in found), key=[*Level].index)
    if as_json:
        lines = [
            {
                "level": one.level.value,
                "topic": one.topic,
                "message": one.sentence,
                "advice": one.advice,
            }
            for one in found
        ]
        print_json({"ok": level not in _EXIT_CODES, "checks": lines})
    else:
        _print(found)
    raise SystemExit(_EXIT_CODES.get(level, 0))


async def _diagnose(config: Config, connection: Connection) -> Sequence[Diagnosis]:
    machine = await asyncio.to_thread(lambda: list(diagnose_machine(config)))
    upstream = await diagnose_upstream(config)
    async with connection.open() as client:
        return [*machine, *upstream, *await diagnose_server(config, client)]


def _settings(connection: Connection, config_file: Path | None) -> Config:
    try:
        return load_config(config_file, os.environ, storage={"data": connection.data})
    except ConfigError as error:
        raise FailedError(str(error)) from error


def _print(found: Sequence[Diagnosis]) -> None:
    for one in found:
        click.echo(f"{one.level.value:<13} {one.topic}: {one.sentence}")
        if one.advice:
            click.echo(f"{'':<13} {one.advice}")
