"""The media type for an Accept header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.negotiation import (
    SimpleType,
    best_offer,
    names_simple_api,
    simple_type,
    simple_type_of,
    type_in_query,
)

HTML, V1_HTML, V1_JSON = SimpleType
JSON = "application/vnd.pypi.simple.v1+json"
V1 = "application/vnd.pypi.simple.v1+html"
PIP = f"{JSON}, {V1}; q=0.1, text/html; q=0.01"
UV = f"{JSON}, {V1};q=0.2, text/html;q=0.01"
ANSWERS = [
    pytest.param("", HTML, id="no header, or an empty one"),
    pytest.param("*/*", HTML, id="anything"),
    pytest.param(JSON, V1_JSON, id="JSON alone"),
    pytest.param(V1, V1_HTML, id="the API's HTML alone"),
    pytest.param(f"text/html, {V1}, {JSON}", HTML, id="all three alike"),
    pytest.param(PIP, V1_JSON, id="pip"),
    pytest.param(UV, V1_JSON, id="uv"),
    pytest.param("text/plain", HTML, id="something else"),
    pytest.param("application/vnd.pypi.simple.latest+json", HTML, id="the latest"),
    pytest.param("application/vnd.pypi.simple.v2+json", HTML, id="a version to come"),
    pytest.param("application/json", HTML, id="JSON of any kind"),
]
"""PyPI's answers, observed, or read in its code for the last two."""


@pytest.mark.parametrize(("accept", "expected"), ANSWERS)
def test_pypis_choice_is_made(accept: str, expected: SimpleType) -> None:
    """Each header gets the type that PyPI returns, and never 406."""
    assert simple_type(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{V1};q=0.2, text/html;q=0.01", V1_HTML),
        (f"{JSON};q=0, {V1};q=0.2, text/html;q=0.01", V1_HTML),
        (f"{JSON};q=0.0, */*;q=0.1", HTML),
        (f"text/html;q=0, {JSON};q=0.001", V1_JSON),
        ("text/html;q=0, */*;q=0.5", V1_HTML),
        ("application/*", V1_HTML),
        (f"application/*;q=0.9, {V1};q=0.1", V1_JSON),
        (f"text/*;q=0.5, */*;q=0.4, {JSON};q=0.6", V1_JSON),
        ("*/*;q=0", HTML),
        (f" {JSON.upper()} ; Q=1.0 , text/html ;q= 0.5", V1_JSON),
        (f"{JSON};charset=utf-8;q=0.9, text/html;q=0.8", V1_JSON),
        (", ,", HTML),
    ],
    ids=str,
)
def test_highest_quality_wins(accept: str, expected: SimpleType) -> None:
    """The most specific range gives a type its quality, and q=0 excludes it."""
    assert simple_type(accept) is expected


@pytest.mark.parametrize(
    "quality", ["nan", "inf", "-1", "2", "1_0", "", "1.0.0", "0x1", "\u0661"], ids=ascii
)
def test_invalid_quality_accepts_nothing(quality: str) -> None:
    """A client with an invalid quality gets HTML, as from PyPI.

    `q=nan` was an internal error once: it is a number but equals none.
    """
    assert simple_type(f"{JSON};q={quality}") is HTML


@given(st.text() | st.text("text/html*;q=0.1, naif+-e", max_size=60))
def test_any_header_gets_a_type(accept: str) -> None:
    """For any header, there is a type."""
    assert simple_type(accept) in SimpleType


@given(st.permutations([f"{JSON};q=0.9", f"{V1};q=0.8", "text/html;q=0.7", "*/*;q=0.1"]))
def test_order_of_ranges_does_not_matter(ranges: list[str]) -> None:
    """Clients may list their ranges in any order."""
    assert simple_type(", ".join(ranges)) is V1_JSON


def test_no_type_matches() -> None:
    """If an answer may be 406, there is no type."""
    assert best_offer("image/png", ["text/html", "application/json"]) is None
    assert best_offer("text/html", []) is None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", HTML),
        ("Text/HTML; charset=UTF-8", HTML),
        (f" {JSON} ;x=y", V1_JSON),
        (V1, V1_HTML),
        ("application/json", None),
        ("text/htmlx", None),
        ("", None),
    ],
    ids=str,
)
def test_content_type_is_parsed(content_type: str, expected: SimpleType | None) -> None:
    """Parameters and case do not matter; other types are unknown."""
    assert simple_type_of(content_type) is expected


@pytest.mark.parametrize(
    ("accept", "is_installer"),
    [(PIP, True), (UV, True), (PIP.upper(), True), ("text/html,*/*;q=0.8", False), ("", False)],
    ids=["pip", "uv", "in capitals", "a browser", "nothing"],
)
def test_installers_name_the_simple_api(accept: str, *, is_installer: bool) -> None:
    """No browser asks for a media type of the simple API."""
    assert names_simple_api(accept) is is_installer


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"format={JSON}", V1_JSON),
        (f"format={JSON.replace('+', '%2B').replace('/', '%2F')}", V1_JSON),
        (f"a=b&format={V1}&c", V1_HTML),
        ("format=text/html", HTML),
        (f"format={JSON.upper()}", V1_JSON),
        ("format=application/vnd.pypi.simple.v9+json", None),
        ("format=json", None),
        ("format=*/*", None),
        (f"format={JSON},{V1}", None),
        ("format=", None),
        (f"Format={JSON}", None),
        ("", None),
    ],
    ids=str,
)
def test_type_in_a_query(query: str, expected: SimpleType | None) -> None:
    """The URL parameter `format` is one type of the simple API, or is ignored."""
    assert type_in_query(query) is expected
