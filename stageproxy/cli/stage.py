"""`stageproxy stage`: open, list, show, change and cancel stages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import (
    FailedError,
    count_of_files,
    end_or_status,
    print_json,
    print_stage,
)
from stageproxy.cli.output.tables import hint, is_terminal, print_table
from stageproxy.cli.stage_completion import complete_project, complete_stage
from stageproxy.core.stage.manifest import manifest_of

_CANCELABLE = frozenset({"open", "error"})
"""The statuses of stages that can be canceled, if nothing of them is published."""


_HEADER = ("Id", "Status", "Expires", "Files", "Release")


@click.group()
def stage() -> None:
    """Open, list, show, change and cancel stages."""


@stage.command("open")
@click.argument("project", shell_complete=complete_project)
@click.argument("version", required=False)
@click.option("--lifetime", metavar="7d", help="How long after each change the stage expires.")
@click.option(
    "--expects",
    multiple=True,
    metavar="PATTERN",
    help="A file that the release is expected to have: a glob, Pythons and platforms as in "
    "cp312,cp313-manylinux_x86_64, or sdist. Can be given several times.",
)
@client_options
async def open_stage(
    connection: Connection,
    project: str,
    version: str | None,
    lifetime: str | None,
    expects: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Open a stage for PROJECT.

    Without VERSION, the first file that is uploaded sets the version.
    """
    declared = {"expects": expects} if expects else {}
    body = {"name": project, "version": version, "lifetime": lifetime, **declared}
    async with connection.open() as client:
        _show(await client.request("POST", "api/stages", body), as_json=as_json)


@stage.command("list")
@click.option("--project", help="List only stages of this project.")
@client_options
async def list_stages(connection: Connection, project: str | None, *, as_json: bool) -> None:
    """List the stages that the token can see."""
    async with connection.open() as client:
        stages = await client.list_stages(project)
    if as_json:
        print_json({"stages": stages})
        return
    if stages and is_terminal():
        print_table(_HEADER, [_row(one) for one in stages])
        hint("Look at one, with its URL:", f"stageproxy stage show {stages[0]['id']}")
        return
    for listed in stages:
        release = f"{listed['project']} {listed['version'] or '(no version yet)'}"
        files = count_of_files(len(listed["files"]))
        url = listed["links"].get("stage", "")
        line = f"{listed['id']}  {end_or_status(listed):<10}  {listed['expires-at']}  {files:>9}"
        click.echo(f"{line}  {release}  {url}".rstrip())
    if not stages:
        click.echo("There are no stages.")


def _row(listed: Mapping[str, Any]) -> Sequence[str]:
    release = f"{listed['project']} {listed['version'] or '(no version yet)'}"
    expires = listed["expires-at"].replace("T", " ").removesuffix("Z")
    return listed["id"], end_or_status(listed), expires, str(len(listed["files"])), release


@stage.command("show")
@click.argument("stage", shell_complete=complete_stage)
@click.option(
    "--hashes", is_flag=True, help="Print only the manifest, as sha256sum prints it for the files."
)
@client_options
async def show_stage(connection: Connection, stage: str, *, hashes: bool, as_json: bool) -> None:
    """Show STAGE: a stage URL, a stage id, or a release such as demo==2.0."""
    if hashes and as_json:
        raise click.UsageError("--hashes and --json are mutually exclusive: JSON has the hashes.")
    reference = connection.parse_stage(stage)
    is_text = not (hashes or as_json)
    async with connection.open(reference.server) as client:
        document = await client.get_stage(reference, look=is_text)
    if hashes:
        click.echo(_manifest(document), nl=False)
        return
    _show(document, as_json=as_json)
    if not as_json and document["files"] and "stage" in document["links"]:
        hint("Look at it as a reviewer does:", f"stageproxy review {document['id']}")


@stage.command("extend")
@click.argument("stage", shell_complete=complete_stage)
@click.option("--by", "by", required=True, metavar="3d", help="How much later the stage expires.")
@client_options
async def extend_stage(connection: Connection, stage: str, by: str, *, as_json: bool) -> None:
    """Extend the lifetime of STAGE.

    The settings of the server limit it.
    """
    await _act(connection, stage, "POST", "/extend", {"extend-for": by}, as_json=as_json)


