"""Positions of values in the text of a JSON document."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.json_spans import Places, Span, elements, members

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(), VALUES)
STYLES = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([(",", ":"), (" , ", " : "), (",\n", ":\r\n\t")]),
        "ensure_ascii": st.booleans(),
    }
)


@given(OBJECTS, STYLES)
def test_members_are_found_in_any_style(document: dict[str, Any], style: dict[str, Any]) -> None:
    """For any object in any formatting, the span of each member is found."""
    text = f" \n{json.dumps(document, **style)}\t\r\n"

    found = members(text)

    assert {key: span.value for key, span in found.items()} == document
    assert all(json.loads(text[one.start : one.end]) == one.value for one in found.values())


@given(st.lists(VALUES), STYLES)
def test_elements_are_found_in_any_style(array: list[Any], style: dict[str, Any]) -> None:
    """For any array in any formatting, the span of each element is found."""
    text = json.dumps({"before": [1], "array": array, "after": {}}, **style)

    found = elements(text, members(text)["array"])

    assert [one.value for one in found] == array
    assert all(json.loads(text[one.start : one.end]) == one.value for one in found)


@given(st.lists(VALUES), STYLES)
def test_places_are_those_of_the_elements(array: list[Any], style: dict[str, Any]) -> None:
    """For any array in any formatting, elements are found one by one where all of them are."""
    text = json.dumps({"before": [1], "array": array, "after": {}}, **style)
    span = members(text)["array"]
    every = elements(text, span)

    places = Places(text, span)

    assert [places[number] for number in reversed(range(len(places)))] == every[::-1]
    assert places.end == (every[-1].end if every else span.start + len("["))


def test_spans_are_exact() -> None:
    """A span is the value without the white space around it."""
    assert members('{ "a" : [1, 2] , "b":"x"}') == {
        "a": Span([1, 2], 8, 14),
        "b": Span("x", 21, 24),
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "null", "[]", '"a"', "1", "{", "}", "{}{}", "{} x", "{},", "\ufeff{}"),
        *('{"a"}', '{"a":}', '{"a":1', '{"a":1,', '{"a":1,}', "{,}", '{"a":1 "b":2}', '{"a" 1}'),
        *("{a:1}", "{'a':1}", "{1:1}", '{"a":1;}', '{"a\n":1}', '{"a":"\n"}', '{"a":"\\x"}'),
        *('{"a":NaN}', '{"a":[Infinity]}', '{"a":{"b":-Infinity}}', '{"a":01}', '{"a":+1}'),
        *('{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":1}\x00', '{"a":[1,]}', '{"a":[1'),
        pytest.param('{"a":' + "9" * 5000 + "}", id="a number of 5000 digits"),
        pytest.param('{"a":' + "[" * 100_000, id="nested deeply, not closed"),
        pytest.param('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", id="nested deeply"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="objects nested deeply"),
    ],
    ids=ascii,
)
def test_other_texts_are_refused(text: str) -> None:
    """A text that is not one JSON object with distinct keys is refused."""
    with pytest.raises(ValueError, match=r"."):
        members(text)


@given(st.text('{}[]",:a1 \\n.-eE', max_size=40))
def test_accepted_text_is_json(text: str) -> None:
    """For any text, it is refused, or the standard parser reads the same value."""
    try:
        found = members(text)
    except ValueError:
        return
    assert {key: span.value for key, span in found.items()} == json.loads(text)
