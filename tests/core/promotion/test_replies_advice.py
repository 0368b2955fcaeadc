"""Advice on PyPI's refusals."""

import pytest

from stageproxy.core.promotion.replies import ADVICE, advice_on

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
        (EXISTS, "The index has this filename with other bytes"),
        (DELETED, "The filename was used before and cannot be used again."),
        (CLOSED, "The release accepts no more files."),
        ("Only one sdist may be uploaded per release.", "The release already has another sdist."),
        (TOKEN, "The index rejects this credential."),
        ("Invalid API Token: invalid token", "The index rejects this credential."),
        (USER, "The credential is wrong or does not cover this project."),
        ("New uploads are temporarily disabled.", "PyPI does not accept this at the moment."),
        ("Too many new projects created", "PyPI does not accept this at the moment."),
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
