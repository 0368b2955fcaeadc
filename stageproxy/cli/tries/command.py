"""`stageproxy try`: the command."""

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from stageproxy.cli.client import Client
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.cli.output.screen import print_lines
from stageproxy.cli.stage_completion import complete_stage
from stageproxy.cli.tries.environment import (
    TryEnvironment,
    clean_environment,
    installed_file,
    without_noise,
)
from stageproxy.cli.tries.interpreters import find_interpreter
from stageproxy.cli.tries.report import Document, TryReport, attach
from stageproxy.cli.tries.running import Ended, Shown, ignore
from stageproxy.core.review.evidence import clean_line

_CHECKS = {"pip": "pip check", "uv": "uv pip check"}


@dataclass(frozen=True, slots=True)
class TryOptions:
    """How a stage is tried. An empty *command* imports the modules of the release."""

    python: str | None
    installer: str
    extra: tuple[str, ...]
    command: tuple[str, ...]
    keep: bool


@click.command("try")
@click.argument("stage", shell_complete=complete_stage)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND]")
@click.option(
    "--python",
    metavar="VERSION",
    help="Python to try it with: 3.13, 3.13t, pypy3.11 or a path. Default: the one of this "
    "command.",
)
@click.option(
    "--installer",
    type=click.Choice(["pip", "uv"]),
    default="pip",
    help="Installer to use. Default: pip.",
)
@click.option(
    "--with",
    "extra",
    multiple=True,
    metavar="REQUIREMENT",
    help="Install this, too, such as pytest. Can be given several times.",
)
@click.option("--keep", is_flag=True, help="Keep the environment, and print where it is.")
@client_options
async def try_stage(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    command: tuple[str, ...],
    python: str | None,
    installer: str,
    extra: tuple[str, ...],
    *,
    keep: bool,
    as_json: bool,
) -> None:
    """Try STAGE in a new environment.

    The release is installed through its stage, and COMMAND runs there. Without
    COMMAND, the modules of the release are imported, and the requirements of
    everything that is installed are checked.

    With an upload token of the project, the result is attached to the stage as
    evidence for its reviewers: Python, platform, file, exit code and the last lines
    of the output, without tokens. Without a token it is only printed. The exit code
    is 1 if the installation or COMMAND fails.
    """
    options = TryOptions(python, installer, extra, command, keep)
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        document = await client.get_stage(reference)
        url = _stage_url(document)
        through = str(reference.url or client.rebase(url))
        report = await _try(document, through, options, ignore if as_json else _show)
        if client.has_token:
            report = await _attached(client, report, stage, as_json=as_json)
        elif as_json:
            print_json(report.document())
        else:
            print_lines(report.lines(stage))
    if not report.passed:
        raise SystemExit(1)


def _show(line: str) -> None:
    """Show a line of an output, which the release itself may have printed."""
    click.echo(clean_line(line), err=True)


def _stage_url(document: Document) -> str:
    """Return the URL of a stage that can be installed from. Raise if there is none."""
    if "stage" not in document["links"]:
        raise FailedError(f"The stage has ended. {' '.join(document['notices'])}")
    if not (document["version"] and document["files"]):
        raise FailedError(
            "The stage is empty, so that there is nothing to try. Upload its files first, with "
            "`stageproxy upload`."
        )
    return str(document["links"]["stage"])


async def _attached(client: Client, report: TryReport, stage: str, *, as_json: bool) -> TryReport:
    """Attach a report, and print it, even if it cannot be attached."""
    try:
        report = replace(report, evidence=await attach(client, report))
    finally:
        if as_json:
            print_json(report.document())
        else:
            print_lines(report.lines(stage))
    return report


async def _try(document: Document, stage_url: str, options: TryOptions, shown: Shown) -> TryReport:
    """Install a release and use it, in an environment that is removed unless it is kept."""
    interpreter = await find_interpreter(options.python)
    variables = {**clean_environment(os.environ), "PYTHONUNBUFFERED": "1"}
    with _new_folder(keep=options.keep) as folder:
        environment = TryEnvironment(
            folder / "env", interpreter, options.installer, variables, shown
        )
        await environment.create()
        return await _use(environment, document, stage_url, options)


@contextmanager
def _new_folder(*, keep: bool) -> Iterator[Path]:
    """Make a folder for an environment. One that is kept stays only if the block succeeds."""
    folder = Path(tempfile.mkdtemp(prefix="stageproxy-try-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


async def _use(
    environment: TryEnvironment, document: Document, stage_url: str, options: TryOptions
) -> TryReport:
    started = time.monotonic()
    requirement = f"{document['project']}=={document['version']}"
    installed = await environment.install(stage_url, [requirement, *options.extra])
    facts = await environment.facts(document["project"])
    words, ended = (
        ("install", replace(installed, lines=(without_noise(installed),)))
        if installed.code
        else await _use_installed(environment, facts["modules"], options)
    )
    return TryReport(
        stage=document,
        python=facts["python"],
        implementation=facts["implementation"],
        platform=facts["platform"],
        installer=await environment.installer_version(facts),
        filename="" if installed.code else installed_file(installed, list(document["files"])),
        command=words,
        exit_code=ended.code,
        seconds=time.monotonic() - started,
        output=ended.output,
        environment=str(environment.folder) if options.keep else None,
    )


async def _use_installed(
    environment: TryEnvironment, modules: list[str], options: TryOptions
) -> tuple[str, Ended]:
    """Run the command, or import the modules and check requirements; and return what ran."""
    if options.command:
        ended = await environment.run(options.command, Path.cwd())
        return shlex.join(options.command), ended
    imported = await environment.import_modules(modules)
    checked = await environment.check()
    words = [*([f"import {', '.join(modules)}"] if modules else []), _CHECKS[options.installer]]
    return "; ".join(words), Ended(imported.code or checked.code, imported.lines + checked.lines)
