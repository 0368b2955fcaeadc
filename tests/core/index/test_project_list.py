"""The list of projects, edited while it is streamed."""

import json
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.project_list import ListEditor, UnreadableListError

JSON, HTML = SimpleType.V1_JSON, SimpleType.HTML
PREFIX = "/tmp/demo/stgv_x/"
LIST = b'{"meta":{"_last-serial":7,"api-version":"1.4"},"projects":[{"name":"a"},{"name":"b"}]}\n'
PAGE = (
    b'<!DOCTYPE html>\n<html lang="en">\n  <head>\n    <title>Simple index</title>\n  </head>\n'
    b'  <body>\n<a href="/simple/a/">a</a>\n<a title="a > b" href="/simple/b/">B</a>\n'
    b'<p>href="/sim</p>\n</body>\n</html>\n<!--SERIAL 7-->'
)
EDITED = PAGE.replace(b'"/simple/', b'"/tmp/demo/stgv_x/simple/')


def edited(
    chunks: Iterable[bytes],
    kind: SimpleType,
    name: str | None = "demo",
    *,
    prefix: str = PREFIX,
    has_length: bool = True,
) -> bytes:
    """Return the list that arrives in *chunks*, with a new name, or none."""
    editor = ListEditor(kind, new_name=name, folder="/simple/", prefix=prefix)
    passed = [piece for chunk in chunks for piece in editor.feed(chunk)]
    return b"".join([*passed, *editor.close(has_length=has_length)])


