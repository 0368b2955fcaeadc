"""What servers have counted, as rows: when each bucket is full again."""

from datetime import datetime, timedelta

from stageproxy.store.rows.columns import Statements

_MICROSECOND = timedelta(microseconds=1)


class SqlRateRows(Statements):
    """What all servers together have counted; see `catalogue.RateRows`."""

    def add(self, name: str, used: timedelta, period: timedelta, now: datetime) -> timedelta:
        """Take from a bucket what is refilled in a time; return what is missing in it then.

        One statement: another server may take from the same bucket meanwhile.
        """
        present = _microseconds(now)
        row = self._one(
            """
            INSERT INTO rate (name, full_at) VALUES (:name, :first)
            ON CONFLICT (name) DO UPDATE SET full_at = CASE
                WHEN rate.full_at <= :now THEN :first
                WHEN rate.full_at > :latest - :used THEN :latest
                ELSE rate.full_at + :used
            END
            RETURNING full_at
            """,
            name=name,
            now=present,
            used=used // _MICROSECOND,
            first=present + min(used, period) // _MICROSECOND,
            latest=present + period // _MICROSECOND,
        )
        return timedelta(microseconds=row["full_at"] - present) if row else used

    def remove_full(self, now: datetime) -> None:
        """Remove the buckets that are full again."""
        self._run("DELETE FROM rate WHERE full_at <= :now", now=_microseconds(now))


def _microseconds(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000)
