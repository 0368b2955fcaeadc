"""The rule on descriptions, which PyPI has to render."""

from collections.abc import Iterator

from stageproxy.core.rules.findings import Finding, not_known
from stageproxy.core.rules.libraries import (
    DESCRIPTIONS,
    ProblemFinder,
    media_type_of,
    not_checked,
)
from stageproxy.core.rules.upload import Check, Rule, Upload

LONGEST_RENDERED = 128 * 2**10
"""How many characters are rendered: a malicious text of ten times as many takes docutils
minutes."""

_RST = "text/x-rst"
_TOO_LONG = (
    f"The description has over {LONGEST_RENDERED} characters. Only PyPI checks whether it renders."
)


def descriptions_checked_by(find_problem: ProblemFinder | None) -> Check:
    """Return the check of descriptions. Markdown and plain text always render."""

    def check(upload: Upload) -> Iterator[Finding]:
        text, content_type = upload.get("description"), upload.get("description_content_type")
        if text is None or media_type_of(content_type or _RST) != _RST:
            return
        if len(text) > LONGEST_RENDERED:
            yield not_known(_TOO_LONG, "description")
        elif find_problem is None:
            yield not_known(not_checked("The description"), "description")
        elif find_problem(text) is not None:
            yield Finding(
                "description", _sentence(content_type), page="help/#description-content-type"
            )

    return check


def _sentence(content_type: str | None) -> str:
    if content_type is None:
        return "The description failed to render in the default format of reStructuredText."
    return f"The description failed to render for {content_type!r}."


DESCRIPTION_RULE = Rule(
    "description",
    "a description in reStructuredText, which is the default type, renders without errors",
    descriptions_checked_by(DESCRIPTIONS),
    "The description failed to render ….",
)
