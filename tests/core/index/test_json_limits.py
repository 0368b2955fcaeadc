"""Values that make a JSON document of an index unreadable."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.json_spans import DEEPEST, members
from stageproxy.core.index.pages import UnreadablePageError
from stageproxy.core.index.release_json import (
    add_to_project_json,
    add_to_release_json,
    has_release,
    new_release_json,
)
from stageproxy.core.index.simple_json import add_to_json_page, read_json_page
from tests.support.builders.stages import LINKS, a_staged_file, page_with
from tests.support.index.release_documents import (
    a_project_json,
    a_published_file,
    a_release_json,
    a_staged_release,
)

RELEASE = a_staged_release()
WHEEL = RELEASE.files[0].filename
STRANGE = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a number beyond all bounds": "1e999",
    "a huge integer": "9" * 5000,
    "half a character": '"\\ud800"',
    "the wrong half": '"\\uDC00\\uD800"',
    "half a character as a key": '{"\\udfff":1}',
    "a key twice": '{"a":1,"a":2}',
    "a key twice, escaped": '{"a":1,"\\u0061":2}',
    "too many arrays": "[" * DEEPEST + "]" * DEEPEST,
    "too many objects": '{"a":' * DEEPEST + "1" + "}" * DEEPEST,
    "far too many": "[" * 100_000 + "]" * 100_000,
    "an array that does not end": "[1",
    "a comma too many": "[1,]",
    "a bare word": "None",
    "a control character": '"\x01"',
}
PLACES = ("last_serial", "yanked_reason", "summary")


def strange_project(written: str, place: str = "last_serial") -> bytes:
    """Return the project's document with a value that parsers disagree on."""
    body = a_project_json({"2.0": [a_published_file("demo-2.0.tar.gz")]})
    key = json.dumps(place).encode()
    head, _, tail = body.partition(key + b":")
    end = min(at for at in (tail.find(b","), tail.find(b"}")) if at >= 0)
    return head + key + b":" + written.encode() + tail[end:]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("written", STRANGE.values(), ids=STRANGE)
def test_ambiguous_values_are_refused(written: str, place: str) -> None:
    """A document that two parsers could read differently is refused."""
    with pytest.raises(UnreadablePageError):
        add_to_project_json(strange_project(written, place), LINKS, RELEASE)


@pytest.mark.parametrize("written", STRANGE.values(), ids=STRANGE)
def test_ambiguous_values_on_a_page_are_refused(written: str) -> None:
    """A page of the simple API that two parsers could read differently is refused."""
    body = page_with("demo-1.0.tar.gz").replace(b'"size":1234', b'"size":' + written.encode())

    with pytest.raises(UnreadablePageError):
        read_json_page(body, "demo")


@pytest.mark.parametrize("levels", [1, DEEPEST - 1])
def test_deepest_document_is_read(levels: int) -> None:
    """A document may have as many levels as are allowed, including the outermost one."""
    text = f'{{"a":{"[" * levels}{"]" * levels}}}'

    assert list(members(text)) == ["a"]


@pytest.mark.parametrize("written", ['"\\ud83d\\ude00"', '"\\\\ud800"', "1e308", "9" * 300])
def test_unusual_values_are_accepted(written: str) -> None:
    """Unusual values that can be written again are no reason to refuse."""
    body = strange_project(written, "yanked_reason")

    edited = add_to_project_json(body, LINKS, RELEASE)

    assert json.loads(edited)["releases"]["2.0"][0]["yanked_reason"] == json.loads(written)


def released(*entries: Any) -> bytes:
    """Return the project's document with *entries* for the files of the staged release."""
    return a_project_json({}, releases={"2.0": entries}, urls=[])


