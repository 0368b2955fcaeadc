"""`stageproxy audit`: who did what, and whether the audit trail is intact."""

from collections.abc import Mapping
from typing import Any

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import label_of, print_json
from stageproxy.cli.output.tables import hint, is_terminal, print_table
from stageproxy.cli.stage_completion import complete_stage

_SHOW = "show"
_HEADER = ("When", "Who", "What", "Details")
_HELP = frozenset({"--help", "-h"})


class _StageOrCommand(click.Group):
    """A group that reads `audit STAGE` as `audit show STAGE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `show` before an argument that is neither a command nor an option for help."""
        is_named = not args or args[0] in self.commands or args[0] in _HELP
        return super().parse_args(ctx, args if is_named else [_SHOW, *args])


@click.group(cls=_StageOrCommand)
def audit() -> None:
    """Show or verify the audit trail.

    `audit STAGE` shows who did what to a stage, and `audit --tokens` who created
    and revoked API tokens; `audit verify` verifies the whole trail.
    """


@audit.command(_SHOW)
@click.argument("stage", required=False, shell_complete=complete_stage)
@click.option(
    "--tokens",
    is_flag=True,
    help="Show the events of API tokens, and refusals about no stage. Needs an admin token.",
)
@client_options
async def show_audit(
    connection: Connection, stage: str | None, *, tokens: bool, as_json: bool
) -> None:
    """Show the events of STAGE: when, who, what and details.

    `audit STAGE` is short for `audit show STAGE`.
    """
    if (stage is None) != tokens:
        raise click.UsageError("Name a stage, or give --tokens.")
    if stage is None:
        async with connection.open() as client:
            document = await client.request("GET", "api/audit")
    else:
        reference = connection.parse_stage(stage)
        async with connection.open(reference.server) as client:
            stage_id = await client.get_stage_id(reference)
            document = await client.request("GET", f"api/stages/{stage_id}/audit")
    if as_json:
        print_json(document)
        return
    if is_terminal():
        print_table(_HEADER, [_cells_of(one) for one in document["events"]])
        hint(
            "Verify that nobody changed the trail, with an admin token:", "stageproxy audit verify"
        )
        return
    for event in document["events"]:
        click.echo(_line_of(event))


@audit.command("verify")
@click.option(
    "--head", metavar="DIGEST", help="An earlier head of the trail, from the server's log."
)
@client_options
async def verify_audit(connection: Connection, head: str | None, *, as_json: bool) -> None:
    """Verify that no record of the audit trail was changed.

    This needs an admin token. The server logs the head of the trail every hour.
    Give one of these digests as --head to detect as well that the newest records
    were removed.
    """
    async with connection.open() as client:
        url = (client.server / "api/audit/verify").with_query({"head": head} if head else {})
        document = await client.request("GET", url)
    if as_json:
        print_json(document)
    elif document["ok"]:
        click.echo(f"Verified {document['records']} records: none was changed.")
        click.echo(f"Head: {document['head']}")
    else:
        click.echo(f"Broken at record {document['broken-at']}: {document['reason']}", err=True)
    if not document["ok"]:
        raise SystemExit(1)


def _cells_of(event: Mapping[str, Any]) -> tuple[str, str, str, str]:
    details = "  ".join(f"{name}={value}" for name, value in event["details"].items())
    when = event["at"].replace("T", " ").partition(".")[0]
    return when, label_of(event, "actor"), event["action"], details


def _line_of(event: Mapping[str, Any]) -> str:
    when, actor, action, details = _cells_of(event)
    line = f"{when}  {actor:<24}  {action:<18}  {details}"
    # Clients chose some of these values: no control character may reach the terminal.
    return "".join(one if one.isprintable() else "?" for one in line).rstrip()
