"""The database and the files of a server, where its settings put them."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stageproxy.catalogue import RunningCatalogue
from stageproxy.config import Config, ConfigError
from stageproxy.core.errors import FailedBucketError
from stageproxy.core.leases import LeaseTimes
from stageproxy.ports import Clock, Inspector, RunningFiles
from stageproxy.server.identity import ServerFacts
from stageproxy.store.bucket_address import BucketAddress
from stageproxy.store.directory import DataDirectory, is_in_use, usable
from stageproxy.store.disk import Disk
from stageproxy.store.files import FileStore
from stageproxy.store.spool import Spool
from stageproxy.store.sqlite import tables as sqlite_tables
from stageproxy.store.sqlite.database import Database, open_database
from stageproxy.store.sqlite.database import find_database_problem as find_sqlite_problem
from stageproxy.store.sqlite.writer_lock import WriterLock
from stageproxy.store.transfer.copies import RowTarget
from stageproxy.store.transfer.layout import RowReader
from stageproxy.store.unusable import UnusableBucketError

_ONE_FOR_ALL = (
    "server.secret: set it, because storage.database may be used by several servers, and all need "
    "the same secret. To go on with the stages of this server, set it to what the file `secret` in "
    "its data directory contains."
)

_CHECK_BUCKET = "Check storage.files, the settings of [s3], and the rights of the access key."
_NOTHING = "nothing"
"""A folder that is empty in every bucket: to list it shows whether the bucket can be used."""


class MissingExtraError(Exception):
    """A setting needs packages that are not installed; the message says how to install them."""

    def __init__(self, setting: str, extra: str) -> None:
        super().__init__(
            f"{setting} needs the extra {extra}. Install it: pip install 'stageproxy[{extra}]'"
        )


@contextmanager
def open_catalogue(
    config: Config, directory: DataDirectory, disk: Disk, facts: ServerFacts
) -> Iterator[RunningCatalogue]:
    """Open the database for a server, or for one of its workers."""
    if config.storage.database:
        opened = open_postgres(config)
    elif facts.identity.is_alone:
        opened = open_whole_database(config, directory, disk)
    else:
        with _open_shared_database(directory, disk) as database:
            yield database
        return
    with closing(opened) as database:
        yield database


@contextmanager
def open_first(config: Config, directory: DataDirectory, disk: Disk) -> Iterator[RunningCatalogue]:
    """Open the database for the start of a server with several workers."""
    opened: RunningCatalogue
    if config.storage.database:
        opened = open_postgres(config)
    else:
        opened = open_whole_database(config, directory, disk)
    with closing(opened) as database:
        yield database


def open_whole_database(config: Config, directory: DataDirectory, disk: Disk) -> Database:
    """Return the SQLite database of a server at its start: checked, migrated, with its reserve."""
    database = open_database(
        directory.database, disk, copy_before_migration=config.storage.copy_before_migration
    )
    disk.restore_reserve()
    return database


def open_postgres(config: Config) -> RunningCatalogue:
    """Return the PostgreSQL database that the settings name, migrated."""
    if not config.server.secret:
        raise ConfigError(_ONE_FOR_ALL)
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.database import PostgresDatabase  # noqa: PLC0415
    settings = config.postgres
    return PostgresDatabase(
        config.storage.database, max_connections=settings.max_connections, timeout=settings.timeout
    )


@contextmanager
def reading_rows(config: Config) -> Iterator[RowReader]:
    """Read all rows of the database that the settings name, as it is at one moment."""
    if not config.storage.database:
        with sqlite_tables.reading(config.storage.data / "catalogue.db") as rows:
            yield rows
        return
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres import tables as postgres_tables  # noqa: PLC0415
    with postgres_tables.reading(config.storage.database) as rows:
        yield rows


@contextmanager
def filling_rows(config: Config, former: Path | None = None) -> Iterator[RowTarget]:
    """Fill the database that the settings name, which has to be empty.

    The rows are there if the block ends without an error. *former*: where a SQLite file goes that
    is there now, whatever it has.
    """
    if not config.storage.database:
        with sqlite_tables.making(config.storage.data / "catalogue.db", former) as rows:
            yield rows
        return
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres import tables as postgres_tables  # noqa: PLC0415
    with postgres_tables.filling(config.storage.database) as rows:
        yield rows


def find_filled_tables(config: Config) -> tuple[str, ...]:
    """Return the names of the tables of a database that have rows. Nothing is changed."""
    if not config.storage.database:
        path = config.storage.data / "catalogue.db"
        return sqlite_tables.find_filled(path) if path.exists() else ()
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.tables import find_filled  # noqa: PLC0415
    return find_filled(config.storage.database)


def name_of_database(config: Config) -> str:
    """Return which database the settings name, without its password."""
    if not config.storage.database:
        return str(config.storage.data / "catalogue.db")
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.problems import name_of  # noqa: PLC0415
    return f"the PostgreSQL database {name_of(config.storage.database)}"


def name_of_files(config: Config) -> str:
    """Return where the settings put the files."""
    return config.storage.files or str(config.storage.data / "files")


def is_database_in_use(config: Config) -> bool:
    """Return whether a server uses the database that the settings name."""
    if not config.storage.database:
        return is_in_use(config.storage.data)
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.tables import is_in_use as is_postgres_in_use  # noqa: PLC0415
    return is_postgres_in_use(config.storage.database)


def find_database_problems(config: Config) -> Iterator[str]:
    """Yield why no server with these settings could use its database. Nothing is changed."""
    url = config.storage.database
    if not url:
        problem = find_sqlite_problem(config.storage.data / "catalogue.db")
        if problem is not None:
            yield f"storage.data: {problem}"
        return
    if not config.server.secret:
        yield _ONE_FOR_ALL
    try:
        problem = _find_postgres_problem(url)
    except MissingExtraError as error:
        problem = str(error)
    if problem is not None:
        yield problem


def ask_database(config: Config) -> tuple[str, float]:
    """Return the version of a PostgreSQL server that can be used, and the seconds of an answer."""
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.problems import ask_server  # noqa: PLC0415
    return ask_server(config.storage.database)


def _find_postgres_problem(url: str) -> str | None:
    with needed_by("storage.database", "postgres"):
        from stageproxy.store.postgres.problems import find_database_problem  # noqa: PLC0415
    return find_database_problem(url)


@contextmanager
def needed_by(setting: str, extra: str) -> Iterator[None]:
    """Import what only an installation with an extra has."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(setting, extra) from error


