"""How a database gets the schema of this version, and whether it has that of a newer one."""

from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.version import Version
from sqlite_utils import Database as Tables

from stageproxy import __version__
from stageproxy.store.sqlite.migration_copies import copy_of
from stageproxy.store.sqlite.migration_steps import STEPS
from stageproxy.store.unusable import NewerSchemaError


def migrate(tables: Tables, *, copy: Callable[[str], None] | None = None) -> None:
    """Apply all pending migrations in one transaction: a kill leaves the old schema or the new.

    *copy* is called before that with the first pending migration, if there is
    anything to lose.
    """
    check_schema(tables)
    pending = [step.name for step in STEPS.pending(tables)]
    if not pending:
        return
    if copy is not None and _has_rows(tables):
        copy(pending[0])
    tables.execute("BEGIN IMMEDIATE")
    try:
        STEPS.apply(tables)
        tables.execute(f"PRAGMA user_version = {_number_of(__version__)}")
        tables.execute("COMMIT")
    except BaseException:
        if tables.conn.in_transaction:
            tables.execute("ROLLBACK")
        raise


def check_schema(tables: Tables) -> None:
    """Raise if the database was written by a newer stageproxy; name what can be done."""
    unknown = unknown_steps(applied_steps(tables))
    if not unknown:
        return
    number = tables.execute("PRAGMA user_version").fetchone()[0]
    is_other = number not in {0, _number_of(__version__)}
    version = f"stageproxy {_version_of(number)}" if is_other else "a newer stageproxy"
    msg = (
        f"The data directory was written by {version}; this is {__version__} (unknown migrations: "
        f"{', '.join(unknown)}). Install that version or a later one."
    )
    path = Path(tables.execute("PRAGMA database_list").fetchone()[2])
    copy = copy_of(path, unknown[0])
    if copy.is_file():
        msg += (
            f" To go back to {__version__} without what was done since the update: `stageproxy "
            f"restore {copy} --data {path.parent} --replace`."
        )
    raise NewerSchemaError(msg)


def _has_rows(tables: Tables) -> bool:
    present = {"stage", "api_token"}.intersection(tables.table_names())
    return any(tables.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in present)  # noqa: S608 - two constants


def _number_of(version: str) -> int:
    """Return the number that SQLite keeps for a version: 1.2.3 is 1002003."""
    major, minor, patch = Version(version).release
    return (major * 1000 + minor) * 1000 + patch


def _version_of(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def unknown_steps(applied: Sequence[str]) -> tuple[str, ...]:
    """Return which *applied* migrations this version does not know."""
    with Tables(memory=True) as empty:
        known = {step.name for step in STEPS.pending(empty)}
    return tuple(sorted(set(applied) - known))


def applied_steps(tables: Tables) -> tuple[str, ...]:
    """Return the names of the migrations that a database has, in order."""
    return tuple(step.name for step in STEPS.applied(tables))


def is_migrated(tables: Tables) -> bool:
    """Return whether every migration is applied."""
    return not STEPS.pending(tables)
