"""Here is how upstream is read: whole pages to be edited, anything else as a stream."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import ClientError, ClientResponse, ClientSession, encode_basic_auth
from multidict import CIMultiDict
from yarl import URL

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.negotiation import SimpleType, simple_type_of
from stageproxy.core.index.pages import Page
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.index.simple_html import has_end
from stageproxy.ports import Answer
from stageproxy.upstream.pip_index import IndexUrls, without_credentials
from stageproxy.upstream.session import USER_AGENT

_CHUNK = 2**18
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_AVAILABLE = frozenset({429, 503})
_MISSING = frozenset({404, 410})


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
        self._authorization = _authorization(urls.root)
        self._origins = {url.origin() for url in (self._root, self._simple)}
        if files_url:
            self._origins.add(URL(files_url).origin())
        self._total_timeout = total_timeout
        self._max_page_size = max_page_size

    async def find_page(self, project: str, accept: str) -> Page | None:
        """Return a project's page of the simple API; nothing if upstream has no such project.

        Redirects are followed, a few times and within the configured origins.
        """
        url = self._simple / f"{project}/"
        with _failures_told():
            async with asyncio.timeout(self._total_timeout.total_seconds()):
                return await self._find_page(url, accept or "*/*")

    async def _find_page(self, url: URL, accept: str) -> Page | None:
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._request("GET", url, headers) as response:
                if response.status not in _REDIRECTS:
                    return await self._page_in(response, url)
                location = response.headers.get("Location", "")
            url = self._followed(url, location)
        msg = "PyPI redirects in circles."
        raise UpstreamFailedError(msg)

    @asynccontextmanager
    async def open(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """Ask upstream for a path, query included, with headers that are fit to be passed on."""
        url = self._below_root(path)
        with _failures_told():
            async with self._request(method, url, headers) as response:
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
            msg = "The path leads away from PyPI."
            raise UpstreamFailedError(msg)
        return url

    def _request(
        self, method: str, url: URL, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ClientResponse]:
        own = self._authorization if url.origin() == self._root.origin() else {}
        return self._session.request(method, url, headers={**headers, **own}, allow_redirects=False)

    def _followed(self, url: URL, location: str) -> URL:
        target = _target_of(url, location)
        if target.origin() not in self._origins:
            msg = f"PyPI redirects to {target.host}, which is not a configured host of it."
            raise UpstreamFailedError(msg)
        return target

    async def _page_in(self, response: ClientResponse, url: URL) -> Page | None:
        if response.status in _MISSING:
            return None
        if response.status in _NOT_AVAILABLE:
            msg = f"PyPI is not available at the moment (it answers {response.status})."
            raise UpstreamUnavailableError(msg)
        if response.status != 200:  # noqa: PLR2004 - the one success that has a page
            msg = f"PyPI answers {response.status} where its page of the project should be."
            raise UpstreamFailedError(msg)
        content_type = response.headers.get("Content-Type", "")
        kind = simple_type_of(content_type)
        if kind is None:
            msg = f"PyPI answers with {content_type or 'no type'} where a page should be."
            raise UpstreamFailedError(msg)
        body = await self._body_of(response)
        _check_is_whole(response, kind, body)
        return Page(body, kind, content_type, str(url), _headers_of(response))

    async def _body_of(self, response: ClientResponse) -> bytes:
        """Return the body, unpacked and no longer than allowed."""
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding not in {"identity", "gzip", ""}:
            msg = f"PyPI answers in an encoding that was not asked for: {encoding}."
            raise UpstreamFailedError(msg)
        unpack = _Unpacker(self._max_page_size) if encoding == "gzip" else None
        pieces = []
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            piece = unpack(chunk) if unpack else chunk
            size += len(piece)
            if size > self._max_page_size:
                raise _too_long(self._max_page_size)
            pieces.append(piece)
        if unpack and not unpack.is_done:
            msg = "PyPI's answer is cut off."
            raise UpstreamFailedError(msg)
        return b"".join(pieces)


class _Unpacker:
    """gzip, unpacked piece by piece, and never more than allowed."""

    def __init__(self, longest: int) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._left = longest

    @property
    def is_done(self) -> bool:
        return self._inflate.eof

    def __call__(self, chunk: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(chunk, self._left + 1)
        except zlib.error as error:
            msg = "PyPI's answer cannot be unpacked."
            raise UpstreamFailedError(msg) from error
        self._left -= len(piece)
        if self._left < 0:
            raise _too_long(len(piece))
        return piece


def _headers_of(response: ClientResponse) -> Mapping[str, str]:
    """Return each header once: several lines of a name are one list (RFC 9110, section 5.3)."""
    headers = response.headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in headers})


def _target_of(url: URL, location: str) -> URL:
    """Return where a redirect leads, which upstream may have spelled in any way."""
    msg = "PyPI redirects to something that is no URL of a web server."
    try:
        target = url.join(URL(location, encoded=True))
        is_complete = target.host and target.port
    except ValueError as error:
        raise UpstreamFailedError(msg) from error
    if not is_complete:
        raise UpstreamFailedError(msg)
    return target


def _check_is_whole(response: ClientResponse, kind: SimpleType, body: bytes) -> None:
    """Refuse a page that may be cut off: without a length, only its own end can tell."""
    has_length = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if not has_length and kind is not SimpleType.V1_JSON and not has_end(body):
        msg = "PyPI's page is cut off."
        raise UpstreamFailedError(msg)


def _too_long(longest: int) -> UpstreamFailedError:
    return UpstreamFailedError(f"PyPI's page is longer than {longest} bytes.")


def _authorization(url: URL) -> dict[str, str]:
    if url.user is None:
        return {}
    return {"Authorization": encode_basic_auth(url.user, url.password or "")}


@contextmanager
def _failures_told() -> Iterator[None]:
    """Say in our words what goes wrong on the way to upstream and back."""
    try:
        yield
    except TimeoutError as error:
        msg = "PyPI did not answer in time."
        raise UpstreamSlowError(msg) from error
    except ClientError as error:
        msg = f"PyPI cannot be reached, or breaks off ({type(error).__name__})."
        raise UpstreamUnavailableError(msg) from error
