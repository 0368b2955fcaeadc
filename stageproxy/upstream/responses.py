"""Responses of the index: their headers and bodies, and the errors of requests."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from aiohttp import ClientError, ClientResponse
from multidict import CIMultiDict

from stageproxy.core.durations import spell_duration
from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.pages import PAGE_TYPES, Document, judged_by_content
from stageproxy.core.index.simple_html import has_end
from stageproxy.core.pace import BytePace, PaceLimits
from stageproxy.ports import UpstreamResponse
from stageproxy.upstream.circuits import HostFailedError
from stageproxy.upstream.decompression import GzipDecoder, check_encoding, decoded, too_long
from stageproxy.upstream.network import reason_of

_QUICK = 2**18
_USUAL_RATIO = 10
_STATUSES_END = 600
_MOST_DIGITS = 6
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_OF_THE_BODY = frozenset({"content-length", "content-type", "content-encoding"})


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long a response may take that is passed on as it arrives, and how slow it may be."""

    total_timeout: timedelta = timedelta(hours=1)
    min_rate: int = 1000

    @property
    def pace(self) -> PaceLimits:
        """The slowest pace. Silence is the read timeout of the session."""
        return PaceLimits(stall_timeout=timedelta.max, min_rate=self.min_rate)


class TruncatedError(HostFailedError):
    """The body of a response ends too early."""


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A response of upstream as it arrives; see `ports.UpstreamResponse`."""

    status: int
    headers: Mapping[str, str]
    host: str | None
    received: AsyncIterator[bytes]
    limits: StreamLimits
    now: Callable[[], float] = time.monotonic

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body in chunks, as it is received.

        Raise `UpstreamSlowError` if it takes too long, or arrives too slowly. The time
        that a chunk takes to be sent on does not count as upstream's.
        """
        began = self.now()
        pace = BytePace(self.limits.pace, 0)
        waited, size = 0.0, 0
        with errors_translated(self.host):
            while True:
                asked = self.now()
                chunk = await anext(self.received, b"")
                waited += self.now() - asked
                size += len(chunk)
                pace.add(waited, size)
                self._check_pace(pace.fault(waited), self.now() - began)
                if not chunk:
                    return
                yield chunk

    def _check_pace(self, fault: str | None, seconds: float) -> None:
        if fault is not None:
            raise UpstreamSlowError(f"{self.host} sends too slowly: {fault}.")
        longest = self.limits.total_timeout
        if seconds > longest.total_seconds():
            raise UpstreamSlowError(
                f"The response of {self.host} takes longer than {spell_duration(longest)}."
            )


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
        return _has_length(self.response.headers)

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the decoded body in chunks of bounded size."""
        encoding = self.response.headers.get("Content-Encoding", "")
        return decoded(encoding, self.response.chunks())


def streamed(response: ClientResponse, limits: StreamLimits) -> StreamedResponse:
    """Return a response of which the headers have been received."""
    received = response.content.iter_any()
    return StreamedResponse(
        response.status, headers_of(response), response.url.host, received, limits
    )


def decoded_document(response: UpstreamResponse) -> DecodedDocument:
    """Return the document in a response. Raise `UpstreamFailedError` unless its status is 200."""
    if response.status != HTTPStatus.OK:
        msg = f"PyPI answered {response.status} to the request for a document."
        raise UpstreamFailedError(msg)
    return DecodedDocument(response)


async def received_whole(chunks: AsyncIterator[bytes], max_size: int) -> list[bytes]:
    """Return the chunks of a body of up to *max_size* bytes."""
    received = []
    size = 0
    async for chunk in chunks:
        received.append(chunk)
        size += len(chunk)
        if size > max_size:
            raise too_long(max_size)
    return received


def decompressed(chunks: Iterable[bytes], encoding: str, max_size: int) -> bytes:
    """Return the body in *chunks* without its Content-Encoding, up to *max_size* bytes."""
    check_encoding(encoding)
    if encoding.lower() != "gzip":
        return b"".join(chunks)
    decompress = GzipDecoder(max_size)
    body = b"".join([decompress(chunk) for chunk in chunks])
    if not decompress.is_complete:
        raise TruncatedError("PyPI's answer is truncated.")
    return body


def is_read_at_once(chunks: Iterable[bytes], encoding: str) -> bool:
    """Return whether a body is decompressed and digested sooner than a thread begins with it."""
    size = sum(map(len, chunks))
    return size <= (_QUICK // _USUAL_RATIO if encoding else _QUICK)


def check_is_complete(response: ClientResponse, document: Document) -> None:
    """Raise `TruncatedError` if a document without a length may be truncated.

    It would be cached under the ETag of the whole document, and never be replaced.
    """
    if not _has_length(response.headers):
        _check_end(document)


def check_is_whole(sent: Document, body: bytes | None) -> None:
    """Raise `TruncatedError` if a document was sent without its length and may be truncated.

    *body* is that of the document without its compression, `None` if that does not end.
    """
    if _has_length(sent.headers):
        return
    if body is None:
        raise TruncatedError("PyPI's page is truncated.")
    _check_end(replace(sent, body=body))


def _check_end(document: Document) -> None:
    content_type = judged_by_content(document, PAGE_TYPES).content_type.lower()
    judges = (judge for kind, judge in _HAS_END.items() if kind in content_type)
    if not next(judges, _is_anything)(document.body):
        raise TruncatedError("PyPI's page is truncated.")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _is_anything(_body: bytes) -> bool:
    return True


_HAS_END: Mapping[str, Callable[[bytes], bool]] = {
    "html": has_end,
    "json": _is_json,
    "xml": lambda body: body.rstrip().endswith(b">"),
}
"""How a whole document is told from a truncated one, by what its type contains."""


def check_status(response: ClientResponse) -> None:
    """Raise `UpstreamFailedError` if a status is none that a response can end with."""
    if not HTTPStatus.OK <= response.status < _STATUSES_END:
        raise UpstreamFailedError(f"PyPI answered {response.status}, which cannot be passed on.")


def retry_after_of(headers: Mapping[str, str]) -> str:
    """Return a Retry-After header as it is, and an empty text for an invalid one."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return text if len(text) <= _MOST_DIGITS else ""
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return ""
    return text if text.isascii() and text.isprintable() else ""


def _has_length(headers: Mapping[str, str]) -> bool:
    return not _LENGTHS.isdisjoint(name.lower() for name in headers)


def headers_of(response: ClientResponse) -> Mapping[str, str]:
    """Return each header once: several lines of a name are one list (RFC 9110, section 5.3).

    What has control characters or invalid UTF-8 is left out: it can be sent to nobody.
    """
    headers = response.headers
    values = {name: ", ".join(headers.getall(name)) for name in headers}
    return CIMultiDict(
        {name: one for name, one in values.items() if one.replace("\t", " ").isprintable()}
    )


def refreshed(known: Mapping[str, str], new: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers of a document after a 304 (RFC 9111, section 4.3.4)."""
    headers = CIMultiDict(known)
    headers.update((name, new[name]) for name in new if name.lower() not in _OF_THE_BODY)
    return headers


@contextmanager
def errors_translated(host: str | None) -> Iterator[None]:
    """Raise errors of requests to a host as our own."""
    try:
        yield
    except TimeoutError as error:
        msg = f"{host} did not answer in time."
        raise UpstreamSlowError(msg) from error
    except ClientError as error:
        msg = f"{host} cannot be reached: {reason_of(error)}."
        raise UpstreamUnavailableError(msg) from error
