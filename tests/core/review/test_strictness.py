"""What the standards want of a release, and PyPI does not refuse."""

import pytest

from stageproxy.core.review.strictness import strictness_findings
from stageproxy.core.rules.findings import Level
from tests.support.builders.summaries import a_summary

FINE = (
    "Metadata-Version: 2.4",
    "Name: demo",
    "Version: 2.0",
    "Summary: A demonstration",
    "License-Expression: MIT",
    "Requires-Python: >=3.11",
    "Description-Content-Type: text/markdown",
    "Classifier: Programming Language :: Python :: 3.11",
    "Project-URL: Source Code, https://code.example",
    "Requires-Dist: foo>=1",
    "Requires-Dist: bar<2; extra == 'old'",
)

CASES = [
    ("Summary: A demonstration", "Summary: ", "no-summary", "METADATA"),
    ("Description-Content-Type: text/markdown", None, "no-content-type", "METADATA"),
    ("License-Expression: MIT", "License: MIT", "no-license-expression", "METADATA:5"),
    (
        "License-Expression: MIT",
        "Classifier: License :: OSI Approved",
        "no-license-expression",
        "METADATA:5",
    ),
    ("Name: demo", "Classifier: License :: OSI Approved", "license-classifier", "METADATA:2"),
    ("Requires-Python: >=3.11", "Requires-Python: >=3.11,<4", "python-capped", "METADATA:6"),
    ("Requires-Dist: foo>=1", "Requires-Dist: foo~=1.0", "dependencies-capped", "METADATA:10"),
    ("Name: demo", "Home-page: https://demo.example", "deprecated-field", "METADATA:2"),
    (
        "Project-URL: Source Code, https://code.example",
        "Project-URL: Code, https://code.example",
        "unknown-label",
        "METADATA:9",
    ),
    ("Requires-Python: >=3.11", "Requires-Python: >=3.12", "classifier-excluded", "METADATA:8"),
    ("Metadata-Version: 2.4", "Metadata-Version: 1.2", "old-metadata-version", "METADATA:1"),
]


@pytest.mark.parametrize(("line", "other", "code", "place"), CASES, ids=[one[2] for one in CASES])
def test_a_line_that_is_at_fault(line: str, other: str | None, code: str, place: str) -> None:
    """What is at fault is found, with its line of METADATA and with what to do."""
    lines = [other if one == line else one for one in FINE]

    found = strictness_findings(a_summary(*filter(None, lines), description="Text."))

    assert [(one.code, one.place) for one in found] == [(code, place)]
    assert found[0].advice


def test_metadata_in_order() -> None:
    """Metadata that is as the standards want it has no findings."""
    assert strictness_findings(a_summary(*FINE, description="Text.")) == ()


def test_only_a_cap_on_python_is_a_warning() -> None:
    """Habits of many projects are notes: they would drown what needs a decision."""
    summary = a_summary(
        "Requires-Python: >=3.8,<3.13", "Requires-Dist: foo==1", "License: MIT", "Home-page: x"
    )

    loud = [one.code for one in strictness_findings(summary) if one.level is Level.WARN]

    assert loud == ["python-capped"]


def test_the_file_of_an_sdist() -> None:
    """The metadata of an sdist is in PKG-INFO."""
    found = strictness_findings(a_summary("Summary: ", filename="demo-2.0.tar.gz"))

    assert [one.place for one in found] == ["PKG-INFO"]


@pytest.mark.parametrize(
    "line",
    [
        "Requires-Python: three",
        "Requires-Dist: ((((",
        f"Requires-Dist: foo{'>=1,' * 900}<2",
    ],
)
def test_metadata_that_cannot_be_parsed(line: str) -> None:
    """Values that are invalid or too long are passed over: the verdict names them."""
    others = [one for one in FINE if not one.startswith(line.partition(":")[0])]

    assert strictness_findings(a_summary(*others, line)) == ()


def test_an_artifact_that_was_not_read() -> None:
    """Of an artifact that was not read, nothing is said to be missing."""
    assert strictness_findings(a_summary(not_read="It is damaged.")) == ()
