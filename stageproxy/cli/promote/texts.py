"""A promotion as text: its plan, its findings and its receipt."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from yarl import URL

from stageproxy.cli.output.findings import print_findings
from stageproxy.cli.output.output import count_of_files, label_of

_CHANGES = {
    "added": "ADDED",
    "replaced": "REPLACED",
    "withdrawn": "WITHDRAWN",
    "form": "OTHER FORM",
}
_SHOWN_DIGITS = 12


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print a plan: the index, the files in their order, what has changed, and the findings."""
    click.echo(f"Stage {plan['project']} {plan['version']} (id {plan['stage']})")
    click.echo(f"  Publish to  {plan['repository-url']}")
    click.echo(f"  Index       {plan['index-url']}")
    click.echo(f"  Manifest    {plan['manifest-digest']}")
    click.echo(f"  Revision    {plan['revision']}")
    click.echo("\nFiles, in the order in which they are sent:")
    for number, (file, why) in enumerate(_with_reasons(plan["files"]), 1):
        reason = f"  ({why})" if why else ""
        click.echo(f"  {number:>3}. {file['filename']}  {file['size']} bytes{reason}")
        uploader = label_of(file, "uploaded-by")
        click.echo(f"       uploaded at {_to_seconds(file['uploaded-at'])} by {uploader}")
    _print_changes(plan)
    _print_other_forms(plan)
    print_findings(plan["findings"])
    for notice in plan["notices"]:
        click.echo(f"\n{notice}")


def question(plan: Mapping[str, Any]) -> str:
    """Return the question whether to carry out a plan, which names what it is about."""
    files = count_of_files(len(plan["files"]))
    release = f"{plan['project']} {plan['version']}"
    digest = plan["manifest-digest"][:_SHOWN_DIGITS]
    changed = "" if not _replaced(plan) else " They include REPLACED files, see above."
    index = URL(plan["index-url"]).host_port_subcomponent
    return f"Publish {release} ({files}, manifest {digest}…) on {index}?{changed}"


def _replaced(plan: Mapping[str, Any]) -> bool:
    return any(
        file["change"] == "replaced" for one in plan["changes"].values() for file in one["files"]
    )


def _print_changes(plan: Mapping[str, Any]) -> None:
    """Print what has changed since the user last looked, and since the last approval."""
    looked, approved = (plan["changes"][f"since-last-{what}"] for what in ("look", "approval"))
    if looked["since"] is None:
        click.echo("\nThis API token has not looked at this stage before: every file is new.")
    else:
        _print_differences("you last looked", looked)
    if approved["since"] not in (None, looked["since"]):
        by = label_of(approved["since"], "by")
        _print_differences(f"the last approval by {by}", approved)


def _print_differences(event: str, differences: Mapping[str, Any]) -> None:
    since = f"{event}, at {_to_seconds(differences['since']['at'])}"
    if not differences["files"]:
        click.echo(f"\nNothing has changed since {since}.")
        return
    click.echo(f"\nCHANGED since {since}:")
    for file in differences["files"]:
        is_replaced = file["change"] == "replaced"
        kind = click.style(_CHANGES[file["change"]], bold=True, fg="red" if is_replaced else None)
        click.echo(f"  {kind}  {file['filename']}\n    {file['message']}")


def _print_other_forms(plan: Mapping[str, Any]) -> None:
    """Print which files came with several forms, of which the manifest digest tells nothing."""
    if plan["other-forms"]:
        click.echo("\nUploaded with more than one form, which the manifest does not cover:")
    for file in plan["other-forms"]:
        click.echo(f"  {file['filename']}\n    {file['message']}")


def print_receipt(receipt: Mapping[str, Any]) -> None:
    """Print what was published, when and where."""
    click.echo(f"{receipt['project']} {receipt['version']} is published.")
    click.echo(f"  At        {_to_seconds(receipt['published-at'])}")
    approver = label_of(receipt, "approved-by")
    click.echo(f"  Approved  {_to_seconds(receipt['approved-at'])} by {approver}")
    click.echo(f"  Manifest  {receipt['manifest-digest']}")
    for filename, file in receipt["files"].items():
        click.echo(f"  {filename}  sha256 {file['sha256']}")
        click.echo(f"    {file['url']}")
    for notice in receipt["notices"]:
        click.echo(f"  {notice}")


def print_who_publishes(promotion: Mapping[str, Any]) -> None:
    """Print, on the standard error stream, who is publishing and how long that may take."""
    if promotion["status"] != "processing":
        return
    text = "The stage is already being published. This command follows it."
    if promotion["publisher"] == "client":
        until = _to_seconds(promotion["leased-until"])
        text = (
            "The stage is being published from another machine. This command follows it. If that "
            f"machine stops reporting, publishing stops at {until}. Then run "
            "`stageproxy promote STAGE` again."
        )
    click.echo(text, err=True)


def _with_reasons(files: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Return files in their order, each with the reason for its place."""
    unpublished = [one["filename"] for one in files if not one["published"]]
    has_release = len(unpublished) < len(files)
    for file in files:
        name = file["filename"]
        if file["published"]:
            yield file, "already published"
        elif name.endswith(".whl"):
            is_alone = name == unpublished[0] and not has_release
            yield file, "first and alone: it creates the release on the index" if is_alone else ""
        else:
            yield file, "last, once the index lists every wheel" if len(files) > 1 else ""


def _to_seconds(time: str) -> str:
    return time.partition(".")[0].removesuffix("Z") + "Z"
