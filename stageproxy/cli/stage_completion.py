"""Completion of stages and projects: the shell asks the server, which has to answer quickly."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from stageproxy.cli.connection import Connection, find_local_server
from stageproxy.cli.stage_names import Listed, is_live

_SECONDS = 2.0


def complete_stage(
    context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Return the live stages whose releases or ids begin with a text."""
    names = (_name_of(one) for one in _stages(context.params) if is_live(one))
    return [CompletionItem(one) for one in sorted({*names}) if one.startswith(typed)]


def complete_project(
    context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Return the projects with stages whose names begin with a text."""
    names = {str(one["project"]) for one in _stages(context.params)}
    return [CompletionItem(one) for one in sorted(names) if one.startswith(typed)]


def _name_of(stage: Listed) -> str:
    return f"{stage['project']}=={stage['version']}" if stage["version"] else str(stage["id"])


def _stages(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the first page of stages; none if the server does not answer, or not in time."""
    data = Path(options.get("data") or "stageproxy-data")
    connection = Connection(
        options.get("server"), options.get("token"), find_local_server(data), data=None
    )
    try:
        return asyncio.run(_ask(connection))
    except (click.ClickException, TimeoutError):
        return []


async def _ask(connection: Connection) -> list[dict[str, Any]]:
    async with asyncio.timeout(_SECONDS), connection.open() as client:
        page = await client.request("GET", "api/stages")
    stages: list[dict[str, Any]] = page["stages"]
    return stages
