"""The index over HTTP: whole documents for edits, and streams of everything else."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ConnectionTimeoutError,
    hdrs,
)
from multidict import CIMultiDict
from yarl import URL

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.pages import PAGE_TYPES, Document, digest_of, judged_by_content
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.index.simple_html import has_end
from stageproxy.ports import UpstreamResponse
from stageproxy.upstream.decompression import GzipDecoder, check_encoding, decoded, too_long
from stageproxy.upstream.network import DEFAULTS, NetworkSettings, reason_of
from stageproxy.upstream.pip_index import IndexUrls, without_credentials
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized

_CHUNK = 2**18
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIES = 2
_FIRST_PAUSE = 0.1
_MISSING = frozenset({404, 410})
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_HINT_ON_FORBIDDEN = (
    " If it does so for projects that it does not have, set upstream.forbidden_means_missing."
)
_OF_THE_BODY = frozenset({"content-length", "content-type", "content-encoding"})


@dataclass(frozen=True, slots=True)
class _NotModified:
    """The document has not changed, but its headers may have."""

    headers: Mapping[str, str]


class _TemporaryError(UpstreamUnavailableError):
    """Upstream is temporarily unavailable, so the request is retried."""


@dataclass(frozen=True, slots=True)
class _StreamedResponse:
    """A response of upstream as it arrives; see `ports.UpstreamResponse`."""

    status: int
    headers: Mapping[str, str]
    response: ClientResponse

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body in chunks, as it is received."""
        with _errors_translated(self.response.url.host):
            async for chunk in self.response.content.iter_chunked(_CHUNK):
                yield chunk


