"""How a PostgreSQL database gets the schema of this version, and whether it has a newer one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain

from packaging.version import Version
from psycopg import Connection
from sqlite_utils import Database as Tables

from stageproxy import __version__
from stageproxy.store.postgres.schema import baseline
from stageproxy.store.sqlite.migration_steps import STEPS
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

_LOCK = 0x5354_4147
"""The number of the advisory lock under which one server migrates. The others wait."""
LATER_STEPS: Mapping[str, tuple[str, ...]] = {
    "m0014_installation": (
        """
        CREATE TABLE installation (
            name TEXT COLLATE "C" PRIMARY KEY,
            value TEXT COLLATE "C" NOT NULL
        )
        """,
    ),
    "m0015_rates": (
        """
        CREATE TABLE rate (
            name TEXT COLLATE "C" PRIMARY KEY,
            full_at BIGINT NOT NULL
        )
        """,
    ),
    "m0016_trusted_publishers": (
        """
        CREATE TABLE trusted_publisher (
            id TEXT COLLATE "C" PRIMARY KEY,
            project TEXT COLLATE "C" NOT NULL,
            provider TEXT COLLATE "C" NOT NULL,
            issuer TEXT COLLATE "C" NOT NULL,
            fields TEXT COLLATE "C" NOT NULL,
            added_at TEXT COLLATE "C" NOT NULL,
            added_by TEXT COLLATE "C" NOT NULL
        )
        """,
        "CREATE INDEX trusted_publisher_by_issuer ON trusted_publisher (issuer)",
        "CREATE INDEX trusted_publisher_of_project ON trusted_publisher (project)",
        """
        CREATE TABLE used_identity (
            digest TEXT COLLATE "C" PRIMARY KEY,
            until TEXT COLLATE "C" NOT NULL
        )
        """,
        "CREATE INDEX used_identity_by_end ON used_identity (until)",
        'ALTER TABLE api_token ADD COLUMN publisher TEXT COLLATE "C"',
    ),
}
"""The statements of each migration since the first release with PostgreSQL, by its name."""
WORKS_WITH: Mapping[str, str] = {}
"""The oldest version that works with each migration, by its name, though it may not know it.

Servers of that version can run beside those that have applied it. One that is not here works only
with versions that have it. (docs/adr/0054-two-versions-side-by-side.md)
"""
_TABLE = """
    CREATE TABLE IF NOT EXISTS migration (
        name TEXT PRIMARY KEY,
        applied_by TEXT NOT NULL,
        works_with TEXT NOT NULL,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
"""


def migrate(connection: Connection[tuple[object, ...]]) -> None:
    """Apply all pending migrations in one transaction: a kill leaves the old schema or the new.

    Raise `NewerSchemaError` if a newer stageproxy has migrated the database, and this version does
    not work with that.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_TABLE)
        applied = _applied(connection)
        known = steps()
        check_known(applied, known)
        pending = [name for name in known if name not in applied]
        for statement in _statements(pending) if applied else baseline():
            connection.execute(statement.encode())
        for name in pending:
            connection.execute(
                "INSERT INTO migration (name, applied_by, works_with) VALUES (%s, %s, %s)",
                [name, __version__, WORKS_WITH.get(name, __version__)],
            )


def _applied(connection: Connection[tuple[object, ...]]) -> Mapping[str, str]:
    """Return the oldest version that works with each migration that was applied, by its name."""
    found = connection.execute("SELECT name, works_with FROM migration")
    return {str(name): str(version) for name, version in found}


def _statements(pending: Sequence[str]) -> Iterator[str]:
    return chain.from_iterable(LATER_STEPS[name] for name in pending)


def steps() -> tuple[str, ...]:
    """Return the names of all migrations, in order. They are those of SQLite."""
    with closing(Tables(memory=True)) as empty:
        return tuple(step.name for step in STEPS.pending(empty))


def check_applied(connection: Connection[tuple[object, ...]]) -> None:
    """Raise `NewerSchemaError` if this version does not work with what was applied."""
    if connection.execute("SELECT to_regclass('migration') IS NOT NULL").fetchone() == (True,):
        check_known(_applied(connection), steps())


def check_is_current(connection: Connection[tuple[object, ...]]) -> None:
    """Raise `UnusableDatabaseError` unless exactly the migrations of this version were applied."""
    check_applied(connection)
    found = connection.execute("SELECT to_regclass('migration') IS NOT NULL").fetchone()
    applied = _applied(connection) if found == (True,) else {}
    if set(applied) != set(steps()):
        msg = (
            "The database does not have the tables of this version of stageproxy. Start a server "
            "of this version with it first, or use the version of its servers."
        )
        raise UnusableDatabaseError(msg)


def check_known(
    applied: Mapping[str, str], known: Sequence[str], version: str = __version__
) -> None:
    """Raise if a newer stageproxy has migrated the database so that a *version* cannot use it."""
    newer = {name: oldest for name, oldest in applied.items() if name not in known}
    oldest = max((Version(one) for one in newer.values()), default=Version(version))
    if oldest > Version(version):
        msg = (
            f"The database was migrated by a newer stageproxy; this is {version} (unknown "
            f"migrations: {', '.join(sorted(newer))}). Install version {oldest} or a later one."
        )
        raise NewerSchemaError(msg)
