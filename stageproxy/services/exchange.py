"""The exchange of a CI job's identity for an upload token of a few minutes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.errors import IdentityError
from stageproxy.core.identity.identities import Identity, facts_of, run_of
from stageproxy.core.identity.publishers import (
    TrustedPublisher,
    find_publishers,
    nearest_differences,
)
from stageproxy.core.rights import ApiToken, Token, TokenKind, free_name, parse_token
from stageproxy.ports import Clock, IdentityVerifier
from stageproxy.services.tokens import TokenRequest, Tokens

log = logging.getLogger(__name__)

LIFETIME = timedelta(minutes=15)
"""How long a minted token is valid, as on PyPI."""


@dataclass(frozen=True, slots=True)
class IdentityExchange:
    """Mints upload tokens for the jobs of trusted publishers.

    *audience*: what an identity has to be made for, the URL of this server alone.
    """

    catalogue: Catalogue
    clock: Clock
    tokens: Tokens
    verifier: IdentityVerifier
    audience: str

    async def mint(self, identity_token: str) -> tuple[Token, ApiToken]:
        """Return a new upload token for the project of the job, and its row.

        Raise `IdentityError` unless the identity is that of one trusted publisher, and unused.
        """
        issuers = await self.catalogue.read(lambda rows: rows.publishers.issuers())
        identity = await self.verifier.verify(identity_token, issuers, self.audience)
        token, minted = await self.catalogue.write(lambda rows: self._mint(rows, identity))
        log.info("token %s: minted for trusted publisher %s", minted.label, minted.publisher)
        return token, minted

    async def burn(self, secret: str) -> None:
        """Revoke a minted token, if this is one. Nobody learns whether it was."""
        token = parse_token(secret)
        if token is None:
            return

        def work(rows: Rows) -> None:
            found = rows.tokens.find(token.digest)
            now = self.clock.now()
            if found is None or found.publisher is None or not found.is_live(now):
                return
            rows.tokens.save(replace(found, revoked_at=now))
            details = {"token": found.id, "name": found.name, "can": "upload"}
            rows.audit.add(
                Event(now, found.id, AuditAction.TOKEN_REVOKED, found.project, details=details)
            )

        await self.catalogue.write(work)

    def _mint(self, rows: Rows, identity: Identity) -> tuple[Token, ApiToken]:
        now = self.clock.now()
        publisher = _publisher_of(rows.publishers.list_of_issuer(identity.issuer), identity)
        if not rows.identities.use(identity.use, identity.until):
            raise IdentityError(
                "invalid-reuse-token", "This identity was used before. Ask for a new one."
            )
        request = TokenRequest(TokenKind.UPLOAD, publisher.project, None, LIFETIME)
        token, minted = self.tokens.mint(request)
        name = free_name(run_of(publisher.provider, identity.claims), _live_names(rows, now))
        minted = replace(minted, publisher=publisher.id, name=name)
        rows.tokens.save(minted)
        details = {
            "token": minted.id,
            "name": name,
            "can": "upload",
            "publisher": publisher.id,
            **facts_of(publisher.provider, identity.claims),
        }
        rows.audit.add(
            Event(now, minted.id, AuditAction.TOKEN_MINTED, publisher.project, details=details)
        )
        return token, minted


def _publisher_of(publishers: Sequence[TrustedPublisher], identity: Identity) -> TrustedPublisher:
    """Return the one publisher that an identity belongs to."""
    own = find_publishers(publishers, identity.issuer, identity.claims)
    projects = sorted({one.project for one in own})
    if len(projects) == 1:
        return own[0]
    if projects:
        raise IdentityError(
            "ambiguous-publisher",
            f"This job is a trusted publisher of {', '.join(projects)}, and a token is for one "
            "project. Give the jobs of each project an environment of their own.",
        )
    reason = " ".join(nearest_differences(publishers, identity.claims))
    raise IdentityError(
        "invalid-publisher",
        f"This job is no trusted publisher of a project here. {reason}".strip(),
    )


def _live_names(rows: Rows, now: datetime) -> list[str]:
    return [one.name for one in rows.tokens.list() if one.is_live(now)]
