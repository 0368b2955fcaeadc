"""Restoring a backup: it is read, verified and migrated first, and put in place at the end."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from stageproxy.catalogue import Catalogue
from stageproxy.config import Config
from stageproxy.core.rights import Action, parse_token
from stageproxy.ports import Clock
from stageproxy.server.admin_token import replace_admin_token
from stageproxy.server.handing_over import hand_over_files, hand_over_rows
from stageproxy.server.storage import find_filled_tables, name_of_database
from stageproxy.store.backups.manifest import BackupError, Manifest
from stageproxy.store.backups.readers import open_backup
from stageproxy.store.backups.replacement import RESTORING, contents_of, replace_contents
from stageproxy.store.backups.restore import RestoreOrder, read_backup
from stageproxy.store.backups.writers import Watch
from stageproxy.store.directory import DataDirectory
from stageproxy.store.sqlite.database import Database

_LISTED = 20


Origin = Literal["restored", "kept", "new"]
"""Whether a secret is the backup's, that of the former contents, or neither."""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """The backup to restore, the settings of the server, and what may happen to what it has."""

    backup: Path
    config: Config
    snapshot: str | None
    replace: bool
    partial: bool

    @property
    def root(self) -> Path:
        """The data directory."""
        return self.config.storage.data


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. *former*: where the former contents of the data directory are."""

    manifest: Manifest
    missing: tuple[str, ...]
    former: Path | None
    secret: Origin
    admin_token: Origin

    @property
    def files(self) -> int:
        """Return how many files were restored."""
        return len(self.manifest.files) + len(self.manifest.lost) - len(self.missing)


async def restore(request: RestoreRequest, clock: Clock, announce: Watch, watch: Watch) -> Restored:
    """Restore a backup. Until everything is verified, nothing is changed."""
    root = request.root
    _require_empty_database(request.config)
    with open_backup(request.backup) as backup, _target(request) as target:
        order = RestoreOrder(request.snapshot, target.root, root / "files", announce, watch)
        read = read_backup(backup, order)
        if read.missing and not request.partial:
            raise BackupError(_missing_message(request.backup, read.missing))
        secret = _take_over("secret", root, target.root)
        admin_token = _take_over("admin.token", root, target.root)
        # Opening the catalogue migrates it.
        with Database(target.database) as catalogue:
            if not await _has_valid_admin_token(catalogue, target, clock.now()):
                await replace_admin_token(catalogue, target, clock)
                admin_token = "new"  # noqa: S105 - where it is from
        size = read.manifest.size
        await hand_over_files(request.config, target, lambda more: announce(size + more), watch)
        _give_to_owner_of(root, target.root)
        former = replace_contents(root, f"{clock.now():%Y%m%dT%H%M%SZ}")
        hand_over_rows(request.config, DataDirectory(root))
    return Restored(read.manifest, read.missing, former, secret, admin_token)


def _require_empty_database(config: Config) -> None:
    """Raise unless a PostgreSQL database is empty. A SQLite file is moved away instead."""
    filled = find_filled_tables(config) if config.storage.database else ()
    if filled:
        msg = (
            f"{name_of_database(config)} is not empty: it has rows in {', '.join(filled)}. Nothing "
            "was changed. Create an empty database, and set storage.database to it."
        )
        raise BackupError(msg)


@contextmanager
def _target(request: RestoreRequest) -> Iterator[DataDirectory]:
    """Lock the data directory, and create an empty folder in it for what is restored."""
    root, is_new = request.root, not request.root.exists()
    with DataDirectory(root).locked():
        if contents_of(root) and not request.replace:
            msg = (
                f"The data directory {root} is not empty. Nothing was changed. With --replace, "
                "its contents are moved to a folder in it, and the backup takes their place."
            )
            raise BackupError(msg)
        shutil.rmtree(root / RESTORING, ignore_errors=True)
        try:
            yield DataDirectory(root / RESTORING)
        finally:
            shutil.rmtree(root / RESTORING, ignore_errors=True)
            if is_new and not contents_of(root):
                shutil.rmtree(root)


def _take_over(name: str, root: Path, target: Path) -> Origin:
    """Take over a secret of the former contents, unless the backup has one."""
    former, taken = root / name, target / name
    if taken.exists():
        return "restored"
    if not former.is_file():
        return "new"
    shutil.copyfile(former, taken)
    taken.chmod(0o600)
    return "kept"


def _give_to_owner_of(root: Path, target: Path) -> None:
    """Give what root has restored to the user of the data directory, who runs the server."""
    owner = root.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in (target, *target.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


async def _has_valid_admin_token(
    catalogue: Catalogue, directory: DataDirectory, now: datetime
) -> bool:
    """Return whether the admin token of a data directory is valid."""
    path = directory.admin_token
    token = parse_token(path.read_text(errors="replace").strip()) if path.is_file() else None
    found = await catalogue.read(lambda rows: rows.tokens.find(token.digest) if token else None)
    return found is not None and found.is_live(now) and found.permits(Action.TOKENS, None)


def _missing_message(backup: Path, missing: tuple[str, ...]) -> str:
    more = len(missing) - _LISTED
    lines = [*missing[:_LISTED], *([f"and {more} more"] if more > 0 else [])]
    what = (
        f"{backup} does not have these files whole, by their SHA-256. Nothing was changed. "
        "Restore an earlier backup with --snapshot, or everything else with --partial:"
    )
    return "\n  ".join([what, *lines])
