"""`stageproxy token`: create, list and revoke API tokens."""

from collections.abc import Mapping
from typing import Any

import click

from stageproxy.cli import DeferredCommand, DeferringGroup
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import print_json
from stageproxy.cli.output.tables import hint, is_terminal, print_table
from stageproxy.core.rights import actor_label

_HEADER = ("Id", "Name", "Can", "Until", "Project")


@click.group(cls=DeferringGroup)
def token() -> None:
    """Create, list and revoke API tokens.

    This needs an admin token, `reset-admin` access to the data directory.
    """


token.add_command(
    DeferredCommand(
        "reset-admin",
        "stageproxy.cli.care.admin_token:reset_admin_token",
        "Write a new admin token to the data directory.",
    )
)


@token.command("new")
@click.option(
    "--name",
    help="Name of the token, shown wherever it did something. Default: what it permits.",
)
@click.option("--project", required=True, help="Project of the token; '*' for all projects.")
@click.option(
    "--can",
    required=True,
    type=click.Choice(["upload", "manage", "admin"]),
    help="What the token permits.",
)
@click.option(
    "--expires", metavar="30d", help="How long the token is valid. Default: it never expires."
)
@click.option("--version", help="Limit the token to this version.")
@client_options
async def new_token(
    connection: Connection,
    *,
    as_json: bool,
    **options: str | None,
) -> None:
    """Create an API token.

    It is shown only once.
    """
    async with connection.open() as client:
        document = await client.request("POST", "api/tokens", options)
    if as_json:
        print_json(document)
        return
    click.echo(document["token"])
    click.echo("Store this token: it is not shown again.", err=True)


@token.command("list")
@client_options
async def list_tokens(connection: Connection, *, as_json: bool) -> None:
    """List API tokens."""
    async with connection.open() as client:
        document = await client.request("GET", "api/tokens")
    if as_json:
        print_json(document)
        return
    rows = [_row(one) for one in document["tokens"]]
    if is_terminal():
        print_table(_HEADER, rows)
        hint("Revoke one at once:", "stageproxy token revoke ID")
        return
    for token_id, name, can, ends, release in rows:
        click.echo(f"{token_id}  {name:<24}  {can:<6}  {ends:<27}  {release}")


def _row(listed: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    ends = "revoked" if listed["revoked-at"] else listed["expires-at"] or "never expires"
    release = f"{listed['project']} {listed['version'] or ''}".strip()
    return listed["id"], listed["name"] or "(no name)", listed["can"], ends, release


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@client_options
async def revoke_token(connection: Connection, token_id: str, *, as_json: bool) -> None:
    """Revoke the API token with this ID."""
    async with connection.open() as client:
        document = await client.request("DELETE", f"api/tokens/{token_id}")
    if as_json:
        print_json(document)
    else:
        label = actor_label(document["id"], {document["id"]: document["name"] or ""})
        click.echo(f"Token {label} is revoked.")
