"""Trusted Publishing: a CI that issues identities, and an index that mints tokens."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from stageproxy.ports import Clock
from tests.support.ports.clock import FakeClock

AUDIENCE = "pypi"
CI_TOKEN = "the-job"
"""The token with which a job requests its identity."""
LIFETIME = timedelta(seconds=900)


@dataclass(slots=True)
class FakeTrustedPublishing:
    """Identities of a CI, and minted tokens.

    Without *is_registered* the index trusts no workflow. *claims* are additional claims of a job.
    """

    clock: Clock = field(default_factory=FakeClock)
    is_registered: bool = True
    claims: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    minted: dict[str, datetime] = field(default_factory=dict)
    burned: list[str] = field(default_factory=list)

    def identify(self, audience: str) -> str:
        """Return a new identity of the job for an *audience*."""
        claims = {"aud": audience, "jti": len(self.identities), "repository": "demo/demo"}
        claims.update(self.claims)
        identity = f"{_part({'alg': 'none'})}.{_part(claims)}.signature"
        self.identities[identity] = audience
        return identity

    def mint(self, identity: str) -> str | None:
        """Return a new token for an identity, which is valid once; nothing for an invalid one."""
        if not self.is_registered or self.identities.pop(identity, None) != AUDIENCE:
            return None
        token = f"pypi-minted-{len(self.minted) + 1}"
        self.minted[token] = self.clock.now() + LIFETIME
        return token

    def knows(self, token: str) -> bool:
        """Return whether a token was minted here and not burned."""
        return token in self.minted and token not in self.burned

    def is_expired(self, token: str) -> bool:
        """Return whether a known token has expired."""
        return self.clock.now() >= self.minted[token]


TRUSTED_PUBLISHING = web.AppKey("trusted_publishing", FakeTrustedPublishing)


async def show_identity(request: web.Request) -> web.Response:
    """Return an identity as GitHub does."""
    if request.headers.get("Authorization", "").lower() != f"bearer {CI_TOKEN}":
        return _json(401, {"message": "Unauthorized"})
    trusted = request.app[TRUSTED_PUBLISHING]
    return _json(200, {"value": trusted.identify(request.query.get("audience", "ci"))})


async def show_audience(_: web.Request) -> web.Response:
    """Return the audience of identities."""
    return _json(200, {"audience": AUDIENCE})


async def mint_token(request: web.Request) -> web.Response:
    """Return a token for a quarter of an hour."""
    trusted = request.app[TRUSTED_PUBLISHING]
    token = trusted.mint(str((await request.json())["token"]))
    if token is None:
        why = {"code": "invalid-publisher", "description": "valid token, but no publisher for it"}
        return _json(422, {"message": "Token request failed", "errors": [why]})
    expires = int(trusted.minted[token].timestamp())
    return _json(200, {"success": True, "token": token, "expires": expires})


async def burn_token(request: web.Request) -> web.Response:
    """Invalidate a token."""
    request.app[TRUSTED_PUBLISHING].burned.append(str((await request.json())["token"]))
    return _json(202, {})


OIDC_ROUTES = [
    web.get("/_ci/identity", show_identity),
    web.get("/_/oidc/audience", show_audience),
    web.post("/_/oidc/mint-token", mint_token),
    web.post("/_/oidc/burn-token", burn_token),
]


def _part(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _json(status: int, document: Mapping[str, Any]) -> web.Response:
    body = json.dumps(document).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json"})
