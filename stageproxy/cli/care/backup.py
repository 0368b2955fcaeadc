"""`stageproxy backup`: copy the catalogue and all files, while servers run."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import click

from stageproxy.cli.care.copying import copying
from stageproxy.cli.care.data_directory import data_options, load_settings
from stageproxy.cli.output.output import (
    FailedError,
    count_of_files,
    count_of_stages,
    json_option,
    print_json,
)
from stageproxy.server.care import backed_up_files, snapshots_of
from stageproxy.server.clock import SystemClock
from stageproxy.server.storage import name_of_files
from stageproxy.store.backups.backup import BackupOrder, make_backup
from stageproxy.store.backups.manifest import Manifest
from stageproxy.store.backups.writers import (
    ArchiveWriter,
    FolderWriter,
    open_archive_writer,
    open_folder_writer,
)

_KEPT = 30


@click.command()
@click.argument("target", metavar="TARGET")
@data_options
@click.option(
    "--with-secrets",
    is_flag=True,
    help="Copy the secret of the stage URLs and the admin token, too.",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=_KEPT,
    metavar="N",
    help=f"How many backups a folder keeps. Default: {_KEPT}.",
)
@click.option("--verify", is_flag=True, help="Read the files again that a folder has already.")
@json_option
def backup(  # noqa: PLR0913 - an option each
    target: str,
    *,
    config_file: Path | None,
    data: Path | None,
    with_secrets: bool,
    keep: int,
    verify: bool,
    as_json: bool,
) -> None:
    """Copy catalogue and files to TARGET.

    TARGET is a file, which becomes a tar archive, or a folder, which also keeps
    earlier backups and each file once. Name a new folder with a slash at its
    end. Servers can run meanwhile.
    """
    config = load_settings(config_file, data)
    path, root = Path(target), config.storage.data
    is_folder = path.is_dir() or target.endswith(os.sep)
    _require_outside(root, path)
    _require_parent(path, is_folder=is_folder)
    opened: AbstractContextManager[ArchiveWriter | FolderWriter] = (
        open_folder_writer(path, verify=verify) if is_folder else open_archive_writer(path)
    )
    with (
        copying("backup", hidden=as_json) as bar,
        opened as writer,
        backed_up_files(config) as files,
    ):
        order = BackupOrder(
            root,
            snapshots_of(config),
            files,
            SystemClock().now(),
            with_secrets=with_secrets,
            announce=bar.announce,
            watch=bar.advance,
        )
        manifest = make_backup(order, writer)
        if isinstance(writer, FolderWriter) and not manifest.lost:
            writer.prune(keep)
    _report(path, name_of_files(config), manifest, as_json=as_json)


def _require_outside(data: Path, target: Path) -> None:
    if target.resolve().is_relative_to(data.resolve()):
        raise FailedError(
            f"{target} is in the data directory, and would be lost together with it. Name another "
            "place."
        )


def _require_parent(target: Path, *, is_folder: bool) -> None:
    if not is_folder and not target.parent.is_dir():
        raise FailedError(
            f"{target} cannot be written: the folder {target.parent} does not exist. Create it, or "
            "name another place."
        )


def _report(path: Path, files: str, manifest: Manifest, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "backup": str(path),
                "snapshot": manifest.snapshot,
                "made-at": manifest.made_at,
                "counts": dict(manifest.counts),
                "files": len(manifest.files),
                "bytes": manifest.size,
                "secrets": [part.name for part in manifest.secrets],
                "lost": list(manifest.lost),
            }
        )
    else:
        click.echo(
            f"{path}: {count_of_stages(manifest.counts['stage'])}, "
            f"{count_of_files(len(manifest.files))}, {manifest.size} bytes "
            f"(snapshot {manifest.snapshot})"
        )
    if manifest.secrets:
        click.echo(
            "Warning: the backup has secrets. Whoever can read it can open every stage, and has an "
            "admin token.",
            err=True,
        )
    if manifest.lost:
        raise FailedError(
            f"{count_of_files(len(manifest.lost))} that the catalogue names could not be copied "
            f"from {files}, by SHA-256:\n  " + "\n  ".join(manifest.lost) + "\nThe backup has "
            "everything else. `stageproxy fsck` shows which artifacts are concerned."
        )
