"""A data directory with many stages, made by SQL: through the API it would take an hour."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stageproxy.catalogue import Rows
from stageproxy.store.directory import DataDirectory
from stageproxy.store.sqlite.database import Database
from tests.store.builders import FORM, a_stage, an_artifact
from tests.support.builders.distributions import metadata_of
from tests.support.database import connection_to

FILES = 60

_FIRST = "kept-0"
_NAME = "'kept-' || n"
_DIGEST = "printf('%032x', n) || substr({}, 33)"
_COPIED: Mapping[str, Mapping[str, str]] = {
    "stage": {"id": _NAME, "project": _NAME},
    "stored_file": {"sha256": _DIGEST.format("sha256")},
    "artifact": {
        "stage_id": _NAME,
        "sha256": _DIGEST.format("sha256"),
        "blake2b_256": _DIGEST.format("blake2b_256"),
    },
    "artifact_source": {"stage_id": _NAME},
}
"""The tables of a stage, and the columns that differ in each copy."""


async def keep_stages(data: Path, number: int) -> None:
    """Fill an empty data directory with open stages of 60 files each."""
    path = DataDirectory(data).database
    with Database(path) as database:
        await database.write(partial(_save_first, datetime.now(UTC)))
    with connection_to(path) as connection:
        for table, changed in _COPIED.items():
            rows = connection.execute(f"PRAGMA table_info({table})")
            values = {row["name"]: changed.get(row["name"], row["name"]) for row in rows}
            connection.execute(_copies(table, values), {"most": number - 1})


def _copies(table: str, values: Mapping[str, str]) -> str:
    """Return a statement that copies each row of a table, with the number `n` of the copy."""
    return f"""
        WITH RECURSIVE numbers(n) AS (
            SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :most
        )
        INSERT INTO {table} ({", ".join(values)})
        SELECT {", ".join(values.values())} FROM {table} CROSS JOIN numbers
    """  # noqa: S608 - names of our own tables


def _save_first(now: datetime, rows: Rows) -> None:
    stage = a_stage(_FIRST, project=_FIRST, opened_at=now)
    rows.stages.save(stage)
    for number in range(FILES):
        artifact = replace(
            an_artifact(),
            filename=f"kept_0-1.0-cp3{number}-none-any.whl",
            sha256=f"{number:064x}",
            blake2b_256=f"{number:064x}",
        )
        rows.artifacts.save(stage.id, artifact, FORM, metadata_of("kept-0", "1.0").encode())
