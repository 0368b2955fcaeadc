"""The commands of the command line, as they are typed."""

from collections.abc import Iterator

import click

from stageproxy.cli import DeferredCommand, main


def commands() -> dict[str, click.Command]:
    """Return every command that is no group, by what is typed for it."""
    return dict(_commands_of(main, ""))


def load(command: click.Command) -> click.Command:
    """Return a command that the list of commands shows, imported."""
    return command.load() if isinstance(command, DeferredCommand) else command


def _commands_of(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, listed in group.commands.items():
        command = load(listed)
        if isinstance(command, click.Group):
            yield from _commands_of(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command