@contextmanager
def _open_shared_database(directory: DataDirectory, disk: Disk) -> Iterator[Database]:
    """Open the SQLite database for one of several workers, which share a lock to write it."""
    with (
        closing(WriterLock(directory.database)) as lock,
        Database(directory.database, disk=disk) as database,
    ):
        database.share_writing(lock.held)
        yield database


def lease_times_of(config: Config) -> LeaseTimes:
    """Return how long leases last: on one machine, whose clock can jump, or among several."""
    return LeaseTimes.of_length(config.postgres.lease) if config.storage.database else LeaseTimes()


def open_files(
    config: Config, directory: DataDirectory, inspector: Inspector, disk: Disk, clock: Clock
) -> RunningFiles:
    """Return the store of staged files: a folder, or the bucket that the settings name."""
    root = directory.root / "files"
    if not config.storage.files:
        with usable(root):
            return FileStore(root, inspector, disk)
    with needed_by("storage.files", "s3"):
        from stageproxy.store.s3.bucket import open_bucket  # noqa: PLC0415
        from stageproxy.store.s3.files import BucketFiles  # noqa: PLC0415
    # Absolute: the process that reads archives has another working directory.
    incoming = (root / "incoming").absolute()
    with usable(incoming):
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    return BucketFiles(
        open_bucket(address_of(config)),
        Spool(incoming, disk),
        inspector,
        clock,
        signed_for=config.s3.signed_for if config.s3.redirect else None,
    )


def find_files_problems(config: Config) -> Iterator[str]:
    """Yield why no server with these settings could use its bucket. Nothing is changed."""
    if not config.storage.files:
        return
    try:
        problem = _find_bucket_problem(config)
    except MissingExtraError as error:
        problem = str(error)
    if problem is not None:
        yield problem


def _find_bucket_problem(config: Config) -> str | None:
    with needed_by("storage.files", "s3"):
        from stageproxy.store.s3.bucket import open_bucket  # noqa: PLC0415
    try:
        asyncio.run(open_bucket(address_of(config)).list(_NOTHING))
    except UnusableBucketError as error:
        return str(error)
    except FailedBucketError as error:
        return f"The bucket {config.storage.files} cannot be used: {error.reason}. {_CHECK_BUCKET}"
    return None


def address_of(config: Config) -> BucketAddress:
    """Return the bucket that the settings name, and how it is reached."""
    settings = config.s3
    return BucketAddress(
        config.storage.files,
        endpoint=settings.endpoint,
        region=settings.region,
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key.get_secret_value(),
        path_style=settings.path_style,
        timeout=settings.timeout,
    )
