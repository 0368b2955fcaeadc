"""A restored data directory, whose rows and files go to where the settings put them."""

import shutil
from pathlib import Path

from stageproxy.catalogue import Rows
from stageproxy.config import Config
from stageproxy.core.installation import FILES, MOVED, SECRET
from stageproxy.server.care import stored_files
from stageproxy.server.storage import filling_rows
from stageproxy.services.installation import fingerprint_of
from stageproxy.store.backups.writers import Watch
from stageproxy.store.directory import DataDirectory, find_secret
from stageproxy.store.sqlite import tables as sqlite_tables
from stageproxy.store.sqlite.database import Database
from stageproxy.store.transfer.copies import copy_rows
from stageproxy.store.transfer.files import FileCopies, files_of


async def hand_over_files(
    config: Config, restored: DataDirectory, announce: Watch, watch: Watch
) -> None:
    """Put the files of a restored directory where the settings want them, and note that place.

    *announce*: called with the bytes of files to copy.
    """
    facts = {}
    if config.storage.files:
        facts[FILES] = await _hand_over_files(config, restored, announce, watch)
    secret = find_secret(restored.root, config.server.secret.get_secret_value())
    if secret is not None and (config.storage.files or config.storage.database):
        facts[SECRET] = fingerprint_of(secret)

    def begin_anew(rows: Rows) -> None:
        """Forget where the catalogue and the files were when the backup was made."""
        for name in (FILES, SECRET, MOVED):
            rows.installation.remove(name)
        for name, value in facts.items():
            rows.installation.save(name, value)

    with Database(restored.database) as catalogue:
        await catalogue.write(begin_anew)


def hand_over_rows(config: Config, restored: DataDirectory) -> None:
    """Put the rows of a restored directory, which is in place, into the database of the settings.

    That is the last step: if it fails, they are in the SQLite file, and nothing is lost.
    """
    if not config.storage.database:
        return
    with sqlite_tables.reading(restored.database) as rows, filling_rows(config) as target:
        copy_rows(rows, target, _ignore)
    for path in restored.root.glob(f"{restored.database.name}*"):
        path.unlink()


async def _hand_over_files(
    config: Config, restored: DataDirectory, announce: Watch, watch: Watch
) -> str:
    """Put the restored files into the bucket, and return its id."""
    with sqlite_tables.reading(restored.database) as rows:
        files = files_of(rows)
    announce(sum(one.size for one in files))
    folder = _within(config, restored.root, files="")
    bucket = _within(config, restored.root, files=config.storage.files)
    with stored_files(folder) as source, stored_files(bucket) as target:
        await FileCopies(source, target, watch).copy(files)
        place = await target.installation()
    shutil.rmtree(restored.root / "files")
    return place


def _within(config: Config, root: Path, *, files: str) -> Config:
    """Return settings with this data directory, whose spool has room for a file."""
    storage = config.storage.model_copy(update={"data": root, "files": files})
    return config.model_copy(update={"storage": storage})


def _ignore(_: int) -> None:
    """Watch nothing."""
