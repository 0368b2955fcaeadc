"""All commands of the command line by name."""

from collections.abc import Iterator

import click

from stageproxy.cli import DeferredCommand, main


def commands() -> dict[str, click.Command]:
    """Return every command that is not a group, by its full name."""
    return dict(_commands_of(main, ""))


def load(command: click.Command) -> click.Command:
    """Import and return a command of the list of commands."""
    return command.load() if isinstance(command, DeferredCommand) else command


def _commands_of(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, listed in group.commands.items():
        command = load(listed)
        if isinstance(command, click.Group):
            yield from _commands_of(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command
