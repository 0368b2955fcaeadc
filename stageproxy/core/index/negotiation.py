"""Content negotiation by the Accept header."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote


class SimpleType(StrEnum):
    """The media types of the simple API, in PyPI's order."""

    HTML = "text/html"
    V1_HTML = "application/vnd.pypi.simple.v1+html"
    V1_JSON = "application/vnd.pypi.simple.v1+json"


_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110, section 12.4.2
ACCEPT_FOR: Mapping[SimpleType, str] = {
    SimpleType.V1_JSON: (
        f"{SimpleType.V1_JSON}, {SimpleType.V1_HTML};q=0.2, {SimpleType.HTML};q=0.1"
    ),
    SimpleType.V1_HTML: f"{SimpleType.V1_HTML}, {SimpleType.HTML};q=0.5",
    SimpleType.HTML: SimpleType.HTML.value,
}
"""The Accept header for upstream by a client's preferred type: few, for effective caching."""

_QUALITY_OF_EXACT, _QUALITY_OF_SUBTYPES, _QUALITY_OF_ALL = 3, 2, 1


@lru_cache(maxsize=64)
def simple_type(accept: str) -> SimpleType:
    """Return the type of a page of the simple API that PyPI chooses for an Accept header.

    PyPI never answers 406: if no type matches, or without the header, it is HTML.
    """
    return SimpleType(best_offer(accept, list(SimpleType)) or SimpleType.HTML)


def type_in_query(query: str) -> SimpleType | None:
    """Return the type that the URL parameter `format` names (PEP 691), `None` without a known one.

    It takes precedence over the Accept header, and a type that the simple API does not
    have is ignored, as PyPI ignores the parameter. A `+` stands for itself.
    """
    pairs = (pair.partition("=") for pair in query.split("&"))
    given = next((value for name, _, value in pairs if name == "format"), "")
    return simple_type_of(unquote(given))


def simple_type_of(content_type: str) -> SimpleType | None:
    """Return the type in a Content-Type header, `None` if it is not one of the simple API."""
    media_type = content_type.partition(";")[0].strip().lower()
    return next((one for one in SimpleType if one == media_type), None)


def names_simple_api(accept: str) -> bool:
    """Return whether an Accept header names the simple API, as those of installers do."""
    return "application/vnd.pypi.simple." in accept.lower()


def best_offer(accept: str, offers: Sequence[str]) -> str | None:
    """Return the offer with the highest quality, the first of equals, `None` if none matches.

    An empty header accepts everything. The quality of an offer is that of the most
    specific matching range (RFC 9110, section 12.5.1).
    """
    ranges = list(_ranges(accept)) or [("*/*", 1.0)]
    rated = [(_quality(offer, ranges), offer) for offer in offers]
    best = max((quality for quality, _ in rated), default=0.0)
    if best <= 0:
        return None
    return next(offer for quality, offer in rated if quality == best)


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    main = offer.partition("/")[0]
    specificity = {
        offer: _QUALITY_OF_EXACT,
        f"{main}/*": _QUALITY_OF_SUBTYPES,
        "*/*": _QUALITY_OF_ALL,
    }
    matching = [(specificity[name], quality) for name, quality in ranges if name in specificity]
    return max(matching, default=(0, 0.0))[1]


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            yield name, _parse_quality(parameters)


def _parse_quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            text = value.strip()
            return float(text) if _QUALITY.fullmatch(text) else 0.0
    return 1.0
