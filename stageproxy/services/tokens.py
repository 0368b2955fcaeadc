"""Here is how API tokens are made, listed and revoked."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.core.audit import SERVER, AuditAction, Event
from stageproxy.core.errors import NotFoundError
from stageproxy.core.rights import Action, ApiToken, Token, TokenKind, make_token
from stageproxy.ports import Catalogue, Clock, Rows
from stageproxy.services.access import require

log = logging.getLogger(__name__)

_ENTROPY = 32


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What kind of API token is wanted, for which project and version, and for how long."""

    kind: TokenKind
    project: str
    version: str | None
    lifetime: timedelta | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes API tokens. What is kept of one is its digest; it is shown once."""

    catalogue: Catalogue
    clock: Clock

    async def make(self, token: ApiToken, order: TokenRequest) -> tuple[Token, ApiToken]:
        """Return a new API token, and what is kept of it."""
        require(token, Action.TOKENS, None)
        made, kept = self.mint(order)
        await self.store(kept, token.id)
        log.info("token %s: made by token %s", kept.id, token.id)
        return made, kept

    def mint(self, order: TokenRequest) -> tuple[Token, ApiToken]:
        """Return a token that counts once it is kept: the server's first goes to a file first."""
        now = self.clock.now()
        token = make_token(order.kind, secrets.token_bytes(_ENTROPY))
        kept = ApiToken(
            id=secrets.token_hex(4),
            kind=order.kind,
            project=order.project,
            version=order.version,
            digest=token.digest,
            created_at=now,
            expires_at=now + order.lifetime if order.lifetime else None,
        )
        return token, kept

    async def store(self, kept: ApiToken, actor: str = SERVER) -> None:
        """Let a token count that *actor* has made."""

        def work(rows: Rows) -> None:
            rows.tokens.save(kept)
            rows.audit.add(_event(kept, AuditAction.TOKEN_MADE, actor, kept.created_at))

        await self.catalogue.write(work)

    async def list(self, token: ApiToken) -> Sequence[ApiToken]:
        """Return what is kept of all API tokens, the latest first."""
        require(token, Action.TOKENS, None)
        return await self.catalogue.read(lambda rows: rows.tokens.list())

    async def revoke(self, token: ApiToken, token_id: str) -> ApiToken:
        """Make an API token useless, at once."""
        require(token, Action.TOKENS, None)
        now = self.clock.now()

        def work(rows: Rows) -> ApiToken:
            found = next((one for one in rows.tokens.list() if one.id == token_id), None)
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


def _event(kept: ApiToken, action: AuditAction, actor: str, at: datetime) -> Event:
    details = {"token": kept.id, "can": kept.kind.name.lower()}
    return Event(at, actor, action, kept.project, kept.version, details=details)
