"""The index over HTTP: whole documents for edits, and streams of everything else."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from itertools import count

from aiohttp import (
    ClientConnectorError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ConnectionTimeoutError,
    hdrs,
)
from yarl import URL

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.links import UrlSpace, is_web_url
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS, Redirection
from stageproxy.core.index.validators import validators_of
from stageproxy.ports import UpstreamResponse
from stageproxy.upstream.circuits import HostFailedError, Trip
from stageproxy.upstream.decompression import check_encoding
from stageproxy.upstream.network import DEFAULTS, NetworkSettings
from stageproxy.upstream.pip_index import IndexUrls, without_credentials
from stageproxy.upstream.responses import (
    StreamLimits,
    TruncatedError,
    check_is_complete,
    check_status,
    decompressed,
    errors_translated,
    headers_of,
    is_read_at_once,
    received_whole,
    refreshed,
    retry_after_of,
    streamed,
)
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized
from stageproxy.upstream.traffic import Traffic

_MOST_ATTEMPTS = 3
_FIRST_PAUSE = 0.1
_MISSING = frozenset({404, 410})
_HINT_ON_FORBIDDEN = (
    " If it does so for projects that it does not have, set upstream.forbidden_means_missing."
)


@dataclass(frozen=True, slots=True)
class _NotModified:
    """The document has not changed, but its headers may have."""

    headers: Mapping[str, str]


class _TemporaryError(HostFailedError):
    """Upstream is temporarily unavailable, so the request is retried."""


_RETRIED = (
    _TemporaryError,
    TruncatedError,
    ConnectionTimeoutError,
    ClientConnectorError,
    ClientPayloadError,
)
_NOT_AVAILABLE = {
    429: UpstreamUnavailableError,
    502: _TemporaryError,
    503: _TemporaryError,
    504: _TemporaryError,
}


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """What an index may do, and what its answers mean.

    `files_url` and `fallback_url` are other hosts to which it may redirect. An index
    redirects to the fallback for projects that it does not have; if `has_fallback` is
    false, they are missing. It `is_private` if clients cannot reach it.
    """

    files_url: str = ""
    fallback_url: str = ""
    has_fallback: bool = True
    is_private: bool = False
    forbidden_means_missing: bool = False
    network: NetworkSettings = DEFAULTS


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """How long a whole page may take, how large it may be, and what holds for streams."""

    total_timeout: timedelta
    max_page_size: int
    streams: StreamLimits = field(default_factory=StreamLimits)


class UpstreamIndex:
    """The index at *urls*. Requests are sent only to the configured origins."""

    def __init__(
        self,
        session: ClientSession,
        urls: IndexUrls,
        policy: IndexPolicy,
        limits: IndexLimits,
        traffic: Traffic,
    ) -> None:
        self._session = session
        self._root = without_credentials(urls.root)
        self._simple = without_credentials(urls.simple)
        self._middlewares = tuple(
            middleware
            for url in (urls.simple, urls.root)
            for middleware in authorized(authorization_in(url), without_credentials(url))
        )
        self._space = UrlSpace(
            str(self._root),
            str(self._simple),
            is_private=policy.is_private or bool(self._middlewares),
        )
        others = (URL(url) for url in (policy.files_url, policy.fallback_url) if url)
        self._origins = {url.origin() for url in (self._root, self._simple, *others)}
        self._policy = policy
        self._limits = limits
        self._traffic = traffic

    @property
    def site(self) -> str:
        """The URL of upstream's root for people, without credentials."""
        return str(self._root)

    @property
    def space(self) -> UrlSpace:
        """Upstream's URLs, and the paths below a stage that stand for them."""
        return self._space

    async def fetch(self, path: str, accept: str, known: Document | None = None) -> Document | None:
        """Return a whole document, `None` if upstream has none.

        *known*: a cached document, which is revalidated. A few redirects within the
        configured origins are followed.
        """
        validators = validators_of(known.headers) if known else {}
        headers = {**headers_for(accept), **validators}
        url = self._below_root(path)
        async with self._traffic.page():
            with errors_translated(url.host), self._traffic.trip(url) as trip:
                async with asyncio.timeout(self._limits.total_timeout.total_seconds()):
                    found = await self._fetch_with_retries(url, headers, trip)
                trip.arrived()
        if not isinstance(found, _NotModified):
            return found
        if not validators or known is None:
            msg = "PyPI answered 304 to an unconditional request."
            raise UpstreamFailedError(msg)
        return replace(known, headers=refreshed(known.headers, found.headers))

    async def _fetch_with_retries(
        self, url: URL, headers: Mapping[str, str], trip: Trip
    ) -> Document | _NotModified | None:
        """Fetch a document, and retry after temporary failures while the budget lasts.

        The session itself retries after a dropped connection.
        """
        self._traffic.budget.earn()
        for attempt in count(1):
            try:
                return await self._fetch(url, headers, trip)
            except _RETRIED as error:
                if attempt == _MOST_ATTEMPTS or not self._may_retry(error, trip):
                    raise
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.25, 0.75))  # noqa: S311
        raise AssertionError("the last attempt raises")

    def _may_retry(self, error: Exception, trip: Trip) -> bool:
        """Return whether a request is repeated, unless upstream has said when to return."""
        has_said_when = isinstance(error, UpstreamUnavailableError) and error.retry_after
        return not has_said_when and not trip.is_probe and self._traffic.budget.spend()

    async def _fetch(
        self, url: URL, headers: Mapping[str, str], trip: Trip
    ) -> Document | _NotModified | None:
        for _ in range(MOST_REDIRECTS + 1):
            trip.to(url)
            async with self._request(url, headers) as response:
                if response.status not in REDIRECTS:
                    return await self._document_in(response, url)
                location = response.headers.get("Location", "")
            trip.arrived()
            target = self._redirected(url, location)
            if self._is_missing(target):
                return None
            url = target
        msg = "PyPI redirects too often."
        raise UpstreamFailedError(msg)

    @asynccontextmanager
    async def open(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AsyncIterator[UpstreamResponse]:
        """Open the response to a request of a path and its query. *headers* are sent as given."""
        url = self._below_root(path)
        methods = (hdrs.METH_HEAD, hdrs.METH_GET) if only_headers else (hdrs.METH_GET,)
        async with self._traffic.stream(), AsyncExitStack() as stack:
            # Later errors are raised by the response itself, or concern the client.
            with errors_translated(url.host), self._traffic.trip(url) as trip:
                for method in methods:
                    asked = self._request(url, headers, method)
                    response = await stack.enter_async_context(asked)
                    if response.ok:
                        break
                check_status(response)
                # An error of one path is no failure of its host: readers choose the path.
                if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    trip.arrived()
            yield streamed(response, self._limits.streams)

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return the target of upstream's redirect from the path *asked*."""
        target = _target_of(self._below_root(asked), location)
        return Redirection(
            str(target),
            self.space.path_of(str(target)),
            is_known=target.origin() in self._origins,
            is_downgrade=(self._root.scheme, target.scheme) == ("https", "http"),
        )

    def _below_root(self, path: str) -> URL:
        """Return the URL of a path, which is neither decoded nor normalized."""
        url = URL(self.space.url_of(path), encoded=True)
        if url.origin() not in self._origins:
            msg = "The path leads to a different host than PyPI."
            raise UpstreamFailedError(msg)
        return url

    def _request(
        self, url: URL, headers: Mapping[str, str], method: str = hdrs.METH_GET
    ) -> AbstractAsyncContextManager[ClientResponse]:
        return self._session.request(
            method,
            url,
            headers=headers,
            allow_redirects=False,
            middlewares=self._middlewares,
            ssl=not self._policy.network.trusts(url),
        )

    def _redirected(self, url: URL, location: str) -> URL:
        target = _target_of(url, location)
        if target.origin() not in self._origins:
            msg = (
                f"PyPI redirects to {target.host}, which is not one of its configured hosts. If it "
                "does so for projects that it does not have, set upstream.fallback_url."
            )
            raise UpstreamFailedError(msg)
        return target

    def _is_missing(self, target: URL) -> bool:
        """Return whether a redirect says that this index does not have a project."""
        if self._policy.has_fallback or not self._policy.fallback_url:
            return False
        return target.origin() == URL(self._policy.fallback_url).origin()

    async def _document_in(
        self, response: ClientResponse, url: URL
    ) -> Document | _NotModified | None:
        if response.status == HTTPStatus.NOT_MODIFIED:
            return _NotModified(headers_of(response))
        is_forbidden = response.status == HTTPStatus.FORBIDDEN
        if response.status in _MISSING or (is_forbidden and self._policy.forbidden_means_missing):
            return None
        if response.status in _NOT_AVAILABLE:
            msg = f"PyPI is not available at the moment (it answered {response.status})."
            retry_after = retry_after_of(response.headers)
            raise _NOT_AVAILABLE[response.status](msg, retry_after=retry_after)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise HostFailedError(f"PyPI answered {response.status} to the request for a document.")
        if response.status != HTTPStatus.OK:
            hint = _HINT_ON_FORBIDDEN if is_forbidden else ""
            msg = f"PyPI answered {response.status} to the request for a document.{hint}"
            raise UpstreamFailedError(msg)
        headers = headers_of(response)
        encoding = response.headers.get("Content-Encoding", "")
        check_encoding(encoding)
        chunks = await received_whole(response.content.iter_any(), self._limits.max_page_size)

        def read() -> Document:
            body = decompressed(chunks, encoding, self._limits.max_page_size)
            kind = headers.get("Content-Type", "")
            document = Document(body, digest_of(body), kind, str(url), headers)
            check_is_complete(response, document)
            return document

        return read() if is_read_at_once(chunks, encoding) else await asyncio.to_thread(read)


def headers_for(accept: str) -> dict[str, str]:
    """Return the headers of a request for a document."""
    return {"Accept": accept or "*/*", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}


def _target_of(url: URL, location: str) -> URL:
    """Return the absolute target of a redirect. Raise `UpstreamFailedError` if it is invalid."""
    msg = "PyPI redirects to an invalid URL."
    try:
        target = url.join(URL(location, encoded=True))
        is_valid = is_web_url(str(target)) and target.port
    except ValueError as error:
        raise UpstreamFailedError(msg) from error
    if not is_valid:
        raise UpstreamFailedError(msg)
    return target
