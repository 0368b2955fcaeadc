"""Upstream's pages of other projects, which are passed on as they were sent."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from stageproxy.core.index.links import UrlSpace, may_leave
from stageproxy.core.index.negotiation import simple_type_of
from stageproxy.core.index.pages import Document

_GZIP = 31
_READABLE = frozenset({"", "identity", "gzip"})
_NEVER_KEPT = "no-store"
_ALWAYS_ASKED = frozenset({"no-cache", "max-age=0"})
_NOT_SHARED = frozenset({"*", "user-agent"})


@dataclass(frozen=True, slots=True)
class OtherPage:
    """A page of another project. The body of `sent` may be compressed, as its headers say.

    It `stays` as it is below every stage if no link on it would lead out of one.
    """

    sent: Document
    stays: bool

    @property
    def size(self) -> int:
        """How many bytes its body has."""
        return len(self.sent.body)


def is_page(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a response is a page on which links can be found."""
    is_simple = simple_type_of(headers.get("Content-Type", "")) is not None
    encoding = headers.get("Content-Encoding", "").strip().lower()
    return status == HTTPStatus.OK and is_simple and encoding in _READABLE


def may_be_kept(headers: Mapping[str, str]) -> bool:
    """Return whether a page may be kept for other readers.

    They send the same `Accept` and `Accept-Encoding`, and nothing else that upstream is sent
    but the name of their client.
    """
    return _NEVER_KEPT not in _directives(headers) and _NOT_SHARED.isdisjoint(
        _listed(headers, "Vary")
    )


def has_to_be_asked_for(headers: Mapping[str, str]) -> bool:
    """Return whether upstream says that a page must not be used again without a request."""
    return not _ALWAYS_ASKED.isdisjoint(_directives(headers))


def judged(sent: Document, body: bytes | None, space: UrlSpace) -> OtherPage:
    """Return a page, and whether it stays as it is. *body*: without compression, if it is known."""
    kind = sent.simple_type
    return OtherPage(sent, stays=body is None or kind is None or not may_leave(kind, body, space))


def plain_body(sent: Document, longest: int) -> bytes | None:
    """Return the body without its compression, `None` if it is longer or cannot be read."""
    if sent.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return sent.body
    inflate = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = inflate.decompress(sent.body, longest)
    except zlib.error:
        return None
    return plain if inflate.eof else None


def _directives(headers: Mapping[str, str]) -> set[str]:
    return {one.replace(" ", "") for one in _listed(headers, "Cache-Control")}


def _listed(headers: Mapping[str, str], name: str) -> set[str]:
    return {one.strip().lower() for one in headers.get(name, "").split(",")}
