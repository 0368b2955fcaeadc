"""`stageproxy promote --give-up`: ending a stage of which only a part is published."""

import sys

import click

from stageproxy.cli.connection import Connection
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.results import print_end

_QUESTION = "\nGive up the files that are not published? The others stay public for ever."


async def give_up_stage(connection: Connection, stage: str, *, yes: bool, as_json: bool) -> None:
    """Give up what is not published of a stage, after a question, and print what is public."""
    if not yes and (as_json or not sys.stdin.isatty()):
        raise click.UsageError("--give-up asks at a terminal. Elsewhere, add --yes.")
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        path = f"api/stages/{await client.get_stage_id(reference)}/promotion"
        before = await client.request("GET", path)
        if before["status"] == "error" and not yes:
            click.echo(before["reason"])
            if not click.confirm(_QUESTION, err=True):
                raise FailedError("Nothing was given up, because the answer was no.")
        promotion = await client.request("POST", f"{path}/give-up")
    print_end(promotion, as_json=as_json)
