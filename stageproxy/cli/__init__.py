"""The command line: a thin client of the server, and the server's own start."""

import gc
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager

import click

from stageproxy import __version__

_COMMANDS = {
    "audit": ("audit:audit", "Show or verify the audit trail."),
    "backup": ("care.backup:backup", "Copy catalogue and files to TARGET."),
    "check": ("check:check", "Check FILES against PyPI's rules."),
    "completion": ("completion:completion", "Print the completion script for SHELL."),
    "config": ("config:config", "Check and show settings."),
    "demo": ("demo.command:demo", "Run a whole release on this machine."),
    "doctor": ("doctor.command:doctor", "Check a new installation."),
    "download": ("download:download", "Download the files of STAGE."),
    "fsck": ("care.fsck:fsck", "Check catalogue and files, repair them."),
    "limits": ("limits:limits", "Show limits, and how much is used."),
    "migrate-storage": (
        "care.migrate_storage:migrate_storage",
        "Move the catalogue, the files, or both.",
    ),
    "oidc": ("oidc:oidc", "Get an upload token for a CI job."),
    "promote": ("promote.command:promote", "Publish STAGE, or resume publishing it."),
    "publisher": ("publisher:publisher", "Add, list and remove trusted publishers."),
    "restore": ("care.restore:restore", "Restore catalogue and files from BACKUP."),
    "review": ("review.command:review", "Show what a reviewer of STAGE has to know."),
    "serve": ("serve:serve", "Run the server until it is stopped."),
    "stage": ("stage:stage", "Open, list, show, change and cancel stages."),
    "sweep": ("care.sweep:sweep", "End expired stages, delete unneeded files."),
    "token": ("token:token", "Create, list and revoke API tokens."),
    "try": ("tries.command:try_stage", "Try STAGE in a new environment."),
    "upload": ("upload:upload", "Upload FILES to their stage."),
    "verify-transparency": ("verify:verify", "Compare pages of STAGE with upstream."),
    "wait": ("wait:wait", "Wait until STAGE has N files."),
}
"""Where each command is defined within this package, and its line in the list of commands."""

_ADD_EXAMPLES = f"{__name__}.examples:add_examples"


class DeferredCommand(click.Command):
    """A command in the list of commands. *target* names the module and the object behind it."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.target = target

    def load(self) -> click.Command:
        """Import the module of the command, and return the command with its examples."""
        with _no_collections():
            command: click.Command = pkgutil.resolve_name(self.target)
            if self.epilog is None:
                pkgutil.resolve_name(_ADD_EXAMPLES)(command, self.name)
        command.epilog = command.epilog or self.epilog
        return command


@contextmanager
def _no_collections() -> Iterator[None]:
    """Look for no garbage, now or later, among what modules make: it stays.

    That would be a tenth of the time until a server is ready.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class DeferringGroup(click.Group):
    """A group that imports a command when it is run, completed or asked for its own help.

    The help of the group and the completion of command names import none.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command named by the first argument, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, DeferredCommand) else command, rest


@click.group(
    cls=DeferringGroup,
    commands=[
        DeferredCommand(name, f"{__name__}.{target}", short_help)
        for name, (target, short_help) in _COMMANDS.items()
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="stageproxy")
def main() -> None:
    """Stage releases of Python projects: inspect and install a release before you publish it."""
