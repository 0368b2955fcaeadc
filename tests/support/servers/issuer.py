"""An issuer of identities of CI jobs, with keys of its own, behind TLS on this machine."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import trustme
from aiohttp import ClientSession, TCPConnector, web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tests.support.servers.nginx import free_port

AUDIENCE = "https://stage.example"
REQUEST_TOKEN = "what the runner of the job knows"
GITHUB: Mapping[str, Any] = {
    "repository": "octo/demo",
    "repository_id": "74",
    "repository_owner": "octo",
    "repository_owner_id": "65",
    "workflow_ref": "octo/demo/.github/workflows/release.yml@refs/tags/v2.0",
    "job_workflow_ref": "octo/demo/.github/workflows/release.yml@refs/tags/v2.0",
    "ref": "refs/tags/v2.0",
    "ref_type": "tag",
    "sha": "f" * 40,
    "event_name": "push",
    "actor": "octocat",
    "run_id": "1234567890",
    "run_attempt": "1",
    "sub": "repo:octo/demo:ref:refs/tags/v2.0",
}
"""The claims of a job of GitHub Actions."""


@lru_cache
def key_number(number: int, bits: int = 2048) -> RSAPrivateKey:  # noqa: ARG001 - by which it is cached
    """Return one of some RSA keys."""
    return generate_private_key(65537, bits)


@dataclass(slots=True)
class Issuer:
    """An issuer. *keys*: those that it publishes now, by their ids.

    *configuration*: what it says of itself otherwise than an issuer does.
    """

    url: str
    keys: dict[str, RSAPrivateKey]
    authority: trustme.CA = field(repr=False)
    configuration: dict[str, Any] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: int = 0
    identified: int = 0

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a job that runs now; those changed to `None` are left out."""
        now = datetime.now(UTC)
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(minutes=5),
            "jti": f"use {id(claims_of_nobody)} {now.timestamp()} {changes}",
            **GITHUB,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: str = "1", header: Mapping[str, Any] = {}, **changes: Any) -> str:
        """Return an identity that is signed with one of the keys."""
        signed_by = self.keys[key]
        given = {"kid": key, **header}
        return jwt.encode(self.claims(**changes), signed_by, algorithm="RS256", headers=given)

    async def configure(self, _: web.Request) -> web.Response:
        """Return where the keys are."""
        self.asked += 1
        known = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return web.json_response({**known, **self.configuration}, status=self.status)

    async def list_keys(self, _: web.Request) -> web.Response:
        """Return the public keys."""
        return web.json_response(
            {"keys": [*map(public, self.keys, self.keys.values()), *self.listed]},
            status=self.status,
        )

    async def identify(self, request: web.Request) -> web.Response:
        """Return the identity of a job, as GitHub Actions does to one that may ask."""
        sent = request.headers.get("Authorization", "")
        if sent.partition(" ")[2] != REQUEST_TOKEN:
            return web.Response(status=401)
        self.identified += 1
        token = self.token(aud=request.query["audience"], run_id=str(self.identified))
        return web.json_response({"value": token})

    @property
    def variables(self) -> dict[str, str]:
        """What GitHub Actions gives to a job that may ask for its identity."""
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/identity?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ClientSession]:
        """Open a session that trusts the certificate of this issuer."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        async with ClientSession(connector=TCPConnector(ssl=context)) as session:
            yield session


def claims_of_nobody() -> None:
    """Do nothing: the address of this function differs in each process."""


def public(key_id: str, key: RSAPrivateKey, **changes: Any) -> dict[str, Any]:
    """Return a public key as an issuer lists it."""
    listed = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**listed, "kid": key_id, "use": "sig", "alg": "RS256", **changes}


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """Run an issuer until the block ends."""
    authority, port = trustme.CA(), free_port()
    issuer = Issuer(f"https://localhost:{port}", {"1": key_number(1)}, authority)
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.configure)
    app.router.add_get("/keys", issuer.list_keys)
    app.router.add_get("/identity", issuer.identify)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        yield issuer
    finally:
        await runner.cleanup()
