"""The examples in the help of every command."""

import shlex

import click
import pytest

from stageproxy.cli.examples import EXAMPLES
from tests.cli.commands import commands
from tests.support.clients.command_runner import CommandRunner

GROUPS = ("stage", "audit", "token", "config", "oidc", "publisher")


def test_every_command_has_examples() -> None:
    """Every command and group has examples, and no other does."""
    assert sorted(EXAMPLES) == sorted([*commands(), *GROUPS])


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_ends_with_examples(offline: CommandRunner, name: str) -> None:
    """The help of a command ends with its examples, none of which is wrapped."""
    shown = offline.run(*name.split(), "--help").stdout.partition("\n  Examples:\n")[2]

    assert shown.splitlines() == [f"    stageproxy {one}" for one in EXAMPLES[name]]


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines]
)
def test_examples_fit(name: str, line: str) -> None:
    """An example is of its command, or of one of its group, and has only options that exist."""
    words = shlex.split(line.partition(" > ")[0].partition(" -- ")[0])
    full = next(one for one in (" ".join(words[:2]), words[0]) if one in {*commands(), *GROUPS})
    spelled = "audit show" if full == "audit" else full
    options = {option for one in options_of(commands()[spelled]) for option in one.opts}

    assert full == name or full.startswith(f"{name} ") or name == "audit show"
    assert {one for one in words if one.startswith("--")} <= options


def options_of(command: click.Command) -> list[click.Parameter]:
    """Return the options of a command."""
    return [one for one in command.params if isinstance(one, click.Option)]