def split(text: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """Return *text* in chunks that end at the *places*; some may be empty."""
    start = 0
    for place in sorted(one % (len(text) + 1) for one in places):
        yield text[start:place]
        start = place
    yield text[start:]


def test_new_name_in_json() -> None:
    """A new project is the first; all other bytes are unchanged."""
    body = edited([LIST], JSON)

    assert body == LIST.replace(b"[{", b'[{"name":"demo"},{')
    assert [one["name"] for one in json.loads(body)["projects"]] == ["demo", "a", "b"]


def test_new_name_in_html() -> None:
    """A new project is the first, with a link relative to the list."""
    body = edited([PAGE], HTML)

    assert body == EDITED.replace(b"<a", b'<a href="demo/">demo</a>\n<a', 1)


@pytest.mark.parametrize("kind", [HTML, SimpleType.V1_HTML])
def test_links_stay_in_the_stage(kind: SimpleType) -> None:
    """Links without a host point below the stage, even if no name is added."""
    assert edited([PAGE], kind, None) == EDITED


@pytest.mark.parametrize("body", [LIST, LIST.replace(b"a", b'/ href=\\"/simple/'), b"", b"{"])
def test_json_without_a_new_name(body: bytes) -> None:
    """A JSON list without a new name is unchanged: it has no links."""
    assert edited([body], JSON, None) == body


@pytest.mark.parametrize(("body", "kind"), [(LIST, JSON), (PAGE, HTML)], ids=["JSON", "HTML"])
@pytest.mark.parametrize("name", ["demo", None], ids=["a new name", "none"])
@given(places=st.lists(st.integers(min_value=0, max_value=400), max_size=12))
def test_any_chunks(body: bytes, kind: SimpleType, name: str | None, places: list[int]) -> None:
    """For any split into chunks, the result is the same."""
    assert edited(split(body, places), kind, name) == edited([body], kind, name)


@pytest.mark.parametrize(("body", "kind"), [(LIST, JSON), (PAGE, HTML)], ids=["JSON", "HTML"])
def test_single_bytes(body: bytes, kind: SimpleType) -> None:
    """A list that arrives byte by byte is edited like one that arrives whole."""
    assert edited(split(body, range(len(body))), kind) == edited([body], kind)


EMPTY = {
    "JSON": (b'{"projects":[]}', JSON, b'{"projects":[{"name":"demo"}]}'),
    "JSON in lines": (b'{"projects" : [\n ]\n}', JSON, b'{"projects" : [\n {"name":"demo"}]\n}'),
    "HTML": (b"<html><BODY></BODY>", HTML, b'<html><BODY><a href="demo/">demo</a>\n</BODY>'),
}


@pytest.mark.parametrize(("body", "kind", "expected"), EMPTY.values(), ids=EMPTY)
def test_empty_list(body: bytes, kind: SimpleType, expected: bytes) -> None:
    """The first name is added to an empty list."""
    assert edited([body], kind) == expected


def test_names_are_escaped() -> None:
    """A name is escaped in a list."""
    name = '"><script>&'

    as_json, as_html = edited([LIST], JSON, name), edited([PAGE], HTML, name)

    assert json.loads(as_json)["projects"][0] == {"name": name}
    assert b'<a href="&quot;&gt;&lt;script&gt;&amp;/">&quot;&gt;&lt;script&gt;&amp;</a>' in as_html


def test_prefix_of_a_proxy() -> None:
    """Links have the path that a proxy in front of the server adds."""
    body = edited([PAGE], HTML, None, prefix="/below/tmp/demo/stgv_x/")

    assert body.count(b'href="/below/tmp/demo/stgv_x/simple/') == 2


@pytest.mark.parametrize(
    "link", ["../simple/a/", "https://index.example.org/simple/a/", "/other/a/", "a/"]
)
def test_other_links_are_unchanged(link: str) -> None:
    """Relative links and links with a host are unchanged."""
    body = f'<a href="{link}">a</a></html>'.encode()

    assert edited([body], HTML, None) == body


NO_LISTS: dict[str, tuple[SimpleType, Sequence[bytes]]] = {
    "nothing": (JSON, []),
    "an empty body": (HTML, [b""]),
    "JSON of a project": (JSON, [b'{"files":[],"name":"a"}']),
    "names that are no objects": (JSON, [b'{"projects":["a"]}']),
    "HTML without links or an end": (HTML, [b"<html>"]),
    "names that start too late": (JSON, [b" " * 2**16, LIST]),
    "names that start too late, in one": (JSON, [b" " * 2**16 + LIST]),
    "links that start too late": (HTML, [b" " * 2**16 + PAGE]),
    "cut off before the names": (JSON, [LIST[:50]]),
}


@pytest.mark.parametrize(("kind", "chunks"), NO_LISTS.values(), ids=NO_LISTS)
def test_other_documents_are_refused(kind: SimpleType, chunks: Sequence[bytes]) -> None:
    """A new name is not added to a document that is no list."""
    with pytest.raises(UnreadableListError):
        edited(chunks, kind)


@pytest.mark.parametrize(("body", "kind"), [(LIST, JSON), (PAGE, HTML)], ids=["JSON", "HTML"])
@pytest.mark.parametrize("name", ["demo", None], ids=["a new name", "none"])
def test_truncated_list_is_refused(body: bytes, kind: SimpleType, name: str | None) -> None:
    """If upstream sends no length, the list must have an end."""
    with pytest.raises(UnreadableListError):
        edited([body[: -len(body) // 8]], kind, name, has_length=False)

    assert edited([body], kind, name, has_length=False) == edited([body], kind, name)


def test_list_is_not_buffered() -> None:
    """Little of a list is held back, in any formatting."""
    editor = ListEditor(HTML, new_name=None, folder="/simple/", prefix=PREFIX)

    passed = b"".join(piece for _ in range(64) for piece in editor.feed(b"<a " + b"x" * 1024))

    assert len(passed) == 64 * 1027


def test_folder_of_another_name() -> None:
    """Links to the folder of the project pages stay in the stage, whatever its name."""
    editor = ListEditor(HTML, new_name=None, folder="/root/dev/+simple/", prefix=PREFIX)
    chunks = [b'<a href="/root/dev/+sim', b'ple/demo/">demo</a>']

    passed = b"".join(piece for chunk in chunks for piece in editor.feed(chunk))

    assert passed == f'<a href="{PREFIX}simple/demo/">demo</a>'.encode()
