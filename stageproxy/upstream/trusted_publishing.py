"""Here is how a CI job publishes without a secret: its identity, exchanged for a short token."""

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
_PATIENCE = ClientTimeout(total=30)
_FOUND = 200
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": USER_AGENT,
}

Identify = Callable[[str], Awaitable[str]]
"""Returns the identity of the job for an audience; raises `StageproxyError` if there is none."""


@dataclass(frozen=True, slots=True)
class _Minted:
    credential: Credential
    workflow: str | None
    ends_at: datetime


@dataclass(slots=True)
class TrustedPublisher:
    """Mints tokens at the index that has the upload API *repository*; see `ports.Credentials`."""

    session: ClientSession
    repository: URL
    identify: Identify = field(repr=False)
    clock: Clock
    _minted: _Minted | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def workflow(self) -> str | None:
        """The workflow that the latest token was minted for, if its identity names one."""
        return self._minted.workflow if self._minted else None

    async def get(self) -> Credential:
        """Return a token that is good for minutes still."""
        async with self._turn:
            now = self.clock.now()
            if self._minted is None or now >= self._minted.ends_at - _RENEW_BEFORE:
                self._minted = await self._mint(now)
            return self._minted.credential

    async def _mint(self, now: datetime) -> _Minted:
        audience = (await self._ask("GET", "audience")).get("audience")
        if not isinstance(audience, str):
            raise self._failed("did not return the audience for an identity token")
        identity = await self.identify(audience)
        answer = await self._ask("POST", "mint-token", identity)
        token = answer.get("token")
        if not isinstance(token, str) or not token:
            raise self._failed("did not return a token")
        ends_at = min(_ending_in(answer) or now + _LIFETIME, now + _LIFETIME)
        return _Minted(Credential(TOKEN_USER, token), workflow_of(identity), ends_at)

    async def _ask(self, method: str, name: str, identity: str | None = None) -> Mapping[str, Any]:
        """Return what an endpoint at the root of the host answers. No failure has the identity."""
        url = without_credentials(self.repository).origin() / "_/oidc" / name
        body = None if identity is None else {"token": identity}
        try:
            async with self.session.request(
                method, url, json=body, headers=_HEADERS, timeout=_PATIENCE, allow_redirects=False
            ) as response:
                status, text = response.status, await response.text(errors="replace")
        except (ClientError, TimeoutError) as error:
            sentence = f"{url} cannot be reached ({type(error).__name__})."
            raise UpstreamUnavailableError(sentence) from error
        document = _document_in(text)
        if status != _FOUND:
            said = "; ".join(_reasons_in(document)).replace(identity or "\0", "***")
            told = f": {one_line(said).removesuffix('.')}" if said else ""
            failed = self._failed(f"answered {status} to {name}{told}")
            raise UpstreamUnavailableError(failed.sentence) if _is_momentary(status) else failed
        return document

    def _failed(self, what: str) -> UpstreamFailedError:
        host = self.repository.host
        return UpstreamFailedError(f"Trusted Publishing failed: {host} {what}.")


def _is_momentary(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS


def _document_in(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _reasons_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Return what an index has against an identity."""
    if isinstance(message := document.get("message"), str):
        yield message
    errors = document.get("errors")
    for one in errors if isinstance(errors, list) else ():
        if isinstance(one, dict) and isinstance(description := one.get("description"), str):
            yield description


def _ending_in(answer: Mapping[str, Any]) -> datetime | None:
    """Return when a token ends, in seconds since 1970."""
    try:
        return datetime.fromtimestamp(answer["expires"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
