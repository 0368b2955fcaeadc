"""`stageproxy token reset-admin`: a new admin token for whoever has lost it."""

import asyncio
from pathlib import Path

import click

from stageproxy.cli.care.data_directory import (
    data_options,
    explained,
    load_settings,
    open_catalogue,
)
from stageproxy.cli.output.output import json_option, print_json
from stageproxy.server.admin_token import replace_admin_token
from stageproxy.server.clock import SystemClock
from stageproxy.store.directory import DataDirectory


@click.command("reset-admin")
@data_options
@json_option
def reset_admin_token(*, config_file: Path | None, data: Path | None, as_json: bool) -> None:
    """Write a new admin token to the data directory.

    For whoever has lost it, on the machine of the server, which must be
    stopped. All other tokens stay valid: `token revoke` ends them.
    """
    config = load_settings(config_file, data)
    directory = DataDirectory(config.storage.data)
    with explained(), directory.locked(), open_catalogue(config) as database:
        asyncio.run(replace_admin_token(database, directory, SystemClock()))
    if as_json:
        print_json({"path": str(directory.admin_token)})
    else:
        click.echo(f"A new admin token was written to {directory.admin_token}")
