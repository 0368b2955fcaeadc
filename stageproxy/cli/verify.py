"""Here is `stageproxy verify-transparency`: whether a stage leaves alone what is not its own."""

from pathlib import Path
from typing import Any

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output import print_json

_SAMPLE = 20


@click.command("verify-transparency", short_help="Compare STAGE with upstream.")
@click.argument("stage")
@click.option(
    "--names",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with a project on each line.",
)
@click.option("--sample", type=click.IntRange(1), help=f"So many at random. Default: {_SAMPLE}.")
@click.option("--seed", type=int, default=0, help="For the same sample again.")
@click.option("--upstream", metavar="URL", help="Default: as the settings here say.")
@client_options
async def verify(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    file: Path | None,
    sample: int | None,
    seed: int,
    upstream: str | None,
    *,
    as_json: bool,
) -> None:
    """Compare what STAGE must not touch with upstream: status, headers that matter, every byte."""
    from stageproxy.cli.comparison import Sample, compare  # noqa: PLC0415

    names = _names_in(file) if file else Sample(sample or _SAMPLE, seed)
    document = await compare(connection, stage, upstream, names)
    if as_json:
        print_json(document)
    else:
        _print(document)
    if document["differences"]:
        raise SystemExit(1)


def _names_in(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


def _print(document: dict[str, Any]) -> None:
    differences = document["differences"]
    for one in differences:
        click.echo(f"{one['path']} ({one['accept']}): {one['what']}")
    click.echo(f"{document['compared']} pages compared, {len(differences)} differences.")
