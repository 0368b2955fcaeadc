"""The command line: a thin client of the server, and the server's own start."""

import pkgutil

import click

from stageproxy import __version__

_COMMANDS = {
    "audit": ("audit:audit", "Show who did what; verify the trail."),
    "check": ("check:check", "Tell what PyPI would say to FILES."),
    "completion": ("completion:completion", "Print completion for SHELL."),
    "config": ("config:config", "Check and show settings."),
    "demo": ("demo.command:demo", "Show a whole release in a minute."),
    "download": ("download:download", "Download the artifacts of STAGE."),
    "promote": ("promote.command:promote", "Publish STAGE, or go on with that."),
    "serve": ("serve:serve", "Run the server until it is told to stop."),
    "stage": ("stage:stage", "Open, list, show and end stages."),
    "token": ("token:token", "Make, list and revoke API tokens."),
    "upload": ("upload:upload", "Upload FILES into their stage."),
    "verify-transparency": ("verify:verify", "Compare STAGE with upstream."),
    "wait": ("wait:wait", "Wait until STAGE has so many artifacts."),
}
"""Where each command is defined in this package, and what it does."""


class DeferredCommand(click.Command):
    """A command as the list of commands shows it; *target* is where it is defined."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.target = target

    def load(self) -> click.Command:
        """Import the module of the command, and return the command."""
        command: click.Command = pkgutil.resolve_name(self.target)
        return command


class DeferringGroup(click.Group):
    """A group that imports a command when it is run, completed or asked for its own help.

    Its own help, and the completion of the names of commands, import none.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is typed, imported."""
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
    """Stage a release of a Python project, look at it, install it, and only then publish it."""
