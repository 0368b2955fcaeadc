"""Leases as rows."""

from collections.abc import Sequence
from datetime import datetime

from stageproxy.core.leases import Lease
from stageproxy.store.rows.columns import Row, Statements, text_of, time_in


class SqlLeaseRows(Statements):
    """The leases of workers; see `catalogue.LeaseRows`."""

    def find(self, name: str) -> Lease | None:
        """Return a lease by its name, lapsed or not."""
        row = self._one("SELECT * FROM lease WHERE name = :name", name=name)
        return _lease_in(row) if row else None

    def list(self) -> Sequence[Lease]:
        """Return all leases by name."""
        return [_lease_in(row) for row in self._all("SELECT * FROM lease ORDER BY name")]

    def save(self, lease: Lease) -> None:
        """Store a lease, new or changed."""
        row = {
            "name": lease.name,
            "holder": lease.holder,
            "fence": lease.fence,
            "until": text_of(lease.until),
        }
        self._upsert("lease", row, key=("name",))

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Store until when a lease lasts, if a holder has it; return whether it has."""
        renewed = self._all(
            """
            UPDATE lease SET until = :until WHERE name = :name AND holder = :holder
            RETURNING name
            """,
            name=name,
            holder=holder,
            until=text_of(until),
        )
        return bool(renewed)

    def remove(self, name: str) -> None:
        """Remove a lease whose work is done, if it exists."""
        self._run("DELETE FROM lease WHERE name = :name", name=name)


def _lease_in(row: Row) -> Lease:
    return Lease(row["name"], row["holder"], row["fence"], time_in(row["until"]))
