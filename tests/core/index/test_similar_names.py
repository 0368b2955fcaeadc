"""Projects of a list whose name PyPI considers too similar."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.project_list import UnreadableListError
from stageproxy.core.index.similar_names import SimilarNames, comparison_key
from tests.support.errors import find_error

TYPES = pytest.mark.parametrize("kind", [SimpleType.HTML, SimpleType.V1_JSON])
NAMES = st.from_regex(r"[oOiIlL01aA._-]{0,4}[0O1lLa]", fullmatch=True).filter(
    lambda name: name[0] not in "._-"
)


def list_of(kind: SimpleType, *names: str) -> bytes:
    """Return a list of projects as PyPI formats it."""
    if kind is SimpleType.V1_JSON:
        projects = [{"_last-serial": 7, "name": one} for one in names]
        return json.dumps({"meta": {"api-version": "1.4"}, "projects": projects}).encode()
    links = (f'<a href="/simple/{canonicalize_name(one)}/">{one}</a>\n' for one in names)
    return f"<html><body>\n{''.join(links)}</body></html>".encode()


def found(kind: SimpleType, project: str, *names: str, size: int = 2**18) -> str | None:
    """Return the similar name in a list that arrives in pieces of a *size*."""
    search = SimilarNames(kind, canonicalize_name(project))
    body = list_of(kind, *names)
    others = [search.feed(body[at : at + size]) for at in range(0, len(body), size)]
    search.close(has_length=False)
    return next((one for one in others if one), None)


@TYPES
@pytest.mark.parametrize(
    ("project", "other"),
    [
        ("c0nf-pr0j", "conf-proj"),
        ("conf-proj", "ConfProj"),
        ("conf-proj", "C.O_N-F-P.R.O.J"),
        ("pillow", "p-1I-low"),
        ("pillow", "PLLL0W"),
        ("p1ll0w", "Pillow"),
    ],
)
def test_similar_names(kind: SimpleType, project: str, other: str) -> None:
    """Dots, dashes and case make no difference, nor do letters that look like digits."""
    assert found(kind, project, "aaa", other, "zzz") == canonicalize_name(other)


@TYPES
@pytest.mark.parametrize("other", ["demo2", "xdemo", "demo", "Demo", "d.e.m", "d3mo", "", "ddemo"])
def test_other_names(kind: SimpleType, other: str) -> None:
    """A name that contains another is not similar to it, nor is a name to itself."""
    assert found(kind, "demo", "aaa", other) is None


@TYPES
@given(project=NAMES, other=NAMES, size=st.integers(1, 60))
def test_any_two_names(kind: SimpleType, project: str, other: str, size: int) -> None:
    """For any two names and any pieces, the pattern agrees with the comparison."""
    is_alike = comparison_key(project) == comparison_key(other)
    is_other = canonicalize_name(project) != canonicalize_name(other)

    expected = canonicalize_name(other) if is_alike and is_other else None
    assert found(kind, project, other, size=size) == expected


NO_LISTS = {
    "a log-in page": (SimpleType.HTML, b"<html><form></form></html>", "it lists no projects"),
    "nothing": (SimpleType.V1_JSON, b"", "it lists no projects"),
    "cut off JSON": (SimpleType.V1_JSON, b'{"projects":[{"name":"a"},', "it is truncated"),
    "cut off HTML": (SimpleType.HTML, b'<html><a href="a/">a</a>', "it is truncated"),
}


@pytest.mark.parametrize(("kind", "body", "reason"), NO_LISTS.values(), ids=NO_LISTS)
def test_unreadable_list(kind: SimpleType, body: bytes, reason: str) -> None:
    """An unreadable or truncated list is refused."""
    search = SimilarNames(kind, canonicalize_name("demo"))
    search.feed(body)

    with pytest.raises(UnreadableListError, match=reason):
        search.close(has_length=False)


@pytest.mark.parametrize("has_length", [True, False])
def test_list_of_known_length(*, has_length: bool) -> None:
    """A list that was read to its announced length is whole, however it ends."""
    search = SimilarNames(SimpleType.HTML, canonicalize_name("demo"))
    search.feed(b'<html><a href="a/">a</a>')

    error = find_error(UnreadableListError, lambda: search.close(has_length=has_length))

    assert (error is None) is has_length
