"""Findings as text, the same in every command."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from stageproxy.cli.output.tables import styled
from stageproxy.core.rules.findings import HEADINGS, Level, finding_in, texts_by_level

COLORS = {Level.REFUSE: "red", Level.WARN: "yellow", Level.NOTE: None, Level.UNKNOWN: None}
"""The colors of levels at a terminal."""


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Print the findings of a document by their level, the gravest first."""
    for level, texts in _by_level(findings).items():
        heading = styled(f"{HEADINGS[level]}:", bold=True, fg=COLORS[level])
        click.echo("\n" + "\n  ".join([heading, *map(_indented, texts)]))


def messages_at(document: Mapping[str, Any], level: str) -> Iterator[str]:
    """Return each message of a document at a level once, with the files that it is about."""
    yield from _by_level(document["findings"]).get(Level(level), ())


def _by_level(findings: Sequence[Mapping[str, Any]]) -> Mapping[Level, Sequence[str]]:
    return texts_by_level((one["file"] or "", finding_in(one)) for one in findings)


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
