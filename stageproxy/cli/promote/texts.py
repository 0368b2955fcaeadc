"""A promotion as text: its plan, its findings and its receipt."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from stageproxy.cli.output import label_of

_ONLY_PYPI = "PyPI"
"""The source of findings that only PyPI can check, which are the same for every release."""

_PREFIX = "PyPI may still refuse the file: "
_HEADINGS = {
    "refuse": "PyPI would refuse:",
    "warn": "Warnings to acknowledge:",
    "note": "Notes:",
    "unknown": "Could not be checked:",
}
_MAX_NAMES = 3


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print a plan: the index, the files in their order, and the findings."""
    click.echo(f"Stage {plan['project']} {plan['version']} (id {plan['stage']})")
    click.echo(f"  Publish to  {plan['repository-url']}")
    click.echo(f"  Index       {plan['index-url']}")
    click.echo(f"  Manifest    {plan['manifest-digest']}")
    click.echo("\nFiles, in the order in which they are sent:")
    for number, (file, why) in enumerate(_with_reasons(plan["files"]), 1):
        reason = f"  ({why})" if why else ""
        click.echo(f"  {number:>3}. {file['filename']}  {file['size']} bytes{reason}")
    for level, heading in _HEADINGS.items():
        lines = list(messages_at(plan, level))
        if lines:
            click.echo("\n" + "\n  ".join([heading, *lines]))
    _print_only_pypi(plan["findings"])
    for notice in plan["notices"]:
        click.echo(f"\n{notice}")


def messages_at(plan: Mapping[str, Any], level: str) -> Iterator[str]:
    """Return each message at a level once, with the files that it is about."""
    files: dict[str, list[str]] = {}
    for finding in plan["findings"]:
        if finding["level"] == level and finding["source"] != _ONLY_PYPI:
            files.setdefault(finding["message"], []).extend(filter(None, [finding["file"]]))
    for message, names in files.items():
        yield f"{_join_names(names)}: {message}" if names else message


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


def _join_names(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    named = ", ".join(names[:_MAX_NAMES])
    return f"{named} and {more} more" if more > 0 else named


def _print_only_pypi(findings: Sequence[Mapping[str, Any]]) -> None:
    """Print why PyPI may still refuse files, in a few lines."""
    messages = (one["message"] for one in findings if one["source"] == _ONLY_PYPI)
    lines = [one.removeprefix(_PREFIX).removesuffix(".") for one in messages]
    if lines:
        click.echo("\nOnly PyPI can check:\n  " + ";\n  ".join(lines) + ".")
