"""Here is `stageproxy promote`."""

from pathlib import Path

import click

from stageproxy.cli.connection import Connection, client_options

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Publish STAGE, or go on with that.")
@click.argument("stage")
@click.option("--dry-run", is_flag=True, help="Show what would be done and said, and do nothing.")
@click.option("--manifest", metavar="DIGEST", help="Publish only what has this manifest digest.")
@click.option(
    "--hashes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Publish only the files of these lines of sha256sum; - reads them from standard input.",
)
@click.option("--here", is_flag=True, help="Publish from this machine, with its own credential.")
@click.option("--yes", is_flag=True, help="Acknowledge the warnings that are printed.")
@click.option(
    "--pypi-token-file",
    type=_FILE,
    metavar="FILE",
    help="A file with the credential to publish with: a token, or user:password.",
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings for --here, as TOML.")
@client_options
async def promote(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    manifest: str | None,
    hashes: Path | None,
    pypi_token_file: Path | None,
    config: Path | None,
    *,
    dry_run: bool,
    here: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Publish STAGE on PyPI, or go on with what was interrupted. Nothing is ever sent twice.

    One wheel goes first, then the others, and the sdist last. Ctrl-C ends this
    command, and not a publishing that the server does.
    """
    # Completion must not wait for them.
    from stageproxy.cli.promote.approval import read_approval  # noqa: PLC0415
    from stageproxy.cli.promote.steps import PromoteOptions, promote_stage  # noqa: PLC0415

    if manifest and hashes:
        raise click.UsageError("Name the manifest digest, or a file with hashes: not both.")
    if config and not here:
        raise click.UsageError("--config is for --here: the server has settings of its own.")
    options = PromoteOptions(
        approval=read_approval(manifest, hashes),
        dry_run=dry_run,
        here=here,
        yes=yes,
        as_json=as_json,
        token_file=pypi_token_file,
        config=config,
    )
    await promote_stage(connection, stage, options)
