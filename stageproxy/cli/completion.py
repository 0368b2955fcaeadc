"""`stageproxy completion`: scripts with which shells complete commands and options."""

import click
from click.shell_completion import get_completion_class

from stageproxy.cli.output.output import json_option, print_json

_NAME = "stageproxy"
_ASKED_BY = "_STAGEPROXY_COMPLETE"
"""The variable with which the script asks for completions. click derives it from the name, too."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, *, as_json: bool) -> None:
    """Print the completion script for SHELL.

    With it, the shell completes commands, options and their values.
    """
    of_shell = get_completion_class(shell)
    if of_shell is None:
        raise click.BadParameter(shell)
    script = of_shell(context.find_root().command, {}, _NAME, _ASKED_BY).source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
