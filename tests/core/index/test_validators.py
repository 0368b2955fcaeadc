"""What asks an index whether a document has changed."""

import pytest

from stageproxy.core.index.validators import validators_of

MODIFIED, LATER = "Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:02 GMT"
SAME_SECOND = "Sun, 22 Nov 2026 12:00:01 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"ETag": '"x"'}, {"If-None-Match": '"x"'}, id="an ETag"),
        pytest.param(
            {"ETag": 'W/"x"', "Last-Modified": MODIFIED, "Date": LATER},
            {"If-None-Match": 'W/"x"'},
            id="an ETag and a time",
        ),
        pytest.param(
            {"Last-Modified": MODIFIED, "Date": LATER},
            {"If-Modified-Since": MODIFIED},
            id="a time",
        ),
        pytest.param({"Last-Modified": MODIFIED, "Date": SAME_SECOND}, {}, id="a time just now"),
        pytest.param({"Last-Modified": MODIFIED}, {}, id="a time, but none of the answer"),
        pytest.param({"Last-Modified": "yesterday", "Date": LATER}, {}, id="no time"),
        pytest.param(
            {"Last-Modified": "Sun, 22 Nov 2026 12:00:00 -0000", "Date": LATER}, {}, id="no zone"
        ),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_validators(headers: dict[str, str], expected: dict[str, str]) -> None:
    """An ETag asks whether a document has changed, or else a time that is old enough."""
    assert validators_of(headers) == expected
