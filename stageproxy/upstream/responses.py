"""Responses of the index: their headers and bodies, and the errors of requests."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import ClientError, ClientResponse
from multidict import CIMultiDict

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.pages import PAGE_TYPES, Document, judged_by_content
from stageproxy.core.index.simple_html import has_end
from stageproxy.ports import UpstreamResponse
from stageproxy.upstream.decompression import GzipDecoder, check_encoding, decoded, too_long
from stageproxy.upstream.network import reason_of

_CHUNK = 2**18
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_OF_THE_BODY = frozenset({"content-length", "content-type", "content-encoding"})


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A response of upstream as it arrives; see `ports.UpstreamResponse`."""

    status: int
    headers: Mapping[str, str]
    response: ClientResponse

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body in chunks, as it is received."""
        with errors_translated(self.response.url.host):
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
        return _has_length(self.response.headers)

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the decoded body in chunks of bounded size."""
        encoding = self.response.headers.get("Content-Encoding", "")
        return decoded(encoding, self.response.chunks())


def decoded_document(response: UpstreamResponse) -> DecodedDocument:
    """Return the document in a response. Raise `UpstreamFailedError` unless its status is 200."""
    if response.status != HTTPStatus.OK:
        msg = f"PyPI answered {response.status} to the request for a document."
        raise UpstreamFailedError(msg)
    return DecodedDocument(response)


async def body_of(response: ClientResponse, max_size: int) -> bytes:
    """Return the decompressed body, up to *max_size* bytes."""
    encoding = response.headers.get("Content-Encoding", "").lower()
    check_encoding(encoding)
    decompress = GzipDecoder(max_size) if encoding == "gzip" else None
    chunks = []
    size = 0
    async for received in response.content.iter_chunked(_CHUNK):
        chunk = decompress(received) if decompress else received
        size += len(chunk)
        if size > max_size:
            raise too_long(max_size)
        chunks.append(chunk)
    if decompress and not decompress.is_complete:
        msg = "PyPI's answer is truncated."
        raise UpstreamFailedError(msg)
    return b"".join(chunks)


def check_is_complete(response: ClientResponse, document: Document) -> None:
    """Raise `UpstreamFailedError` if an HTML page without a length may be truncated.

    Truncated JSON and XML are invalid, and are refused when they are parsed.
    """
    content_type = judged_by_content(document, PAGE_TYPES).content_type.lower()
    if not _has_length(response.headers) and "html" in content_type and not has_end(document.body):
        msg = "PyPI's page is truncated."
        raise UpstreamFailedError(msg)


def _has_length(headers: Mapping[str, str]) -> bool:
    return not _LENGTHS.isdisjoint(name.lower() for name in headers)


def headers_of(response: ClientResponse) -> Mapping[str, str]:
    """Return each header once: several lines of a name are one list (RFC 9110, section 5.3)."""
    headers = response.headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in headers})


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
