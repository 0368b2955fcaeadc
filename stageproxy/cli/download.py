"""`stageproxy download`: the files of a stage, checked and stored."""

from pathlib import Path

import aiofiles.os
import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import print_json
from stageproxy.cli.stage_completion import complete_stage
from stageproxy.cli.transfers import fetch, progress_bars


@click.command()
@click.argument("stage", shell_complete=complete_stage)
@click.option(
    "--dest",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to download to. Default: the current one.",
)
@client_options
async def download(connection: Connection, stage: str, dest: Path, *, as_json: bool) -> None:
    """Download the files of STAGE.

    The SHA-256 of each file is checked.
    """
    files = await _download_files(connection, stage, dest, hidden=as_json)
    if as_json:
        print_json({"files": files})
        return
    for file in files:
        click.echo(f"{file['sha256']}  {file['path']}")


async def _download_files(
    connection: Connection, stage: str, dest: Path, *, hidden: bool
) -> list[dict[str, str]]:
    """Download the files of a stage, and return their paths and hashes."""
    reference = connection.parse_stage(stage)
    await aiofiles.os.makedirs(dest, exist_ok=True)
    files = []
    async with connection.open(reference.server) as client:
        document = await client.get_stage(reference)
        with progress_bars(hidden=hidden) as bars:
            for filename, file in document["files"].items():
                path = dest / Path(filename).name
                await fetch(client, file, path, bars)
                files.append({"path": str(path), "sha256": file["hashes"]["sha256"]})
    return files
