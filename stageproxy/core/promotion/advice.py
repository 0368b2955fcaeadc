"""What to do about PyPI's refusals, by their sentences."""

import re
from collections.abc import Sequence

_NEW_VERSION = "Publish another version."

ADVICE: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            r"previously used by a file that has since been deleted",
            f"The filename was used before and cannot be used again. {_NEW_VERSION}",
        ),
        (
            r"already exist",
            (
                "The index has this filename with other bytes, or these bytes under another "
                f"filename. Neither can be uploaded again. {_NEW_VERSION}"
            ),
        ),
        (
            r"older than 14 days",
            f"The release accepts no more files. {_NEW_VERSION}",
        ),
        (
            r"only one sdist",
            "The release already has another sdist. Check it on the index.",
        ),
        (
            r"authentication|credential|API token|unauthori[sz]ed",
            (
                "The index rejects this credential. Set promotion.token to a valid one, or pass "
                "one: stageproxy promote --pypi-token-file FILE."
            ),
        ),
        (
            r"isn't allowed to upload|forbidden|permission",
            (
                "The credential is wrong or does not cover this project. Use a token for this "
                "project, of a user who may upload to it."
            ),
        ),
        (
            r"attestation",
            "PyPI accepts attestations only from the Trusted Publisher that made them.",
        ),
        (
            r"too many new projects|temporarily disabled|read-only",
            "PyPI does not accept this at the moment. Run `stageproxy promote STAGE` again later.",
        ),
    )
)
"""Patterns of refusals and what to do about each. The first match counts."""


def advice_on(sentence: str) -> str:
    """Return what to do about a refusal, empty if its sentence matches no pattern."""
    return next((advice for pattern, advice in ADVICE if pattern.search(sentence)), "")
