"""Trusted Publishing: short-lived tokens in exchange for the identity of a CI job."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.core.promotion.replies import one_line
from stageproxy.core.rights import TOKEN_USER, Credential
from stageproxy.core.rules.attestations import workflow_of
from stageproxy.ports import Clock
from stageproxy.upstream.pip_index import without_credentials
from stageproxy.upstream.session import USER_AGENT

_LIFETIME = timedelta(minutes=15)
_RENEW_BEFORE = timedelta(minutes=5)
_TIMEOUT = ClientTimeout(total=30)
_FOUND = 200
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": USER_AGENT,
}

Identify = Callable[[str], Awaitable[str]]
"""A function that returns the job's identity for an audience, or raises `StageproxyError`."""


@dataclass(frozen=True, slots=True)
class _Minted:
    credential: Credential
    workflow: str | None
    expires_at: datetime


@dataclass(slots=True)
class TrustedPublisher:
    """Mints tokens at the index with the upload API *repository*; see `ports.Credentials`."""

    session: ClientSession
    repository: URL
    identify: Identify = field(repr=False)
    clock: Clock
    _minted: _Minted | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def workflow(self) -> str | None:
        """The workflow in the identity of the latest token, `None` if it has none."""
        return self._minted.workflow if self._minted else None

    async def get(self) -> Credential:
        """Return a token that is valid for at least five more minutes."""
        async with self._lock:
            now = self.clock.now()
            if self._minted is None or now >= self._minted.expires_at - _RENEW_BEFORE:
                self._minted = await self._mint(now)
            return self._minted.credential

    async def _mint(self, now: datetime) -> _Minted:
        audience = (await self._request("GET", "audience")).get("audience")
        if not isinstance(audience, str):
            raise self._failed("did not return the audience for an identity token")
        identity = await self.identify(audience)
        answer = await self._request("POST", "mint-token", identity)
        token = answer.get("token")
        if not isinstance(token, str) or not token:
            raise self._failed("did not return a token")
        expires_at = min(_expiry_in(answer) or now + _LIFETIME, now + _LIFETIME)
        return _Minted(Credential(TOKEN_USER, token), workflow_of(identity), expires_at)

    async def _request(
        self, method: str, name: str, identity: str | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON of an endpoint below the root of the host.

        Errors do not contain the identity, which is a secret.
        """
        url = without_credentials(self.repository).origin() / "_/oidc" / name
        body = None if identity is None else {"token": identity}
        try:
            async with self.session.request(
                method, url, json=body, headers=_HEADERS, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                status, text = response.status, await response.text(errors="replace")
        except (ClientError, TimeoutError) as error:
            sentence = f"{url} cannot be reached ({type(error).__name__})."
            raise UpstreamUnavailableError(sentence) from error
        document = _document_in(text)
        if status != _FOUND:
            text = "; ".join(_reasons_in(document)).replace(identity or "\0", "***")
            reason = f": {one_line(text).removesuffix('.')}" if text else ""
            failed = self._failed(f"answered {status} to {name}{reason}")
            raise UpstreamUnavailableError(failed.sentence) if _is_temporary(status) else failed
        return document

    def _failed(self, what: str) -> UpstreamFailedError:
        host = self.repository.host
        return UpstreamFailedError(f"Trusted Publishing failed: {host} {what}.")


def _is_temporary(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS


def _document_in(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _reasons_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Return the reasons for which an index refused an identity."""
    if isinstance(message := document.get("message"), str):
        yield message
    errors = document.get("errors")
    for one in errors if isinstance(errors, list) else ():
        if isinstance(one, dict) and isinstance(description := one.get("description"), str):
            yield description


def _expiry_in(answer: Mapping[str, Any]) -> datetime | None:
    """Return when a token expires, `None` if the answer has no valid time."""
    try:
        return datetime.fromtimestamp(answer["expires"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
