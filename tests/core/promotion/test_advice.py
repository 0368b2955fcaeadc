"""Advice on PyPI's refusals."""

import pytest

from stageproxy.core.promotion.advice import ADVICE, advice_on

EXISTS = "File already exists ('demo-2.0.tar.gz', with blake2_256 hash '00')."
DELETED = (
    "This filename was previously used by a file that has since been deleted. "
    "Use a different version."
)
CLOSED = "Uploading new files to releases older than 14 days is not allowed."
TOKEN = "Invalid or non-existent authentication information."
USER = "The user 'u' isn't allowed to upload to project 'demo'."


@pytest.mark.parametrize(
    ("sentence", "start"),
    [
        (EXISTS, "The index has that name with other bytes"),
        (DELETED, "The filename was used once and is burned."),
        (CLOSED, "The release is closed for ever."),
        ("Only one sdist may be uploaded per release.", "The release has another sdist already."),
        (TOKEN, "The credential is not valid there."),
        ("Invalid API Token: invalid token", "The credential is not valid there."),
        (USER, "The credential is wrong, or not for this project."),
        ("New uploads are temporarily disabled.", "PyPI takes none for the moment."),
        ("Too many new projects created", "PyPI takes none for the moment."),
    ],
)
def test_advice(sentence: str, start: str) -> None:
    """Each sentence of PyPI has its advice."""
    assert advice_on(sentence).startswith(start)


def test_unknown_refusal_has_no_advice() -> None:
    """An unknown sentence has no advice."""
    assert advice_on("The description failed to render.") == ""


def test_advice_is_distinct() -> None:
    """Different refusals have different advice."""
    assert len({advice for _, advice in ADVICE}) == len(ADVICE)
