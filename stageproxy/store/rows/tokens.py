"""API tokens as rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from stageproxy.core.rights import ApiToken
from stageproxy.store.rows.columns import Statements, api_token_in, text_of


class SqlTokenRows(Statements):
    """API tokens; see `catalogue.TokenRows`."""

    def find(self, digest: str) -> ApiToken | None:
        """Return an API token by its digest."""
        row = self._one("SELECT * FROM api_token WHERE digest = :digest", digest=digest)
        return api_token_in(row) if row else None

    def find_by_id(self, token_id: str) -> ApiToken | None:
        """Return an API token by its id."""
        row = self._one("SELECT * FROM api_token WHERE id = :id", id=token_id)
        return api_token_in(row) if row else None

    def list(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""
        rows = self._all("SELECT * FROM api_token ORDER BY created_at DESC, id")
        return [api_token_in(row) for row in rows]

    def names(self) -> Mapping[str, str]:
        """Return the names of the API tokens that have one, by their ids, revoked ones too."""
        rows = self._all("SELECT id, name FROM api_token WHERE name != ''")
        return {row["id"]: row["name"] for row in rows}

    def save(self, token: ApiToken) -> None:
        """Store an API token, new or changed."""
        self._upsert(
            "api_token",
            {
                "id": token.id,
                "kind": token.kind.value,
                "project": token.project,
                "version": token.version,
                "digest": token.digest,
                "created_at": text_of(token.created_at),
                "expires_at": text_of(token.expires_at),
                "revoked_at": text_of(token.revoked_at),
                "name": token.name,
                "publisher": token.publisher,
            },
            key="id",
        )

    def forget_minted(self, before: datetime) -> None:
        """Remove the tokens that were minted for CI jobs and expired *before* a time."""
        self._run(
            "DELETE FROM api_token WHERE publisher IS NOT NULL AND expires_at < :before",
            before=text_of(before),
        )
