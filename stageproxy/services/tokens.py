"""Creating, listing and revoking API tokens."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction, Event
from stageproxy.core.errors import NotFoundError
from stageproxy.core.rights import Action, ApiToken, Token, TokenKind, make_token
from stageproxy.ports import Clock
from stageproxy.services.access import require

log = logging.getLogger(__name__)

_ENTROPY = 32


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The kind, project, version and lifetime of an API token to make."""

    kind: TokenKind
    project: str
    version: str | None
    lifetime: timedelta | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes API tokens. Only the digest of a token is stored; the token is shown once."""

    catalogue: Catalogue
    clock: Clock

    async def make(self, token: ApiToken, request: TokenRequest) -> tuple[Token, ApiToken]:
        """Make and store an API token. Return the token and its row."""
        require(token, Action.TOKENS, None)
        made, stored = self.mint(request)
        await self.store(stored, token.id)
        log.info("token %s: created by token %s", stored.id, token.id)
        return made, stored

    def mint(self, request: TokenRequest) -> tuple[Token, ApiToken]:
        """Return an API token that is valid once it is stored.

        The first token of a server is written to a file before that.
        """
        now = self.clock.now()
        token = make_token(request.kind, secrets.token_bytes(_ENTROPY))
        stored = ApiToken(
            id=secrets.token_hex(4),
            kind=request.kind,
            project=request.project,
            version=request.version,
            digest=token.digest,
            created_at=now,
            expires_at=now + request.lifetime if request.lifetime else None,
        )
        return token, stored

    async def store(self, token: ApiToken, actor: str = SERVER) -> None:
        """Store a token that *actor* has made, which makes it valid."""

        def work(rows: Rows) -> None:
            rows.tokens.save(token)
            rows.audit.add(_event(token, AuditAction.TOKEN_MADE, actor, token.created_at))

        await self.catalogue.write(work)

    async def list(self, token: ApiToken) -> Sequence[ApiToken]:
        """Return all API tokens as they are stored, the latest first."""
        require(token, Action.TOKENS, None)
        return await self.catalogue.read(lambda rows: rows.tokens.list())

    async def revoke(self, token: ApiToken, token_id: str) -> ApiToken:
        """Revoke an API token. Every later request with it is refused."""
        require(token, Action.TOKENS, None)
        now = self.clock.now()

        def work(rows: Rows) -> ApiToken:
            found = next((row for row in rows.tokens.list() if row.id == token_id), None)
            if found is None:
                raise NotFoundError(f"There is no API token {token_id}.")
            if found.revoked_at:
                return found
            revoked = replace(found, revoked_at=now)
            rows.tokens.save(revoked)
            rows.audit.add(_event(revoked, AuditAction.TOKEN_REVOKED, token.id, now))
            return revoked

        revoked = await self.catalogue.write(work)
        log.info("token %s: revoked by token %s", revoked.id, token.id)
        return revoked


def _event(token: ApiToken, action: AuditAction, actor: str, at: datetime) -> Event:
    details = {"token": token.id, "can": token.kind.name.lower()}
    return Event(at, actor, action, token.project, token.version, details=details)
