"""`stageproxy wait`: wait until other jobs have uploaded the files of a stage."""

import asyncio

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.cli.output.tables import hint
from stageproxy.cli.stage_completion import complete_stage
from stageproxy.core.durations import parse_duration

_POLL_SECONDS = 2.0


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("stage", shell_complete=complete_stage)
@click.option(
    "--files",
    "count",
    required=True,
    metavar="N",
    type=click.IntRange(1),
    help="How many files to wait for.",
)
@click.option(
    "--timeout", "seconds", default="1h", callback=_seconds, help="How long to wait. Default: 1h."
)
@client_options
async def wait(
    connection: Connection, stage: str, count: int, seconds: float, *, as_json: bool
) -> None:
    """Wait until STAGE has N files."""
    reference = connection.parse_stage(stage)
    uploaded = 0
    try:
        async with asyncio.timeout(seconds), connection.open(reference.server) as client:
            while True:
                document = await client.get_stage(reference)
                if document["status"] == "canceled":
                    raise FailedError(f"The stage has ended. {' '.join(document['notices'])}")
                if len(document["files"]) != uploaded and not as_json:
                    click.echo(f"{len(document['files'])} of {count} files are uploaded.")
                uploaded = len(document["files"])
                if uploaded >= count:
                    break
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise FailedError(
            f"Timed out: {uploaded} of {count} files are uploaded. Run the command again, or give "
            "it more time with --timeout."
        ) from error
    if as_json:
        print_json(document)
        return
    hint("Look at the release as a reviewer does:", f"stageproxy review {stage}")
