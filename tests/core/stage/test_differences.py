"""In what the files of one release differ."""

from dataclasses import replace

import pytest

from stageproxy.core.stage.differences import claims_of_artifact, claims_of_form, differences
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
    """Return the form of the sdist, in which a field has another value."""
    given = {"filetype": "sdist", **changes}
    return tuple((name, given.get(name, value)) for name, value in FORM)


def test_alike() -> None:
    """Where all say the same, in whatever order and spelling, nothing is told."""
    swapped = (*sdist_form()[:3], ("requires_dist", "idna >= 3"), ("requires_dist", "six"))

    assert differences([claims_of_form(WHEEL, FORM), claims_of_form(SDIST, swapped)]) == []


@pytest.mark.parametrize("field", LABELS)
def test_other_value(field: str) -> None:
    """What another file says than the first is told, by the label that people know."""
    told = [claims_of_form(SDIST, sdist_form(**{field: "other"})), claims_of_form(WHEEL, FORM)]

    sentence = (
        f"{SDIST} has a different {LABELS[field]} than {WHEEL}. "
        f"PyPI shows that of {WHEEL} for all files, because it is published first."
    )
    assert differences(told) == [sentence]


@pytest.mark.parametrize("field", LABELS)
def test_missing_value(field: str) -> None:
    """To say nothing is another thing, too; an empty field says nothing."""
    without = tuple(pair for pair in sdist_form() if pair[0] != field)
    empty = (*without, (field, ""))

    by_form = [claims_of_form(SDIST, form) for form in (without, empty)]

    assert by_form[0] == by_form[1]
    assert len(differences([claims_of_form(WHEEL, FORM), by_form[0]])) == 1


def test_requirement_that_cannot_be_read() -> None:
    """It is compared as it is."""
    told = claims_of_form(SDIST, sdist_form(requires_dist="???"))

    assert told.values["requires_dist"] == {"???"}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few(count: int) -> None:
    """Nothing and a single file differ from nothing."""
    assert differences([claims_of_form(WHEEL, FORM)] * count) == []


def test_staged_file() -> None:
    """Of a staged file the same is known as of a form."""
    artifact = replace(
        an_artifact(WHEEL, requires_python=">=3.9"),
        summary="A demo",
        requires_dist=("six", "idna>=3"),
    )

    assert claims_of_artifact(artifact) == claims_of_form(WHEEL, FORM)


def test_staged_file_that_says_nothing() -> None:
    """So it is where nothing is said."""
    assert claims_of_artifact(an_artifact(SDIST)) == claims_of_form(SDIST, (("filetype", "sdist"),))


def test_wheels_are_published_first() -> None:
    """It is a wheel that the others are held against, however an sdist is spelled."""
    sdist = claims_of_form("Demo-2.0.tar.gz", sdist_form(summary="Another"))

    (sentence,) = differences([sdist, claims_of_form(WHEEL, FORM)])

    assert sentence.startswith(f"Demo-2.0.tar.gz has a different Summary than {WHEEL}. ")
