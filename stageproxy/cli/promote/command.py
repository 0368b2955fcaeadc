"""`stageproxy promote`: the command, and who sends the files."""

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import click
from yarl import URL

from stageproxy.cli.client import Client, StageReference
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.cli.promote.approval import read_approval
from stageproxy.cli.promote.credential import find_credential
from stageproxy.cli.promote.give_up import give_up_stage
from stageproxy.cli.promote.results import result_of
from stageproxy.cli.promote.run import PromoteOptions, PromoteRun
from stageproxy.cli.promote.senders import Document, Sender, ServerSender
from stageproxy.cli.promote.stop import stop_promotion
from stageproxy.cli.promote.texts import print_receipt
from stageproxy.cli.stage_completion import complete_stage

_ALONE = "--stop takes no other option but --json, and --give-up none but --yes and --json."
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("stage", shell_complete=complete_stage)
@click.option("--dry-run", is_flag=True, help="Print the plan and publish nothing.")
@click.option(
    "--manifest", metavar="DIGEST", help="Publish only if the stage has this manifest digest."
)
@click.option(
    "--hashes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Publish only if the files match the hashes in FILE: the output of sha256sum, or a log "
    "that contains it; - reads standard input.",
)
@click.option(
    "--revision",
    type=click.IntRange(min=0),
    metavar="N",
    help="Publish only if the stage has this revision, which covers the forms of the files, too. "
    "Needs --manifest or --hashes.",
)
@click.option("--here", is_flag=True, help="Publish from this machine, with its own credential.")
@click.option(
    "--yes",
    is_flag=True,
    help="Answer yes, and acknowledge the warnings. Needs --manifest or --hashes.",
)
@click.option(
    "--stop", is_flag=True, help="Stop a running promotion as soon as no file is being sent."
)
@click.option(
    "--give-up", is_flag=True, help="End a partially published stage without publishing the rest."
)
@click.option(
    "--pypi-token-file",
    type=_FILE,
    metavar="FILE",
    help="File with the credential to publish with: a token, or user:password.",
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings file for --here, as TOML.")
@client_options
async def promote(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    manifest: str | None,
    hashes: Path | None,
    pypi_token_file: Path | None,
    config: Path | None,
    *,
    revision: int | None,
    dry_run: bool,
    here: bool,
    yes: bool,
    stop: bool,
    give_up: bool,
    as_json: bool,
) -> None:
    """Publish STAGE, or resume publishing it.

    The files, who uploaded them and what has changed since you last looked are
    shown. At a terminal the command then asks whether to publish. Elsewhere,
    --manifest or --hashes says which files may be published.

    One wheel is published first, then the other wheels, and the sdist last. No
    file is sent twice. Ctrl-C ends this command; if the server is publishing, it
    continues.
    """
    if stop or give_up:
        if (stop and (give_up or yes)) or any(
            (manifest, hashes, revision is not None, pypi_token_file, config, dry_run, here)
        ):
            raise click.UsageError(_ALONE)
        if stop:
            await stop_promotion(connection, stage, as_json=as_json)
        else:
            await give_up_stage(connection, stage, yes=yes, as_json=as_json)
        return
    if manifest and hashes:
        raise click.UsageError("--manifest and --hashes are mutually exclusive. Use one of them.")
    if revision is not None and not (manifest or hashes):
        raise click.UsageError("--revision needs --manifest or --hashes, which name the files.")
    if config and not here:
        raise click.UsageError("--config works only with --here: the server has its own settings.")
    options = PromoteOptions(
        approval=read_approval(manifest, hashes, revision),
        dry_run=dry_run,
        here=here,
        yes=yes,
        as_json=as_json,
        token_file=pypi_token_file,
        config=config,
    )
    await promote_stage(connection, stage, options)


async def promote_stage(connection: Connection, stage: str, options: PromoteOptions) -> None:
    """Publish a stage, or resume publishing it, and print the result."""
    document = await publish_stage(connection, stage, options)
    if document is None:
        return
    if options.as_json:
        print_json(document)
    elif document["receipt"]:
        print_receipt(document["receipt"])
    check_published(document)


def check_published(document: Document) -> None:
    """Raise unless the promotion in a result has published the stage."""
    if document["status"] != "published":
        raise FailedError(
            document["promotion"]["reason"]
            or f"Publishing ended with the status {document['status']}. Run "
            "`stageproxy promote STAGE` again."
        )


async def publish_stage(
    connection: Connection, stage: str, options: PromoteOptions
) -> Document | None:
    """Publish a stage, or resume publishing it. Return the result, or `None` after a dry run."""
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        stage_id = await client.get_stage_id(reference)
        async with _sender(connection, reference, client, options) as sender:
            again = partial(_again, connection, reference.server, stage_id, options)
            run = PromoteRun(client, stage_id, sender, options, again)
            if options.dry_run:
                await run.dry_run()
                return None
            plan, promotion = await run.publish()
        published = promotion["status"] == "published"
        receipt = (
            await client.request("GET", f"api/stages/{stage_id}/receipt") if published else None
        )
    return result_of(promotion, receipt=receipt, plan=plan)


def _again(
    connection: Connection, server: URL, stage_id: str, options: PromoteOptions, plan: Document
) -> str:
    """Return the command line that publishes exactly what a plan shows.

    It names the stage by its id: a stage URL opens the stage for everybody who reads a log.
    """
    is_found = connection.server is None and connection.is_named_or_local(server)
    given = {
        "--server": None if is_found else server,
        "--data": connection.data,
        "--config": options.config,
        "--pypi-token-file": options.token_file,
        "--manifest": plan["manifest-digest"],
        "--revision": plan["revision"],
    }
    flags = {"--here": options.here, "--yes": options.yes, "--json": options.as_json}
    words = ["stageproxy", "promote", stage_id]
    for option, value in given.items():
        words += [option, str(value)] if value is not None else []
    return shlex.join([*words, *(flag for flag, is_given in flags.items() if is_given)])


@asynccontextmanager
async def _sender(
    connection: Connection, reference: StageReference, client: Client, options: PromoteOptions
) -> AsyncIterator[Sender]:
    """Open the sender. In a dry run, the credential for the server is announced but not sent."""
    if options.here:
        # It imports half of the server, which the command needs for nothing else.
        from stageproxy.cli.promote.here import open_client_sender  # noqa: PLC0415

        files = (options.config, options.token_file)
        async with open_client_sender(client, *files, as_json=options.as_json) as sender:
            yield sender
    else:
        yield ServerSender(find_credential(connection, reference, options.token_file))
