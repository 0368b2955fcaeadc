"""Notes on what a release does not tell its users."""

from collections.abc import Mapping

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import findings_of
from stageproxy.core.values import FormFields
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.uploads import an_upload

BARE = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: A demo\n"
NOTES = {
    "description": "The release has no description: its page has only the summary.",
    "license": "The release has no license: nobody knows whether they may use it.",
    "classifier": ("The release has no classifiers: searches on PyPI that filter do not find it."),
    "requires-python": (
        "The release has no Requires-Python: installers offer it to every version of Python."
    ),
    "project-url": "The release has no project URLs: its page does not say where it is made.",
}
GIVEN: Mapping[str, tuple[FormFields, set[str]]] = {
    "a description": ((("description", "A demo."),), {"description"}),
    "an empty description": ((("description", ""),), set()),
    "an unknown description": ((("description", "UNKNOWN"),), set()),
    "a license": ((("license", "MIT"),), {"license"}),
    "a license expression": ((("license_expression", "MIT"),), {"license"}),
    "a classifier of a license": (
        (("classifiers", "License :: OSI Approved :: MIT License"),),
        {"license", "classifier"},
    ),
    "another classifier": ((("classifiers", "Typing :: Typed"),), {"classifier"}),
    "Requires-Python": ((("requires_python", ">=3.9"),), {"requires-python"}),
    "a project URL": ((("project_urls", "Source, https://example.org"),), {"project-url"}),
    "a home page": ((("home_page", "https://example.org"),), {"project-url"}),
    "a download URL": ((("download_url", "https://example.org"),), {"project-url"}),
}


def notes_on(more: FormFields) -> dict[str, str]:
    """Return the notes on a release that has only *more* than a name, a version and a summary."""
    findings = findings_of(an_upload(a_wheel(metadata=BARE), more=more))
    return {one.source: one.message for one in findings if one.level is Level.NOTE}


@pytest.mark.parametrize(("more", "sources"), GIVEN.values(), ids=GIVEN)
def test_what_is_missing_is_noted(more: FormFields, sources: set[str]) -> None:
    """PyPI demands none of these fields; each that is missing has a note, and no warning."""
    assert notes_on(more) == {key: text for key, text in NOTES.items() if key not in sources}


def test_notes_of_two_files_are_equal() -> None:
    """Files that agree have equal notes, so that a list of findings has each only once."""
    distributions = a_wheel(metadata=BARE), an_sdist(metadata=BARE)

    wheel, sdist = (findings_of(an_upload(one)) for one in distributions)

    assert wheel == sdist == [Finding(key, text, Level.NOTE) for key, text in NOTES.items()]
