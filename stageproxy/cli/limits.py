"""`stageproxy limits`: what may be stored, and how much of it is used."""

from typing import Any
from urllib.parse import quote

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import print_json
from stageproxy.cli.output.tables import is_terminal, print_table

_HEADER = ("Of", "Setting", "Used", "Limit", "")


@click.command("limits")
@click.argument("project", required=False)
@client_options
async def limits(connection: Connection, project: str | None, *, as_json: bool) -> None:
    """Show limits, and how much is used.

    They are those of the server and of the token, or with PROJECT those of a project. The
    operator of the server sets them.
    """
    path = f"api/projects/{quote(project, safe='')}/limits" if project else "api/limits"
    async with connection.open() as client:
        document = await client.request("GET", path)
    if as_json:
        print_json(document)
        return
    if is_terminal():
        print_table(_HEADER, [_row(one) for one in document["limits"]])
        return
    for limit in document["limits"]:
        click.echo(_line(limit))


def _row(limit: dict[str, Any]) -> tuple[str, str, str, str, str]:
    most = "no limit" if limit["limit"] is None else f"{limit['limit']:,}"
    mark = "nearly used" if limit["near"] else ""
    return limit["of"], limit["setting"], f"{limit['used']:,}", most, mark


def _line(limit: dict[str, Any]) -> str:
    most = "no limit" if limit["limit"] is None else f"of {limit['limit']:,}"
    mark = "  (nearly used)" if limit["near"] else ""
    return f"{limit['of']:<8} {limit['setting']:<26} {limit['used']:>16,} {most}{mark}"
