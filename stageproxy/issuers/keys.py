"""The public keys of issuers: fetched by OpenID Connect Discovery, and kept for a while."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import jwt
from aiohttp import ClientError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from yarl import URL

from stageproxy.core.errors import IssuerUnavailableError
from stageproxy.ports import Clock

FRESH_FOR = timedelta(hours=1)
"""How long keys are used without asking: a revoked one is gone after that."""
ASKED_AGAIN_AFTER = timedelta(seconds=60)
"""How often keys are fetched for key ids that are unknown: anybody can invent those."""
_DISCOVERY = ".well-known/openid-configuration"
_TIMEOUT = ClientTimeout(total=10)
_LARGEST = 2**18
_SMALLEST_KEY = 2048
"""Bits of an RSA key that is used."""
_MOST_KEYS = 32

Key = jwt.PyJWK


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of an issuer by their ids, as they were at a time."""

    keys: Mapping[str, Key]
    fetched_at: datetime


@dataclass(slots=True)
class IssuerKeys:
    """The keys of issuers. Those of one are fetched once for all who wait for them."""

    session: ClientSession
    clock: Clock
    _known: dict[str, _Keys] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def find(self, issuer: str, key_id: str) -> Key | None:
        """Return a key of an issuer that somebody trusts, or `None` if it has none with that id.

        Raise `IssuerUnavailableError` if it is not known and the issuer does not answer.
        """
        async with self._locks.setdefault(issuer, asyncio.Lock()):
            known, now = self._known.get(issuer), self.clock.now()
            age = None if known is None else abs(now - known.fetched_at)
            if known is not None and age is not None:
                is_known = key_id in known.keys
                if age < ASKED_AGAIN_AFTER or (is_known and age < FRESH_FOR):
                    return known.keys.get(key_id)
            fetched = _Keys(await self._fetch(issuer), now)
            self._known[issuer] = fetched
            return fetched.keys.get(key_id)

    async def _fetch(self, issuer: str) -> Mapping[str, Key]:
        discovered = await self._document(issuer, URL(issuer.rstrip("/")) / _DISCOVERY)
        # An issuer that gives itself another name is another one.
        if discovered.get("issuer") != issuer:
            raise IssuerUnavailableError(issuer, "its configuration is that of another issuer")
        place = discovered.get("jwks_uri")
        if not isinstance(place, str) or URL(place).scheme != "https":
            raise IssuerUnavailableError(issuer, "its configuration names no place of its keys")
        listed = (await self._document(issuer, URL(place))).get("keys")
        found = listed if isinstance(listed, list) else []
        return dict(_usable_keys(found[:_MOST_KEYS]))

    async def _document(self, issuer: str, url: URL) -> Mapping[str, object]:
        try:
            async with self.session.get(
                url, timeout=_TIMEOUT, allow_redirects=False, headers={"Accept": "application/json"}
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise IssuerUnavailableError(issuer, f"it answered with {response.status}")
                body = await response.content.read(_LARGEST + 1)
        except (ClientError, TimeoutError) as error:
            raise IssuerUnavailableError(issuer, "it cannot be reached") from error
        return _document_in(issuer, body)


def _document_in(issuer: str, body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body) if len(body) <= _LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise IssuerUnavailableError(issuer, "its answer is no JSON object")
    return document


def _usable_keys(listed: Iterable[object]) -> Iterator[tuple[str, Key]]:
    """Yield the RSA keys for signatures, by their ids. Others are of no use here."""
    for one in listed:
        if not isinstance(one, dict) or not _is_for_signatures(one):
            continue
        try:
            key = jwt.PyJWK(one, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if isinstance(key.key, RSAPublicKey) and key.key.key_size >= _SMALLEST_KEY:
            yield one["kid"], key


def _is_for_signatures(key: Mapping[str, object]) -> bool:
    return (
        key.get("kty") == "RSA"
        and isinstance(key.get("kid"), str)
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
    )
