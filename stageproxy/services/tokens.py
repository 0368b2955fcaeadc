"""Creating, listing and revoking API tokens."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction, Event
from stageproxy.core.errors import ConflictError, NotFoundError
from stageproxy.core.rights import (
    EVERY_PROJECT,
    Action,
    ApiToken,
    Token,
    TokenKind,
    free_name,
    is_taken,
    make_token,
)
from stageproxy.core.sessions import holder_of
from stageproxy.ports import Clock
from stageproxy.services.access import require, require_still

log = logging.getLogger(__name__)

_ENTROPY = 32


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The kind, project, version and lifetime of an API token to make, and its name.

    Without a name, the token is named after what it permits.
    """

    kind: TokenKind
    project: str
    version: str | None
    lifetime: timedelta | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes API tokens. Only the digest of a token is stored; the token is shown once."""

    catalogue: Catalogue
    clock: Clock

    async def make(self, token: ApiToken, request: TokenRequest) -> tuple[Token, ApiToken]:
        """Make and store an API token. Return the token and its row."""
        require(token, Action.TOKENS, None)
        made, minted = self.mint(request)
        stored = await self.store(minted, token)
        log.info("token %s: created by token %s", stored.label, token.label)
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
            name=request.name,
        )
        return token, stored

    async def store(self, token: ApiToken, by: ApiToken | None = None) -> ApiToken:
        """Store a token, which makes it valid. Return it with its name.

        *by*: the token that made it; by default the server itself.
        """

        def work(rows: Rows) -> ApiToken:
            if by is not None:
                require_still(rows, by, Action.TOKENS, None, None, self.clock.now())
            return _add(rows, token, by.id if by else SERVER)

        return await self.catalogue.write(work)

    async def store_first(self, token: ApiToken) -> bool:
        """Store a token unless there is one already. Return whether it is stored."""

        def work(rows: Rows) -> bool:
            is_first = not rows.tokens.list()
            if is_first:
                _add(rows, token, SERVER)
            return is_first

        return await self.catalogue.write(work)

    async def list(self, token: ApiToken) -> Sequence[ApiToken]:
        """Return the API tokens as they are stored, the latest first.

        Those that were minted for CI jobs are left out when they are not valid any more.
        """
        require(token, Action.TOKENS, None)
        now = self.clock.now()
        stored = await self.catalogue.read(lambda rows: rows.tokens.list())
        return [one for one in stored if one.publisher is None or one.is_live(now)]

    async def revoke(self, token: ApiToken, token_id: str) -> ApiToken:
        """Revoke an API token. Every later request with it is refused."""
        require(token, Action.TOKENS, None)

        def work(rows: Rows) -> ApiToken:
            now = self.clock.now()
            require_still(rows, token, Action.TOKENS, None, None, now)
            found = next((row for row in rows.tokens.list() if row.id == token_id), None)
            if found is None:
                raise NotFoundError(f"There is no API token {token_id}.")
            if found.revoked_at:
                return found
            revoked = replace(found, revoked_at=now)
            rows.tokens.save(revoked)
            rows.sessions.remove_of(holder_of(revoked))
            rows.audit.add(_event(revoked, AuditAction.TOKEN_REVOKED, token.id, now))
            return revoked

        revoked = await self.catalogue.write(work)
        log.info("token %s: revoked by token %s", revoked.label, token.label)
        return revoked


def _add(rows: Rows, token: ApiToken, actor: str) -> ApiToken:
    """Store a token under a name that no other valid one has."""
    others = (one for one in rows.tokens.list() if one.is_live(token.created_at))
    named = _named(token, [one.name for one in others if one.name])
    rows.tokens.save(named)
    rows.audit.add(_event(named, AuditAction.TOKEN_MADE, actor, named.created_at))
    return named


def _named(token: ApiToken, taken: Sequence[str]) -> ApiToken:
    """Return a new token with a name that no live one has. Raise if its own is *taken*."""
    if is_taken(token.name, taken):
        raise ConflictError(
            f"A valid API token is already named {token.name!r}. Choose another name, or revoke "
            "that token first."
        )
    return replace(token, name=token.name or free_name(_what_it_permits(token), taken))


def _what_it_permits(token: ApiToken) -> str:
    project = "every project" if token.project == EVERY_PROJECT else token.project
    return " ".join(filter(None, (token.kind.name.lower(), project[:40], token.version)))[:60]


def _event(token: ApiToken, action: AuditAction, actor: str, at: datetime) -> Event:
    details = {"token": token.id, "name": token.name, "can": token.kind.name.lower()}
    return Event(at, actor, action, token.project, token.version, details=details)
