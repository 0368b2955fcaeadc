"""Here is what people read of a promotion: its plan, what speaks against it, its receipt."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

_ONLY_PYPI = "PyPI"
"""The source of what only PyPI can know, which is the same for every release."""

_LEAD = "PyPI may still refuse the file: "
_HEADINGS = {
    "refuse": "PyPI would refuse:",
    "warn": "To be acknowledged:",
    "unknown": "Not known:",
}
_MOST_NAMED = 3


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print where a stage would go, in which order, and what is to be said of it."""
    click.echo(f"{plan['project']} {plan['version']} (stage {plan['stage']})")
    click.echo(f"  Publish to  {plan['repository-url']}")
    click.echo(f"  Look at     {plan['index-url']}")
    click.echo(f"  Manifest    {plan['manifest-digest']}")
    click.echo("\nIn this order:")
    for number, (file, why) in enumerate(_reasons(plan["files"]), 1):
        told = f"  ({why})" if why else ""
        click.echo(f"  {number:>3}. {file['filename']}  {file['size']} bytes{told}")
    for level, heading in _HEADINGS.items():
        lines = list(told_at(plan, level))
        if lines:
            click.echo("\n" + "\n  ".join([heading, *lines]))
    _print_only_pypi(plan["findings"])
    for notice in plan["notices"]:
        click.echo(f"\n{notice}")


def told_at(plan: Mapping[str, Any], level: str) -> Iterator[str]:
    """Return what is said at a level, each sentence once, with the files that it is about."""
    files: dict[str, list[str]] = {}
    for one in plan["findings"]:
        if one["level"] == level and one["source"] != _ONLY_PYPI:
            files.setdefault(one["message"], []).extend(filter(None, [one["file"]]))
    for message, names in files.items():
        yield f"{_named(names)}: {message}" if names else message


def print_receipt(receipt: Mapping[str, Any]) -> None:
    """Print what was published, when, and where it is."""
    click.echo(f"{receipt['project']} {receipt['version']} is published.")
    click.echo(f"  At        {_second_of(receipt['published-at'])}")
    click.echo(f"  Approved  {_second_of(receipt['approved-at'])} by {receipt['approved-by']}")
    click.echo(f"  Manifest  {receipt['manifest-digest']}")
    for filename, file in receipt["files"].items():
        click.echo(f"  {filename}  sha256 {file['sha256']}")
        click.echo(f"    {file['url']}")
    for notice in receipt["notices"]:
        click.echo(f"  {notice}")


def print_who_publishes(promotion: Mapping[str, Any]) -> None:
    """Print, beside what is asked for, that somebody else publishes, and how long that may take."""
    if promotion["status"] != "processing":
        return
    told = "It is being published already: this command follows."
    if promotion["publisher"] == "client":
        until = _second_of(promotion["leased-until"])
        told = (
            "Another machine publishes it: this command follows. If nothing more is heard from "
            f"there, it stops at {until}, and may be promoted again."
        )
    click.echo(told, err=True)


def _reasons(files: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Return files, in their order, with why each of them is sent when it is."""
    left = [one["filename"] for one in files if not one["published"]]
    is_begun = len(left) < len(files)
    for file in files:
        name = file["filename"]
        if file["published"]:
            yield file, "published already"
        elif name.endswith(".whl"):
            is_alone = name == left[0] and not is_begun
            yield file, "alone: the index makes the release with it" if is_alone else ""
        else:
            yield file, "last, once users see every wheel" if len(files) > 1 else ""


def _second_of(moment: str) -> str:
    return moment.partition(".")[0].removesuffix("Z") + "Z"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _print_only_pypi(findings: Sequence[Mapping[str, Any]]) -> None:
    """Print in a few lines what PyPI may refuse all the same."""
    messages = (one["message"] for one in findings if one["source"] == _ONLY_PYPI)
    lines = [one.removeprefix(_LEAD).removesuffix(".") for one in messages]
    if lines:
        click.echo("\nOnly PyPI can tell:\n  " + ";\n  ".join(lines) + ".")
