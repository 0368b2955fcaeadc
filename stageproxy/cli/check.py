"""Here is `stageproxy check`."""

import asyncio
from pathlib import Path

import click

from stageproxy.cli.output import json_option


@click.command(short_help="Tell what PyPI would say to FILES.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--against",
    metavar="INDEX",
    help="Ask an index, too: its URL as pip takes it, or `pip` for the one that pip here uses.",
)
@click.option("--rules", is_flag=True, help="Print the rules and their date.")
@json_option
def check(files: tuple[Path, ...], against: str | None, *, rules: bool, as_json: bool) -> None:
    """Tell what PyPI would say to FILES, without uploading them. Exit code 1: it would refuse."""
    # Completion must not wait for them.
    from stageproxy.cli.checking import check_files  # noqa: PLC0415
    from stageproxy.cli.verdicts import print_checked, print_rules  # noqa: PLC0415

    if rules:
        print_rules(as_json=as_json)
        return
    if not files:
        raise click.UsageError("Name the files to check, or ask for --rules.")
    checked = asyncio.run(check_files(files, against))
    print_checked(checked, is_asked=against is not None, as_json=as_json)
    if any(one.refused for one in checked):
        raise SystemExit(1)