@stage.command("cancel")
@click.argument("stages", metavar="STAGE…", nargs=-1, shell_complete=complete_stage)
@click.option("--empty", is_flag=True, help="Cancel all stages without files.")
@click.option("--project", help="With --empty: only those of this project.")
@client_options
async def cancel_stages(
    connection: Connection,
    stages: tuple[str, ...],
    project: str | None,
    *,
    empty: bool,
    as_json: bool,
) -> None:
    """Cancel each STAGE, or all empty ones.

    Their files can no longer be downloaded or installed.
    """
    if bool(stages) == empty:
        raise click.UsageError("Name the stages to cancel, or give --empty.")
    if project and not empty:
        raise click.UsageError("--project needs --empty.")
    if len(stages) == 1:
        await _act(connection, stages[0], "DELETE", "", None, as_json=as_json)
        return
    canceling = _cancel_empty(connection, project) if empty else _cancel_all(connection, stages)
    _report_canceled([one async for one in canceling], as_json=as_json)


@stage.command("rotate")
@click.argument("stage", shell_complete=complete_stage)
@client_options
async def rotate_stage(connection: Connection, stage: str, *, as_json: bool) -> None:
    """Give STAGE a new URL.

    The old URL stops working at once.
    """
    await _act(connection, stage, "POST", "/rotate", None, as_json=as_json)


@stage.command("remove")
@click.argument("stage", shell_complete=complete_stage)
@click.argument("filename")
@client_options
async def remove_file(connection: Connection, stage: str, filename: str, *, as_json: bool) -> None:
    """Withdraw FILENAME from STAGE."""
    await _act(connection, stage, "DELETE", f"/files/{filename}", None, as_json=as_json)


Canceled = dict[str, Any] | click.ClickException
"""A stage that was canceled, or why it was not."""


async def _cancel_all(connection: Connection, stages: Sequence[str]) -> AsyncIterator[Canceled]:
    """Cancel stages one by one. One that cannot be canceled does not keep the others."""
    for reference in [connection.parse_stage(one) for one in stages]:
        async with connection.open(reference.server) as client:
            try:
                stage_id = await client.get_stage_id(reference)
                yield await client.request("DELETE", f"api/stages/{stage_id}")
            except FailedError as error:
                yield error


async def _cancel_empty(connection: Connection, project: str | None) -> AsyncIterator[Canceled]:
    async with connection.open() as client:
        for listed in await client.list_stages(project):
            if listed["files"] or listed["status"] not in _CANCELABLE:
                continue
            url = client.server / "api/stages" / listed["id"]
            try:
                # Between the list and this request, a file may have arrived.
                yield await client.request("DELETE", url.with_query({"only-if-empty": "true"}))
            except FailedError as error:
                yield error


def _report_canceled(canceled: Sequence[Canceled], *, as_json: bool) -> None:
    stages = [one for one in canceled if isinstance(one, dict)]
    errors = [one for one in canceled if isinstance(one, click.ClickException)]
    if as_json:
        print_json({"stages": stages})
    for one in [] if as_json else stages:
        click.echo(
            f"Canceled {one['project']} {one['version'] or '(no version yet)'} (id {one['id']})"
        )
    if not canceled and not as_json:
        click.echo("There are no empty stages.")
    for error in errors:
        error.show()
    if errors:
        raise SystemExit(1)


async def _act(
    connection: Connection,
    stage: str,
    method: str,
    action: str,
    body: dict[str, Any] | None,
    *,
    as_json: bool,
) -> None:
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        stage_id = await client.get_stage_id(reference)
        _show(await client.request(method, f"api/stages/{stage_id}{action}", body), as_json=as_json)


def _show(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_stage(document)


def _manifest(document: dict[str, Any]) -> str:
    """Return the manifest of a stage, whose SHA-256 is its manifest digest."""
    files = {name: one for name, one in document["files"].items() if one["status"] == "completed"}
    return manifest_of({name: one["hashes"]["sha256"] for name, one in files.items()})
