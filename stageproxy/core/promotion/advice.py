"""Here is what to do about PyPI's refusals, by the words they are told in."""

import re
from collections.abc import Sequence

_NEW_VERSION = "Only another version can be published."

ADVICE: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            r"previously used by a file that has since been deleted",
            f"The filename was used once and is burned. {_NEW_VERSION}",
        ),
        (
            r"already exist",
            (
                "The index has that name with other bytes, or these bytes under another name, and "
                f"takes neither twice. {_NEW_VERSION}"
            ),
        ),
        (
            r"older than 14 days",
            f"The release is closed for ever. {_NEW_VERSION}",
        ),
        (
            r"only one sdist",
            "The release has another sdist already. Look at it on the index.",
        ),
        (
            r"authentication|credential|API token|unauthori[sz]ed",
            (
                "The credential is not valid there. Set promotion.token to another one, or hand "
                "one over: stageproxy promote --pypi-token-file FILE."
            ),
        ),
        (
            r"isn't allowed to upload|forbidden|permission",
            (
                "The credential is wrong, or not for this project. Use a token whose scope has it, "
                "of a user who may upload to it."
            ),
        ),
        (
            r"attestation",
            "Attestations are taken from the Trusted Publisher alone that made them.",
        ),
        (
            r"too many new projects|temporarily disabled|read-only",
            "PyPI takes none for the moment. Promote again later.",
        ),
    )
)
"""What a refusal says, and what to do about it; of several the first that fits counts."""


def advice_on(sentence: str) -> str:
    """Return what to do about a refusal; nothing where its own sentence has to do."""
    return next((advice for pattern, advice in ADVICE if pattern.search(sentence)), "")