@dataclass(frozen=True, slots=True)
class DecodedDocument:
    """A document that is decoded as it arrives; see `ports.StreamedDocument`."""

    response: UpstreamResponse

    @property
    def content_type(self) -> str:
        """The whole Content-Type header; empty if there is none."""
        return self.response.headers.get("Content-Type", "")

    @property
    def has_length(self) -> bool:
        """Whether the response has a length, so that a truncated body is an error."""
        return not _LENGTHS.isdisjoint(name.lower() for name in self.response.headers)

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the decoded body in chunks of bounded size."""
        encoding = self.response.headers.get("Content-Encoding", "")
        return decoded(encoding, self.response.chunks())


_RETRIED = (_TemporaryError, ConnectionTimeoutError, ClientConnectorError, ClientPayloadError)
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


class UpstreamIndex:
    """The index at *urls*. Requests are sent only to the configured origins."""

    def __init__(
        self,
        session: ClientSession,
        urls: IndexUrls,
        policy: IndexPolicy,
        *,
        total_timeout: timedelta,
        max_page_size: int,
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
        self._total_timeout = total_timeout
        self._max_page_size = max_page_size

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
        etag = known.headers.get("ETag") if known else None
        headers = headers_for(accept)
        if etag:
            headers["If-None-Match"] = etag
        url = self._below_root(path)
        with _errors_translated(url.host):
            async with asyncio.timeout(self._total_timeout.total_seconds()):
                found = await self._fetch_with_retries(url, headers)
        if not isinstance(found, _NotModified):
            return found
        if not etag or known is None:
            msg = "PyPI answered 304 to an unconditional request."
            raise UpstreamFailedError(msg)
        return replace(known, headers=_refreshed(known.headers, found.headers))

    async def _fetch_with_retries(
        self, url: URL, headers: Mapping[str, str]
    ) -> Document | _NotModified | None:
        """Fetch a document, and retry after temporary failures.

        The session itself retries after a dropped connection.
        """
        for attempt in range(_RETRIES):
            try:
                return await self._fetch(url, headers)
            except _RETRIED:
                await asyncio.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        return await self._fetch(url, headers)

    async def _fetch(self, url: URL, headers: Mapping[str, str]) -> Document | _NotModified | None:
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._request(url, headers) as response:
                if response.status not in _REDIRECTS:
                    return await self._document_in(response, url)
                location = response.headers.get("Location", "")
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
        async with AsyncExitStack() as stack:
            # Later errors are raised by the response itself, or concern the client.
            with _errors_translated(url.host):
                for method in methods:
                    asked = self._request(url, headers, method)
                    response = await stack.enter_async_context(asked)
                    if response.ok:
                        break
            yield _StreamedResponse(response.status, _headers_of(response), response)

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
            return _NotModified(_headers_of(response))
        is_forbidden = response.status == HTTPStatus.FORBIDDEN
        if response.status in _MISSING or (is_forbidden and self._policy.forbidden_means_missing):
            return None
        if response.status in _NOT_AVAILABLE:
            msg = f"PyPI is not available at the moment (it answered {response.status})."
            raise _NOT_AVAILABLE[response.status](msg)
        if response.status != HTTPStatus.OK:
            hint = _HINT_ON_FORBIDDEN if is_forbidden else ""
            msg = f"PyPI answered {response.status} to the request for a document.{hint}"
            raise UpstreamFailedError(msg)
        content_type = response.headers.get("Content-Type", "")
        body = await self._body_of(response)
        digest = await asyncio.to_thread(digest_of, body)
        document = Document(body, digest, content_type, str(url), _headers_of(response))
        _check_is_complete(response, document)
        return document

    async def _body_of(self, response: ClientResponse) -> bytes:
        """Return the decompressed body, up to the size limit."""
        encoding = response.headers.get("Content-Encoding", "").lower()
        check_encoding(encoding)
        decompress = GzipDecoder(self._max_page_size) if encoding == "gzip" else None
        chunks = []
        size = 0
        async for received in response.content.iter_chunked(_CHUNK):
            chunk = decompress(received) if decompress else received
            size += len(chunk)
            if size > self._max_page_size:
                raise too_long(self._max_page_size)
            chunks.append(chunk)
        if decompress and not decompress.is_complete:
            msg = "PyPI's answer is truncated."
            raise UpstreamFailedError(msg)
        return b"".join(chunks)


def headers_for(accept: str) -> dict[str, str]:
    """Return the headers of a request for a document."""
    return {"Accept": accept or "*/*", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}


def decoded_document(response: UpstreamResponse) -> DecodedDocument:
    """Return the document in a response. Raise `UpstreamFailedError` unless its status is 200."""
    if response.status != HTTPStatus.OK:
        msg = f"PyPI answered {response.status} to the request for a document."
        raise UpstreamFailedError(msg)
    return DecodedDocument(response)


def _headers_of(response: ClientResponse) -> Mapping[str, str]:
    """Return each header once: several lines of a name are one list (RFC 9110, section 5.3)."""
    headers = response.headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in headers})


def _refreshed(known: Mapping[str, str], new: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers of a document after a 304 (RFC 9111, section 4.3.4)."""
    headers = CIMultiDict(known)
    headers.update((name, new[name]) for name in new if name.lower() not in _OF_THE_BODY)
    return headers


def _target_of(url: URL, location: str) -> URL:
    """Return the absolute target of a redirect. Raise `UpstreamFailedError` if it is invalid."""
    msg = "PyPI redirects to an invalid URL."
    try:
        target = url.join(URL(location, encoded=True))
        is_complete = target.host and target.port
    except ValueError as error:
        raise UpstreamFailedError(msg) from error
    if not is_complete:
        raise UpstreamFailedError(msg)
    return target


def _check_is_complete(response: ClientResponse, document: Document) -> None:
    """Raise `UpstreamFailedError` if an HTML page without a length may be truncated.

    Truncated JSON and XML are invalid, and are refused when they are parsed.
    """
    has_length = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    content_type = judged_by_content(document, PAGE_TYPES).content_type.lower()
    if not has_length and "html" in content_type and not has_end(document.body):
        msg = "PyPI's page is truncated."
        raise UpstreamFailedError(msg)


@contextmanager
def _errors_translated(host: str | None) -> Iterator[None]:
    """Raise errors of requests to a host as our own."""
    try:
        yield
    except TimeoutError as error:
        msg = f"{host} did not answer in time."
        raise UpstreamSlowError(msg) from error
    except ClientError as error:
        msg = f"{host} cannot be reached: {reason_of(error)}."
        raise UpstreamUnavailableError(msg) from error
