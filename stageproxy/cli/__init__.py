"""Here are the commands: a thin client of the server, and the server's own start."""

import click

from stageproxy import __version__
from stageproxy.cli.audit import audit
from stageproxy.cli.check import check
from stageproxy.cli.completion import completion
from stageproxy.cli.config import config
from stageproxy.cli.demo.command import demo
from stageproxy.cli.download import download
from stageproxy.cli.promote.command import promote
from stageproxy.cli.serve import serve
from stageproxy.cli.stage import stage
from stageproxy.cli.token import token
from stageproxy.cli.upload import upload
from stageproxy.cli.verify import verify
from stageproxy.cli.wait import wait


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stageproxy")
def main() -> None:
    """Stage a release of a Python project, look at it, install it, and only then publish it."""


for command in (
    serve,
    upload,
    stage,
    check,
    download,
    wait,
    promote,
    verify,
    audit,
    token,
    config,
    completion,
    demo,
):
    main.add_command(command)
