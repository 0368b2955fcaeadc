"""Here is `stageproxy upload`."""

from pathlib import Path

import click

from stageproxy.cli.connection import Connection, client_options


@click.command(short_help="Upload FILES into their stage.")
@click.option("--stage", metavar="STAGE", help="A stage URL or id. Default: by the files' release.")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@client_options
async def upload(
    connection: Connection, stage: str | None, files: tuple[Path, ...], *, as_json: bool
) -> None:
    """Upload FILES into the stage of their release, which is opened if need be."""
    from stageproxy.cli.uploading import upload_files  # noqa: PLC0415

    report = await upload_files(connection, stage, files, as_json=as_json)
    if any(one["status"] == "refused" for one in report):
        raise SystemExit(1)
