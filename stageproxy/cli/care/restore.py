"""`stageproxy restore`: put a backup in the place of the data directory."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stageproxy.cli.care.copying import copying
from stageproxy.cli.care.data_directory import data_options, load_future_settings
from stageproxy.cli.output.output import count_of_files, count_of_stages, json_option, print_json
from stageproxy.config import Config
from stageproxy.server.clock import SystemClock
from stageproxy.server.restoring import Restored, RestoreRequest
from stageproxy.server.restoring import restore as run_restore
from stageproxy.server.storage import name_of_database, name_of_files


@click.command()
@click.argument("backup", type=click.Path(path_type=Path))
@data_options
@click.option("--snapshot", metavar="ID", help="Restore this backup of a folder, not the latest.")
@click.option(
    "--replace",
    "--force",
    is_flag=True,
    help="Replace the contents of a data directory that is not empty. They are moved to a folder "
    "in it.",
)
@click.option("--partial", is_flag=True, help="Restore what is whole of a damaged backup.")
@json_option
def restore(  # noqa: PLR0913 - an option each
    backup: Path,
    *,
    config_file: Path | None,
    data: Path | None,
    snapshot: str | None,
    replace: bool,
    partial: bool,
    as_json: bool,
) -> None:
    """Restore catalogue and files from BACKUP.

    BACKUP is what `stageproxy backup` wrote, of whatever database and store, or
    a copy of the catalogue alone. Everything is verified before anything is
    changed. No server may run; a PostgreSQL database has to be empty.
    """
    config = load_future_settings(config_file, data)
    root, has_secret = config.storage.data, bool(config.server.secret)
    request = RestoreRequest(backup, config, snapshot, replace=replace, partial=partial)
    with copying("restore", hidden=as_json) as bar:
        restored = asyncio.run(run_restore(request, SystemClock(), bar.announce, bar.advance))
    places = _places(config)
    notes = [*_notes(restored, root, places, has_secret=has_secret)]
    if as_json:
        print_json(_document(restored, root, notes))
    else:
        click.echo("\n".join(notes))


def _places(config: Config) -> str:
    storage = config.storage
    elsewhere = [name_of_database(config)] if storage.database else []
    elsewhere += [name_of_files(config)] if storage.files else []
    return ", ".join([*elsewhere, str(storage.data)])


def _document(restored: Restored, data: Path, notes: Sequence[str]) -> Mapping[str, Any]:
    return {
        "data": str(data),
        "snapshot": restored.manifest.snapshot,
        "made-at": restored.manifest.made_at,
        "files": restored.files,
        "missing": [*restored.missing],
        "former": str(restored.former) if restored.former else None,
        "secret": restored.secret,
        "admin-token": restored.admin_token,
        "notes": [*notes],
    }


def _notes(restored: Restored, data: Path, places: str, *, has_secret: bool) -> Iterator[str]:
    """Yield what was done, and what is left to do, a sentence or two each."""
    manifest = restored.manifest
    made_at = manifest.made_at or "the copy"
    stages = count_of_stages(manifest.counts["stage"])
    files = count_of_files(restored.files)
    yield f"Restored {stages} and {files} of {made_at} to {places}."
    if restored.missing:
        digests = "".join(f"\n  {one}" for one in restored.missing)
        yield (
            f"The backup does not have {count_of_files(len(restored.missing))} whole, by their "
            f"SHA-256:{digests}\nRun `stageproxy fsck`, and upload them again."
        )
    if restored.former:
        yield f"The former contents are in {restored.former}. Delete them when all is well."
    if restored.secret == "new" and not has_secret:  # noqa: S105 - where it is from
        yield (
            "There is no secret in the backup and was none in the data directory. Unless the "
            "server gets server.secret in another way, run `stageproxy stage rotate STAGE` for "
            "each live stage, and send out the new URLs."
        )
    if restored.admin_token == "new":  # noqa: S105 - where it is from
        yield f"A new admin token was written to {data / 'admin.token'}. All others stay valid."
    yield (
        f"What was done after {made_at} is undone: API tokens that were revoked and stages that "
        "were rotated since then work again. Check `stageproxy token list`."
    )
