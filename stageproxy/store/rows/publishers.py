"""Trusted publishers, and identities that were used, as rows."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stageproxy.core.identity.providers import Provider
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.store.rows.columns import Statements, text_of, time_in


class SqlPublisherRows(Statements):
    """Trusted publishers; see `catalogue.PublisherRows`."""

    def find(self, publisher_id: str) -> TrustedPublisher | None:
        """Return a publisher by its id."""
        row = self._one("SELECT * FROM trusted_publisher WHERE id = :id", id=publisher_id)
        return _publisher_in(row) if row else None

    def list(self, project: str | None = None) -> Sequence[TrustedPublisher]:
        """Return the publishers of a project, or all, the earliest first."""
        rows = self._all(
            """
            SELECT * FROM trusted_publisher WHERE (:every = 1 OR project = :project)
            ORDER BY added_at, id
            """,
            every=int(project is None),
            project=project or "",
        )
        return [_publisher_in(row) for row in rows]

    def list_of_issuer(self, issuer: str) -> Sequence[TrustedPublisher]:
        """Return the publishers that trust an issuer, the earliest first."""
        rows = self._all(
            "SELECT * FROM trusted_publisher WHERE issuer = :issuer ORDER BY added_at, id",
            issuer=issuer,
        )
        return [_publisher_in(row) for row in rows]

    def issuers(self) -> frozenset[str]:
        """Return the issuers that any publisher trusts."""
        rows = self._all("SELECT DISTINCT issuer FROM trusted_publisher")
        return frozenset(row["issuer"] for row in rows)

    def add(self, publisher: TrustedPublisher) -> None:
        """Store a new publisher."""
        self._upsert(
            "trusted_publisher",
            {
                "id": publisher.id,
                "project": publisher.project,
                "provider": publisher.provider.value,
                "issuer": publisher.issuer,
                "fields": json.dumps(publisher.fields, sort_keys=True),
                "added_at": text_of(publisher.added_at),
                "added_by": publisher.added_by,
            },
            key="id",
        )

    def remove(self, publisher_id: str) -> None:
        """Remove a publisher, if it exists."""
        self._run("DELETE FROM trusted_publisher WHERE id = :id", id=publisher_id)


class SqlIdentityRows(Statements):
    """Identities that were used; see `catalogue.IdentityRows`."""

    def use(self, digest: str, until: datetime) -> bool:
        """Store that an identity is used; return whether it is for the first time."""
        row = self._one(
            """
            INSERT INTO used_identity (digest, until) VALUES (:digest, :until)
            ON CONFLICT (digest) DO NOTHING RETURNING digest
            """,
            digest=digest,
            until=text_of(until),
        )
        return row is not None

    def forget(self, now: datetime) -> None:
        """Forget the identities that nobody takes any more."""
        self._run("DELETE FROM used_identity WHERE until <= :now", now=text_of(now))


def _publisher_in(row: Mapping[str, Any]) -> TrustedPublisher:
    return TrustedPublisher(
        id=row["id"],
        project=row["project"],
        provider=Provider(row["provider"]),
        issuer=row["issuer"],
        fields=json.loads(row["fields"]),
        added_at=time_in(row["added_at"]),
        added_by=row["added_by"],
    )
