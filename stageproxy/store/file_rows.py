"""Stored files as rows: which digests are needed, and since when others are not."""

from collections.abc import Sequence
from datetime import datetime

from stageproxy.store.columns import text_of
from stageproxy.store.statements import Statements

_IS_USED = """
    EXISTS (
        SELECT 1 FROM artifact JOIN stage ON stage.id = artifact.stage_id
        WHERE artifact.sha256 = stored_file.sha256
            AND stage.status IN ('open', 'processing', 'error')
        UNION ALL
        SELECT 1 FROM file_upload JOIN stage ON stage.id = file_upload.stage_id
        WHERE file_upload.received_sha256 = stored_file.sha256
            AND file_upload.status IN ('pending', 'processing')
            AND stage.status IN ('open', 'processing', 'error')
    )
"""


class SqliteFileRows(Statements):
    """Stored files; see `ports.FileRows`."""

    def remove(self, sha256: str) -> bool:
        """Remove a file that no row needs; return whether it was removed."""
        removed = self._one(
            """
            DELETE FROM stored_file
            WHERE sha256 = :sha256
                AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.sha256 = :sha256)
                AND NOT EXISTS (
                    SELECT 1 FROM file_upload
                    WHERE received_sha256 = :sha256 AND status IN ('pending', 'processing')
                )
            RETURNING sha256
            """,
            sha256=sha256,
        )
        return removed is not None

    def remove_unused(self, now: datetime, *, since: datetime) -> Sequence[str]:
        """Remove the files that no live stage has needed *since* a time; return their digests."""
        self._run(
            f"""
            UPDATE stored_file
            SET unused_since = CASE WHEN {_IS_USED} THEN NULL ELSE coalesce(unused_since, :now) END
            """,  # noqa: S608 - a constant of this module
            now=text_of(now),
        )
        rows = self._all(
            "SELECT sha256 FROM stored_file WHERE unused_since <= :since", since=text_of(since)
        )
        self._run("DELETE FROM stored_file WHERE unused_since <= :since", since=text_of(since))
        return [row["sha256"] for row in rows]

    def digests(self) -> frozenset[str]:
        """Return the digests of all stored files."""
        return frozenset(row["sha256"] for row in self._all("SELECT sha256 FROM stored_file"))
