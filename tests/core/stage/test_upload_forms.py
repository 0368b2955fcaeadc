"""The form that is sent to PyPI with an artifact."""

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
def test_form_is_sent_unchanged(form: FormFields) -> None:
    """For any form, its fields are sent unchanged and in order."""
    assert outgoing_form((*DIGESTS, *form), ARTIFACT) == (*DIGESTS, *form)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_some_fields_are_not_sent(name: str) -> None:
    """The draft marker, foreign attestations, and a field in place of the file are not sent."""
    assert outgoing_form((*DIGESTS, (name, "x"), *FORM), ARTIFACT) == (*DIGESTS, *FORM)


def test_digests_are_added() -> None:
    """Digests that the uploader did not send are added, so that PyPI finds damage."""
    assert outgoing_form(FORM, ARTIFACT) == (*FORM, *DIGESTS)


def test_existing_digests_are_not_moved() -> None:
    """Only the missing digest is added."""
    form = (DIGESTS[1], *FORM)

    assert outgoing_form(form, ARTIFACT) == (*form, DIGESTS[0])


def test_own_attestations_replace_others() -> None:
    """Attestations of the publishing workflow replace those of the upload."""
    form = (*DIGESTS, ("attestations", "theirs"), *FORM)

    sent = outgoing_form(form, ARTIFACT, attestations="ours")

    assert sent == (*DIGESTS, *FORM, ("attestations", "ours"))
