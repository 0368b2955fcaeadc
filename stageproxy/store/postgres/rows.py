"""The rows that one transaction in PostgreSQL sees."""

from datetime import datetime

from stageproxy.store.rows.rows import SqlRows


class PostgresRows(SqlRows):
    """All rows, with the clock of the database; see `catalogue.Rows`."""

    def now(self) -> datetime | None:
        """Return the time by the clock of the database server, which all servers share."""
        row = self._one("SELECT clock_timestamp() AS now")
        return row["now"] if row else None
