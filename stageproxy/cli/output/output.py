"""Output of the commands: JSON documents, text and errors."""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import click

from stageproxy.cli.output.findings import print_findings
from stageproxy.cli.output.tables import styled
from stageproxy.core.rights import actor_label
from stageproxy.core.stage.install_commands import install_commands
from stageproxy.core.wording import count_text

Command = Callable[..., Any]
_ENDED = frozenset({"published", "canceled"})
_STATUS_TEXTS = {
    "open": "is open",
    "processing": "is being published",
    "published": "is published",
    "error": "was not published completely",
    "canceled": "is canceled",
    "expired": "has expired",
    "given-up": "is partly published, and the rest was given up",
}


class FailedError(click.ClickException):
    """The server refused the request, or something failed: exit code 1."""

    exit_code = 1


class OutOfReachError(click.ClickException):
    """The server, or an index that it needs, cannot be reached: exit code 3."""

    exit_code = 3


def json_option(command: Command) -> Command:
    """Add `--json` to a command."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
    )(command)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def end_or_status(stage: Mapping[str, Any]) -> str:
    """Return how a stage ended, or its status."""
    return str(stage.get("end") or stage["status"])


def count_of_files(count: int) -> str:
    """Return a number of files in words."""
    return count_text(count, "file")


def count_of_stages(count: int) -> str:
    """Return a number of stages in words."""
    return count_text(count, "stage")


def label_of(document: Mapping[str, Any], key: str) -> str:
    """Return the name and the id of the API token whose id is the value of *key*."""
    return actor_label(document[key], {document[key]: document.get(f"{key}-name") or ""})


def print_stage(stage: Mapping[str, Any]) -> None:
    """Print a stage as text."""
    version = stage["version"] or "(no version yet)"
    status = _STATUS_TEXTS.get(end_or_status(stage), stage["status"])
    click.echo(styled(f"Stage {stage['project']} {version} {status} (id {stage['id']})", bold=True))
    findings = stage.get("findings", ())
    known = {one["message"] for one in findings}
    for notice in stage["notices"]:
        if notice not in known:
            click.echo(f"  {notice}")
    if _expires_by_itself(stage):
        click.echo(f"  Expires   {stage['expires-at']}")
    click.echo(f"  Manifest  {stage['manifest-digest']}")
    for filename, file in stage["files"].items():
        click.echo(f"  {filename}  {file['size']} bytes  sha256 {file['hashes']['sha256']}")
        click.echo(f"    {_uploaded(file)}")
        for notice in file["notices"]:
            if notice not in known:
                click.echo(f"    {notice}")
    print_findings(findings)
    print_next_steps(stage)


def _uploaded(file: Mapping[str, Any]) -> str:
    by = label_of(file, "uploaded-by")
    if "upload-time" not in file:
        return f"Being uploaded by {by}"
    time = file["upload-time"].partition(".")[0].replace("T", " ").removesuffix("Z")
    return f"Uploaded {time} UTC by {by}"


def _expires_by_itself(stage: Mapping[str, Any]) -> bool:
    """Return whether a stage expires. Ended and partly published stages do not."""
    can_be_extended = "extend" in stage["links"]
    return stage["status"] not in _ENDED and (stage["status"] != "error" or can_be_extended)


def print_next_steps(stage: Mapping[str, Any]) -> None:
    """Print the stage URL, and how to install from the stage or to fill it."""
    url = stage["links"].get("stage")
    if url is None:
        return
    if not stage["files"]:
        click.echo(f"\nStage URL: {url}\nThe stage is empty. Upload files to it:")
        click.echo(f"  stageproxy upload --stage {url} FILE…")
        click.echo(f"  twine upload --repository-url {url}legacy/ FILE…")
        return
    if stage["status"] == "published":
        click.echo("\nInstall it from the index:")
        click.echo(f"  pip install {shlex.quote(stage['project'] + '==' + stage['version'])}")
        return
    commands = install_commands(url, stage["project"], stage["version"])
    click.echo(f"\nStage URL: {url}")
    click.echo(f"  {commands.pip}")
    click.echo(f"  {commands.uv}")
    click.echo("To use it beside your usual index:")
    click.echo(f"  {commands.pip_beside}")
    click.echo(f"  {commands.uv_beside}")


def print_how_to_publish(stage: Mapping[str, Any]) -> None:
    """Print the command that publishes exactly the files that a stage has now."""
    url = stage["links"].get("stage")
    if url is None or not stage["files"] or stage["status"] == "published":
        return
    click.echo("\nLook at the release as a reviewer does:")
    click.echo(f"  stageproxy review {url}")
    click.echo("\nWhen the release is right, publish exactly these files, with a manage token:")
    click.echo(f"  stageproxy promote {url} --manifest {stage['manifest-digest']}")
