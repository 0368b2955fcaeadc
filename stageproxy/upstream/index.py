"""Here is how upstream is read: whole pages to be edited, anything else as a stream."""

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
)
from multidict import CIMultiDict
from yarl import URL

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.index.simple_html import has_end
from stageproxy.ports import UpstreamResponse
from stageproxy.upstream.authorizing import authorization_in, authorized
from stageproxy.upstream.pip_index import IndexUrls, without_credentials
from stageproxy.upstream.session import USER_AGENT
from stageproxy.upstream.unpacking import Unpacker, check_encoding, decoded, too_long

_CHUNK = 2**18
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIES = 2
_FIRST_PAUSE = 0.1
_MISSING = frozenset({404, 410})
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_OF_THE_BODY = frozenset({"content-length", "content-type", "content-encoding"})


@dataclass(frozen=True, slots=True)
class _NotModified:
    """The document is still the one we have; what is said of it may be new."""

    headers: Mapping[str, str]


class _MomentaryError(UpstreamUnavailableError):
    """Upstream says that it is not available; in a moment it may be."""


@dataclass(frozen=True, slots=True)
class _StreamedAnswer:
    """What upstream answers, as it comes in; see `ports.Answer`."""

    status: int
    headers: Mapping[str, str]
    response: ClientResponse

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body, piece by piece, just as it came over the wire."""
        with _failures_told():
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
        """Whether upstream announced how long the body is."""
        return not _LENGTHS.isdisjoint(name.lower() for name in self.response.headers)

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the decoded body in chunks of bounded size."""
        encoding = self.response.headers.get("Content-Encoding", "")
        return decoded(encoding, self.response.chunks())


_RETRIED = (_MomentaryError, ConnectionTimeoutError, ClientConnectorError, ClientPayloadError)
_NOT_AVAILABLE = {
    429: UpstreamUnavailableError,
    502: _MomentaryError,
    503: _MomentaryError,
    504: _MomentaryError,
}


class UpstreamIndex:
    """The index at *urls*. Nothing but the configured origins is ever asked."""

    def __init__(
        self,
        session: ClientSession,
        urls: IndexUrls,
        *,
        files_url: str,
        total_timeout: timedelta,
        max_page_size: int,
    ) -> None:
        self._session = session
        self._root = without_credentials(urls.root)
        self._simple = without_credentials(urls.simple)
        self._middlewares = authorized(authorization_in(urls.root), self._root)
        self._origins = {url.origin() for url in (self._root, self._simple)}
        if files_url:
            self._origins.add(URL(files_url).origin())
        self._total_timeout = total_timeout
        self._max_page_size = max_page_size

    @property
    def site(self) -> str:
        """Where people see upstream: its `/`, without credentials."""
        return str(self._root)

    async def fetch(self, path: str, accept: str, known: Document | None = None) -> Document | None:
        """Return a whole document: *known* itself if it is still that, none if upstream has none.

        Redirects are followed, a few times and within the configured origins.
        """
        etag = known.headers.get("ETag") if known else None
        headers = headers_for(accept)
        if etag:
            headers["If-None-Match"] = etag
        with _failures_told():
            async with asyncio.timeout(self._total_timeout.total_seconds()):
                found = await self._fetch_patiently(self._below_root(path), headers)
        if not isinstance(found, _NotModified):
            return found
        if not etag or known is None:
            msg = "PyPI answered 304 to an unconditional request."
            raise UpstreamFailedError(msg)
        return replace(known, headers=_refreshed(known.headers, found.headers))

    async def _fetch_patiently(
        self, url: URL, headers: Mapping[str, str]
    ) -> Document | _NotModified | None:
        """Ask again where it may have been a moment's weakness.

        After a dropped connection the session has asked again already.
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
            url = self._followed(url, location)
        msg = "PyPI redirects too often."
        raise UpstreamFailedError(msg)

    @asynccontextmanager
    async def open(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[UpstreamResponse]:
        """Ask upstream for a path, query included, with headers that are fit to be passed on."""
        url = self._below_root(path)
        async with AsyncExitStack() as stack:
            # What goes wrong later is told by the answer itself, or is the client's affair.
            with _failures_told():
                response = await stack.enter_async_context(self._request(url, headers))
            yield _StreamedAnswer(response.status, _headers_of(response), response)

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return where a redirect leads that upstream answered to the path *asked*."""
        target = _target_of(self._below_root(asked), location)
        url, root, simple = str(target), str(self._root), str(self._simple)
        path = None
        if url.startswith(simple):
            path = "simple/" + url.removeprefix(simple)
        elif url.startswith(root):
            path = url.removeprefix(root)
        return Redirection(url, path, is_known=target.origin() in self._origins)

    def _below_root(self, path: str) -> URL:
        """Return the URL of a path as it is spelled: neither decoded nor tidied."""
        base = self._simple if path.startswith("simple/") else self._root
        rest = path.removeprefix("simple/") if base is self._simple else path
        url = URL(str(base) + rest, encoded=True)
        if url.origin() not in self._origins:
            msg = "The path leads to a different host than PyPI."
            raise UpstreamFailedError(msg)
        return url

    def _request(
        self, url: URL, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ClientResponse]:
        return self._session.get(
            url, headers=headers, allow_redirects=False, middlewares=self._middlewares
        )

    def _followed(self, url: URL, location: str) -> URL:
        target = _target_of(url, location)
        if target.origin() not in self._origins:
            msg = f"PyPI redirects to {target.host}, which is not one of its configured hosts."
            raise UpstreamFailedError(msg)
        return target

    async def _document_in(
        self, response: ClientResponse, url: URL
    ) -> Document | _NotModified | None:
        if response.status == HTTPStatus.NOT_MODIFIED:
            return _NotModified(_headers_of(response))
        if response.status in _MISSING:
            return None
        if response.status in _NOT_AVAILABLE:
            msg = f"PyPI is not available at the moment (it answered {response.status})."
            raise _NOT_AVAILABLE[response.status](msg)
        if response.status != HTTPStatus.OK:
            msg = f"PyPI answered {response.status} to the request for a document."
            raise UpstreamFailedError(msg)
        content_type = response.headers.get("Content-Type", "")
        body = await self._body_of(response)
        _check_is_whole(response, content_type, body)
        digest = await asyncio.to_thread(digest_of, body)
        return Document(body, digest, content_type, str(url), _headers_of(response))

    async def _body_of(self, response: ClientResponse) -> bytes:
        """Return the body, unpacked and no longer than allowed."""
        encoding = response.headers.get("Content-Encoding", "").lower()
        check_encoding(encoding)
        unpack = Unpacker(self._max_page_size) if encoding == "gzip" else None
        pieces = []
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            piece = unpack(chunk) if unpack else chunk
            size += len(piece)
            if size > self._max_page_size:
                raise too_long(self._max_page_size)
            pieces.append(piece)
        if unpack and not unpack.is_done:
            msg = "PyPI's answer is truncated."
            raise UpstreamFailedError(msg)
        return b"".join(pieces)


