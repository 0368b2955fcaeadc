"""Here is `stageproxy download`."""

from pathlib import Path

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output import print_json


@click.command(short_help="Download the artifacts of STAGE.")
@click.argument("stage")
@click.option(
    "--dest",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to. Default: here.",
)
@client_options
async def download(connection: Connection, stage: str, dest: Path, *, as_json: bool) -> None:
    """Download the artifacts of STAGE; their hashes are checked."""
    from stageproxy.cli.downloading import download_files  # noqa: PLC0415

    files = await download_files(connection, stage, dest, hidden=as_json)
    if as_json:
        print_json({"files": files})
        return
    for one in files:
        click.echo(f"{one['sha256']}  {one['path']}")
