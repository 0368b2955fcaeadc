"""The form that goes to PyPI with an artifact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.stage.upload_forms import outgoing_form
from stageproxy.core.values import FormFields
from tests.support.builders.stages import an_artifact

ARTIFACT = an_artifact()
DIGESTS = (
    ("sha256_digest", ARTIFACT.sha256),
    ("blake2_256_digest", ARTIFACT.blake2b_256),
)
LEFT_OUT = ("content", "staged", "attestations")
FORM = ((":action", "file_upload"), ("name", "Demo"), ("classifiers", "A"), ("classifiers", "B"))
names = st.text(max_size=5).filter(lambda name: name not in {*LEFT_OUT, *dict(DIGESTS)})
forms = st.lists(st.tuples(names, st.text(max_size=5))).map(tuple)


@given(forms)
def test_form_goes_out_as_it_came(form: FormFields) -> None:
    """For any form, its fields go out as they came: each of them, in order, to the letter."""
    assert outgoing_form((*DIGESTS, *form), ARTIFACT) == (*DIGESTS, *form)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_not_for_pypi(name: str) -> None:
    """The draft marker, attestations of others, and a field in place of the file stay here."""
    assert outgoing_form((*DIGESTS, (name, "x"), *FORM), ARTIFACT) == (*DIGESTS, *FORM)


def test_digests_are_added() -> None:
    """Digests that an uploader did not send are added: they keep broken bytes out."""
    assert outgoing_form(FORM, ARTIFACT) == (*FORM, *DIGESTS)


def test_digests_that_came_stay_where_they_are() -> None:
    """Only what is missing is added."""
    form = (DIGESTS[1], *FORM)

    assert outgoing_form(form, ARTIFACT) == (*form, DIGESTS[0])


def test_attestations_of_our_own() -> None:
    """Attestations made where it is published replace those that came along."""
    form = (*DIGESTS, ("attestations", "theirs"), *FORM)

    sent = outgoing_form(form, ARTIFACT, attestations="ours")

    assert sent == (*DIGESTS, *FORM, ("attestations", "ours"))