def headers_for(accept: str) -> dict[str, str]:
    """Return the headers of a request of our own."""
    return {"Accept": accept or "*/*", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}


def decoded_document(response: UpstreamResponse) -> DecodedDocument:
    """Return the document in an answer. Raise `UpstreamFailedError` unless its status is 200."""
    if response.status != HTTPStatus.OK:
        msg = f"PyPI answered {response.status} to the request for a document."
        raise UpstreamFailedError(msg)
    return DecodedDocument(response)


def _headers_of(response: ClientResponse) -> Mapping[str, str]:
    """Return each header once: several lines of a name are one list (RFC 9110, section 5.3)."""
    headers = response.headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in headers})


def _refreshed(known: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    """Return what is said of a document after a 304 (RFC 9111, section 4.3.4)."""
    headers = CIMultiDict(known)
    headers.update((name, said[name]) for name in said if name.lower() not in _OF_THE_BODY)
    return headers


def _target_of(url: URL, location: str) -> URL:
    """Return where a redirect leads, which upstream may have spelled in any way."""
    msg = "PyPI redirects to an invalid URL."
    try:
        target = url.join(URL(location, encoded=True))
        is_complete = target.host and target.port
    except ValueError as error:
        raise UpstreamFailedError(msg) from error
    if not is_complete:
        raise UpstreamFailedError(msg)
    return target


def _check_is_whole(response: ClientResponse, content_type: str, body: bytes) -> None:
    """Refuse a document that may be cut off: without a length, only its own end can tell.

    JSON and XML are read later; cut off, they make no sense.
    """
    has_length = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if not has_length and "html" in content_type.lower() and not has_end(body):
        msg = "PyPI's page is truncated."
        raise UpstreamFailedError(msg)


@contextmanager
def _failures_told() -> Iterator[None]:
    """Say in our words what goes wrong on the way to upstream and back."""
    try:
        yield
    except TimeoutError as error:
        msg = "PyPI did not answer in time."
        raise UpstreamSlowError(msg) from error
    except ClientError as error:
        msg = f"PyPI cannot be reached, or the connection was lost ({type(error).__name__})."
        raise UpstreamUnavailableError(msg) from error
