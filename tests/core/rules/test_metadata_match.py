"""Whether a form and the core metadata in its file agree."""

from collections.abc import Mapping

import pytest

from stageproxy.core.rules.findings import Level
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import Upload
from tests.support.builders.distributions import a_wheel
from tests.support.builders.uploads import an_upload

WHERE = "demo-1.0.dist-info/METADATA"
NO_MATCH = "which does not match the filename. Installers refuse the file."

METADATA = """\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Requires-Python: >=3.8,<4
Requires-Dist: a >= 1
Provides-Extra: A_b
"""
SAME = {"requires_python": "<4, >=3.8", "requires_dist": "a>=1", "provides_extra": "a-b"}


def warnings(upload: Upload) -> list[str]:
    """Return what is suspicious about an upload."""
    return [one.message for one in findings_of(upload) if one.level is Level.WARN]


@pytest.mark.parametrize(
    ("metadata", "changes", "message"),
    [
        (
            "Metadata-Version: 2.4\nName: other\nVersion: 1.0\n",
            {"name": "demo"},
            f"{WHERE} has Name: 'other', {NO_MATCH}",
        ),
        (
            "Metadata-Version: 2.4\nName: demo\nVersion: 1.1\n",
            {"version": "1.0"},
            f"{WHERE} has Version: '1.1', {NO_MATCH}",
        ),
        (
            "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nRequires-Python: >=3.8\n",
            {"requires_python": ">=3.9"},
            f"{WHERE} has Requires-Python: '>=3.8', but the form has '>=3.9'.",
        ),
    ],
    ids=["another name", "another version", "another Python"],
)
def test_file_with_other_metadata_is_suspicious(
    metadata: str, changes: Mapping[str, str], message: str
) -> None:
    """PyPI does not compare the form with the file, but installers do."""
    upload = an_upload(a_wheel(metadata=metadata), changes)

    assert warnings(upload) == [message]


def test_unreadable_metadata_is_suspicious() -> None:
    """PyPI accepts a file with unreadable METADATA; it is a warning here."""
    fields = {"name": "demo", "version": "1.0", "metadata_version": "2.4"}
    upload = an_upload(a_wheel(metadata="\x00 garbage"), fields)

    assert warnings(upload) != []
    assert refusals(findings_of(upload)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (SAME, []),
        (
            SAME | {"requires_python": ">=3.8"},
            [f"{WHERE} has Requires-Python: '>=3.8,<4', but the form has '>=3.8'."],
        ),
        (
            SAME | {"requires_dist": "b"},
            [f"Requires-Dist differs between {WHERE} and the form: 'a>=1', 'b'."],
        ),
        (
            SAME | {"provides_extra": "c"},
            [f"Provides-Extra differs between {WHERE} and the form: 'a-b', 'c'."],
        ),
    ],
    ids=["spelled otherwise", "another Python", "another dependency", "another extra"],
)
def test_form_is_compared_with_the_file(changes: Mapping[str, str], expected: list[str]) -> None:
    """Fields that resolvers use are compared with those of the file, which PyPI does not do."""
    upload = an_upload(a_wheel(metadata=METADATA), changes)

    assert warnings(upload) == expected


SHOWN = """\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Summary: A  demo
Home-page: https://demo.example/
Author-email: a@demo.example
Classifier: Topic :: Utilities
Project-URL: Source, https://demo.example/source
Description-Content-Type: text/plain

What it does,
line by line.
"""
AS_SHOWN = {
    "summary": "A demo",
    "home_page": "https://demo.example/",
    "author_email": "a@demo.example",
    "classifiers": "Topic :: Utilities",
    "project_urls": "Source, https://demo.example/source",
    "description": "What it does,\r\nline by line.\r\n",
    "description_content_type": "text/plain",
}


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, ""),
        ({"summary": "Another demo"}, "Summary"),
        ({"description": "What somebody else says."}, "description"),
        ({"home_page": "https://evil.example/"}, "Home-page"),
        ({"project_urls": "Source, https://evil.example/"}, "Project-URL"),
        ({"author_email": "b@demo.example"}, "Author-email"),
        ({"classifiers": "Topic :: Games/Entertainment"}, "Classifier"),
        ({"maintainer": "Somebody"}, "Maintainer"),
    ],
)
def test_what_is_shown_is_in_the_file(changes: Mapping[str, str], label: str) -> None:
    """What PyPI would show is a warning if the file does not have it; white space may differ.

    Whoever has an upload token could otherwise publish another description with good bytes.
    """
    upload = an_upload(a_wheel(metadata=SHOWN), {**AS_SHOWN, **changes})

    expected = f"The form has another {label} than {WHERE}. PyPI shows what the form has."
    assert warnings(upload) == ([expected] if label else [])
