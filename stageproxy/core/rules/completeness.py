"""Rules on what a release should tell its users, none of which PyPI demands."""

from collections.abc import Iterator, Sequence

from stageproxy.core.rules.findings import Finding, Level, note
from stageproxy.core.rules.upload import Check, Rule, Upload

_LICENSE_CLASSIFIER = "License ::"


def _has_any(*fields: str, unless: str, source: str) -> Check:
    """Return the check that notes that no value is given for any of the form's *fields*."""

    def check(upload: Upload) -> Iterator[Finding]:
        if not any(upload.values(*fields)):
            yield note(unless, source)

    return check


def _license(upload: Upload) -> Iterator[Finding]:
    is_stated = any(upload.values("license", "license_expression"))
    is_classified = any(one.startswith(_LICENSE_CLASSIFIER) for one in upload.values("classifiers"))
    if not is_stated and not is_classified:
        yield note("The release has no license: nobody knows whether they may use it.", "license")


COMPLETENESS_RULES: Sequence[Rule] = (
    Rule(
        "no-description",
        "the release has a description",
        _has_any(
            "description",
            unless="The release has no description: its page has only the summary.",
            source="description",
        ),
        level=Level.NOTE,
    ),
    Rule(
        "no-license",
        "the release has a license, as an expression, a text or a classifier",
        _license,
        level=Level.NOTE,
    ),
    Rule(
        "no-classifiers",
        "the release has classifiers",
        _has_any(
            "classifiers",
            unless="The release has no classifiers: searches on PyPI that filter do not find it.",
            source="classifier",
        ),
        level=Level.NOTE,
    ),
    Rule(
        "no-requires-python",
        "the release has Requires-Python",
        _has_any(
            "requires_python",
            unless=(
                "The release has no Requires-Python: installers offer it to every version of "
                "Python."
            ),
            source="requires-python",
        ),
        level=Level.NOTE,
    ),
    Rule(
        "no-project-urls",
        "the release has the URL of its project: a home page, a repository or documentation",
        _has_any(
            "project_urls",
            "home_page",
            "download_url",
            unless="The release has no project URLs: its page does not say where it is made.",
            source="project-url",
        ),
        level=Level.NOTE,
    ),
)
"""What PyPI's page of the release would lack. The findings are the same for files that agree."""