NO_DOCUMENTS = {
    "nothing": b"",
    "HTML": b"<!DOCTYPE html><html></html>",
    "a byte order mark": b"\xef\xbb\xbf" + a_project_json({}),
    "not UTF-8": a_project_json({}).replace(b"Demo", b"D\xe9mo"),
    "UTF-16": a_project_json({}).decode().encode("utf-16"),
    "an array": b"[" + a_project_json({}).strip() + b"]",
    "something behind it": a_project_json({}) + b"{}",
    "a NUL behind it": a_project_json({}) + b"\0",
    "cut off": a_project_json({})[:-3],
    "another project": a_project_json({}, info={"name": "other"}),
    "a name that is none": a_project_json({}, info={"name": 7}),
    "no info": a_project_json({}).replace(b'"info"', b'"inf0"'),
    "info that is text": a_project_json({}).replace(b'"info":{', b'"info":"","x":{'),
    "no files": a_project_json({}).replace(b'"urls"', b'"url5"'),
    "files that are no list": a_project_json({}, urls={}),
    "no releases": a_release_json("1.0"),
    "releases that are a list": a_project_json({}, releases=[]),
    "releases that are null": a_project_json({}, releases=None),
    "a release that is null": a_project_json({}, releases={"1.0": None}),
    "a release that is text": a_project_json({}, releases={"1.0": "demo-1.0.tar.gz"}),
    "a file that is text": released("demo-2.0.tar.gz"),
    "a file that is a list": released(["filename"]),
    "a file without a name": released({"url": "x"}),
    "a file whose name is a number": released({"filename": 1}),
    "a link that is none": released(a_published_file("demo-2.0.tar.gz", url="//[::1")),
}


@pytest.mark.parametrize("body", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
def test_other_documents_are_refused(body: bytes) -> None:
    """A document that is not the project's is refused."""
    with pytest.raises(UnreadablePageError):
        add_to_project_json(body, LINKS, RELEASE)


@pytest.mark.parametrize("name", ["nothing", "another project", "no releases", "cut off"])
def test_release_is_not_searched_in_other_documents(name: str) -> None:
    """Whether a release is published cannot be read from a document that is not the project's."""
    with pytest.raises(UnreadablePageError):
        has_release(NO_DOCUMENTS[name], "demo", "2.0")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud800", "//[::1", "http://[", "2.0", "demo-2.0.tar.gz"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DOCUMENT = json.loads(
    a_project_json({"1.0": ["demo-1.0.tar.gz"], "2.0": ["demo-2.0.tar.gz"]}, newest="2.0")
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document: the keys and indexes to it."""
    inner: Any = enumerate(value) if isinstance(value, list) else getattr(value, "items", list)()
    return [path, *(found for key, one in inner for found in places_in(one, (*path, key)))]


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> bytes:
    """Return the document with another value at a path."""
    if not path:
        return json.dumps(value).encode()
    changed = copy.deepcopy(document)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return json.dumps(changed).encode()


def document_of(edit: Callable[[], bytes]) -> Any:
    """Return the document that an edit returns, or `None` if it refuses to edit."""
    try:
        return json.loads(edit())
    except UnreadablePageError:
        return None


def has_staged_file(*lists: Any) -> bool:
    """Return whether the lists of files contain the staged wheel."""
    return any(file["filename"] == WHEEL for files in lists for file in files)


@given(st.sampled_from(places_in(DOCUMENT)), ANYTHING)
def test_any_value_at_any_place(path: tuple[Any, ...], value: Any) -> None:
    """For any value in any place, the document gets the staged release or is refused."""
    body = with_value(DOCUMENT, path, value)

    project = document_of(lambda: add_to_project_json(body, LINKS, RELEASE))
    release = document_of(lambda: add_to_release_json(body, LINKS, RELEASE))
    new = document_of(lambda: new_release_json(RELEASE, body))

    assert project is None or has_staged_file(*project["releases"].values())
    assert release is None or has_staged_file(release["urls"])
    assert new is None or has_staged_file(new["urls"])


def test_broken_page_is_refused_if_nothing_is_added() -> None:
    """A broken page is refused even if it lists every staged file."""
    body = page_with("demo-2.0-py3-none-any.whl") + b"x"

    with pytest.raises(UnreadablePageError):
        add_to_json_page(body, "demo", [a_staged_file()], LINKS)
