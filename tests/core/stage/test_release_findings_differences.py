"""Differences between the files of one release."""

from dataclasses import replace

import pytest

from stageproxy.core.stage.release_findings import claims_of_artifact, claims_of_form, differences
from tests.support.builders.stages import an_artifact

WHEEL, SDIST = "demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"
FORM = (
    ("filetype", "bdist_wheel"),
    ("summary", "A demo"),
    ("requires_python", ">=3.9"),
    ("requires_dist", "six"),
    ("requires_dist", "idna>=3"),
)
LABELS = {
    "requires_python": "Requires-Python",
    "summary": "Summary",
    "requires_dist": "Requires-Dist",
}


def sdist_form(**changes: str) -> tuple[tuple[str, str], ...]:
    """Return the form of the sdist with another value of a field."""
    given = {"filetype": "sdist", **changes}
    return tuple((name, given.get(name, value)) for name, value in FORM)


def test_no_difference() -> None:
    """Values that differ only in order and spelling are no difference."""
    swapped = (*sdist_form()[:3], ("requires_dist", "idna >= 3"), ("requires_dist", "six"))

    assert differences([claims_of_form(WHEEL, FORM), claims_of_form(SDIST, swapped)]) == []


@pytest.mark.parametrize("field", LABELS)
def test_other_value(field: str) -> None:
    """A value that differs from the first file's is reported with its usual label."""
    claims = [claims_of_form(SDIST, sdist_form(**{field: "other"})), claims_of_form(WHEEL, FORM)]

    sentence = (
        f"{SDIST} has a different {LABELS[field]} than {WHEEL}. "
        f"PyPI shows that of {WHEEL} for all files, because it is published first."
    )
    assert differences(claims) == [sentence]


@pytest.mark.parametrize("field", LABELS)
def test_missing_value(field: str) -> None:
    """A missing value is a difference; an empty field is a missing value."""
    without = tuple(pair for pair in sdist_form() if pair[0] != field)
    empty = (*without, (field, ""))

    by_form = [claims_of_form(SDIST, form) for form in (without, empty)]

    assert by_form[0] == by_form[1]
    assert len(differences([claims_of_form(WHEEL, FORM), by_form[0]])) == 1


def test_unreadable_requirement() -> None:
    """A requirement that cannot be parsed is compared as text."""
    claims = claims_of_form(SDIST, sdist_form(requires_dist="???"))

    assert claims.values["requires_dist"] == {"???"}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_files(count: int) -> None:
    """No file and a single file have no differences."""
    assert differences([claims_of_form(WHEEL, FORM)] * count) == []


def test_staged_file() -> None:
    """A staged file has the same claims as its form."""
    artifact = replace(
        an_artifact(WHEEL, requires_python=">=3.9"),
        summary="A demo",
        requires_dist=("six", "idna>=3"),
    )

    assert claims_of_artifact(artifact) == claims_of_form(WHEEL, FORM)


def test_staged_file_without_claims() -> None:
    """A staged file without fields has the same empty claims as its form."""
    assert claims_of_artifact(an_artifact(SDIST)) == claims_of_form(SDIST, (("filetype", "sdist"),))


def test_wheels_come_first() -> None:
    """The others are compared with the first wheel, however the sdist is spelled."""
    sdist = claims_of_form("Demo-2.0.tar.gz", sdist_form(summary="Another"))

    (sentence,) = differences([sdist, claims_of_form(WHEEL, FORM)])

    assert sentence.startswith(f"Demo-2.0.tar.gz has a different Summary than {WHEEL}. ")
