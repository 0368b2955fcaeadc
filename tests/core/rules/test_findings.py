"""Lists of findings: their order, their text, and the name of the index."""

import pytest

from stageproxy.core.rules.findings import (
    RELEASE,
    Finding,
    Level,
    finding_in,
    finding_json,
    findings_json,
    in_order,
    naming,
    not_known,
    note,
    suspicious,
    texts_by_level,
)

REFUSED, ODD, SAID, UNKNOWN = (
    Finding("name", "No."),
    suspicious("Odd."),
    note("By the way."),
    not_known("Who knows?"),
)


def test_gravest_first() -> None:
    """Findings are listed by severity, and within one in the order of the files."""
    findings = {"a.whl": [UNKNOWN, ODD, SAID], "b.whl": [ODD, REFUSED], RELEASE: [SAID, ODD]}

    assert in_order(findings) == [
        ("b.whl", REFUSED),
        *(("a.whl", ODD), ("b.whl", ODD), (RELEASE, ODD)),
        *(("a.whl", SAID), (RELEASE, SAID)),
        ("a.whl", UNKNOWN),
    ]


def test_as_json() -> None:
    """A finding in JSON has its file, null for the release, its level, source and message."""
    assert findings_json({"a.whl": [ODD], RELEASE: [REFUSED]}) == [
        {"file": None, "level": "refuse", "source": "name", "message": "No."},
        {"file": "a.whl", "level": "warn", "source": "content", "message": "Odd."},
    ]


def test_there_and_back() -> None:
    """A finding survives its way through JSON."""
    assert [finding_in(finding_json(one)) for one in (REFUSED, ODD, SAID, UNKNOWN)] == [
        *(REFUSED, ODD, SAID, UNKNOWN)
    ]


def test_one_message_about_many_files() -> None:
    """A message is written once, after at most three of the files that it is about."""
    files = {f"{letter}.whl": [ODD] for letter in "abcde"}

    texts = texts_by_level(in_order({**files, "f.whl": [UNKNOWN], RELEASE: [SAID, SAID]}))

    assert texts == {
        Level.WARN: ["a.whl, b.whl, c.whl and 2 more: Odd."],
        Level.NOTE: ["By the way."],
        Level.UNKNOWN: ["f.whl: Who knows?"],
    }


def test_name_of_the_index() -> None:
    """A finding names the index that a release is published on, and PyPI only if that is it."""
    finding = suspicious("PyPI has it; PyPI's rules. MyPyPIx stays.")

    named = naming(finding, "index.example")

    assert named.message == "index.example has it; index.example's rules. MyPyPIx stays."
    assert naming(finding, "PyPI") == finding


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Kb", "a?[2Kb"),
        ("a\x9b2Kb\x00", "a?2Kb?"),
        ("a\u202eb\u2066c\u200b", "a?b?c?"),
        ("a\r\u2028b", "a??b"),
        ("Zeile é\nanother", "Zeile é\nanother"),
    ],
    ids=ascii,
)
def test_messages_are_printable(text: str, shown: str) -> None:
    """What a file says in a finding can neither hide nor move other text on a terminal."""
    assert Finding("content", text).message == shown
    assert (suspicious(text).message, note(text).message) == (shown, shown)
