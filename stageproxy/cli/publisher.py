"""`stageproxy publisher`: which CI jobs may upload to a project."""

from collections.abc import Mapping
from typing import Any

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import print_json
from stageproxy.cli.output.tables import hint, is_terminal, print_table
from stageproxy.core.identity.providers import Provider

_HEADER = ("Id", "Provider", "Job")


@click.group()
def publisher() -> None:
    """Add, list and remove trusted publishers.

    A trusted publisher is a CI job that gets upload tokens for a project in
    exchange for its identity. This needs an admin token.
    """


@publisher.command("add")
@click.argument("project")
@click.argument("provider", type=click.Choice([one.value for one in Provider]))
@click.argument("fields", metavar="NAME=VALUE…", nargs=-1, required=True)
@click.option("--issuer", metavar="URL", help="Issuer of the identities. Default: the provider's.")
@client_options
async def add_publisher(
    connection: Connection,
    *,
    project: str,
    provider: str,
    fields: tuple[str, ...],
    issuer: str | None,
    as_json: bool,
) -> None:
    """Trust a CI job to upload to PROJECT.

    The fields say which job: for github `repository`, `repository_id`,
    `repository_owner_id` and `workflow`, and if wanted `environment`, `ref` and
    `reusable_workflow`.
    """
    order = {"provider": provider, "issuer": issuer or "", "fields": dict(map(_parse, fields))}
    async with connection.open() as client:
        document = await client.request("POST", f"api/projects/{project}/publishers", order)
    if as_json:
        print_json(document)
    else:
        click.echo(f"{_job(document)} is a trusted publisher of {document['project']} now.")


@publisher.command("list")
@click.argument("project")
@client_options
async def list_publishers(connection: Connection, *, project: str, as_json: bool) -> None:
    """List the trusted publishers of PROJECT."""
    async with connection.open() as client:
        document = await client.request("GET", f"api/projects/{project}/publishers")
    if as_json:
        print_json(document)
        return
    rows = [(one["id"], one["provider"], _job(one)) for one in document["publishers"]]
    if is_terminal():
        print_table(_HEADER, rows)
        hint("Remove one, and revoke its tokens:", f"stageproxy publisher remove {project} ID")
        return
    for publisher_id, provider, job in rows:
        click.echo(f"{publisher_id}  {provider:<12}  {job}")


@publisher.command("remove")
@click.argument("project")
@click.argument("publisher_id", metavar="ID")
@client_options
async def remove_publisher(
    connection: Connection, *, project: str, publisher_id: str, as_json: bool
) -> None:
    """Remove a trusted publisher of PROJECT, and revoke its tokens."""
    async with connection.open() as client:
        document = await client.request(
            "DELETE", f"api/projects/{project}/publishers/{publisher_id}"
        )
    if as_json:
        print_json(document)
    else:
        click.echo(f"{_job(document)} is no trusted publisher of {document['project']} any more.")


def _parse(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.UsageError(f"{text!r} is not NAME=VALUE, such as workflow=release.yml.")
    return name, value


def _job(document: Mapping[str, Any]) -> str:
    """Return the fields of a publisher in one line."""
    return " ".join(f"{name}={value}" for name, value in document["fields"].items())
