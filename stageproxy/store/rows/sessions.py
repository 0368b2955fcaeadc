"""Sessions at the desk as rows."""

from collections.abc import Sequence
from datetime import datetime

from stageproxy.core.sessions import Holder, HolderKind, Session
from stageproxy.store.rows.columns import Row, Statements, text_of, time_in


class SqlSessionRows(Statements):
    """Sessions; see `catalogue.SessionRows`."""

    def find(self, digest: str) -> Session | None:
        """Return a session by its digest, expired or not."""
        row = self._one("SELECT * FROM session WHERE digest = :digest", digest=digest)
        return _session_in(row) if row else None

    def list(self, holder: Holder) -> Sequence[Session]:
        """Return the sessions of a holder, the latest first."""
        rows = self._all(
            """
            SELECT * FROM session WHERE holder_kind = :kind AND holder_id = :id
            ORDER BY started_at DESC, digest
            """,
            kind=holder.kind.value,
            id=holder.id,
        )
        return [_session_in(row) for row in rows]

    def save(self, session: Session) -> None:
        """Store a session, new or changed."""
        row = {
            "digest": session.digest,
            "holder_kind": session.holder.kind.value,
            "holder_id": session.holder.id,
            "started_at": text_of(session.started_at),
            "used_at": text_of(session.used_at),
            "expires_at": text_of(session.expires_at),
            "ends_at": text_of(session.ends_at),
        }
        self._upsert("session", row, key="digest")

    def remove(self, digest: str) -> None:
        """Remove a session, if it exists."""
        self._run("DELETE FROM session WHERE digest = :digest", digest=digest)

    def remove_of(self, holder: Holder) -> None:
        """Remove all sessions of a holder."""
        self._run(
            "DELETE FROM session WHERE holder_kind = :kind AND holder_id = :id",
            kind=holder.kind.value,
            id=holder.id,
        )

    def remove_expired(self, now: datetime) -> None:
        """Remove the sessions that have expired."""
        self._run("DELETE FROM session WHERE expires_at <= :now", now=text_of(now))


def _session_in(row: Row) -> Session:
    return Session(
        digest=row["digest"],
        holder=Holder(HolderKind(row["holder_kind"]), row["holder_id"]),
        started_at=time_in(row["started_at"]),
        used_at=time_in(row["used_at"]),
        expires_at=time_in(row["expires_at"]),
        ends_at=time_in(row["ends_at"]),
    )
