"""The table of PyPI's rules, `RULES`, in PyPI's order, and their findings.

The rules are those of PyPI on `RULES_AS_OF`. A new rule of PyPI is a new line in
its part of the table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stageproxy.core.rules.archive import (
    ARCHIVE_RULES,
    ARCHIVE_SUSPICION,
    ARCHIVE_UNREAD,
    LICENSE_FILES,
    WHEEL_RULES,
)
from stageproxy.core.rules.completeness import COMPLETENESS_RULES
from stageproxy.core.rules.fields import METADATA_RULES, metadata_findings
from stageproxy.core.rules.filename import (
    FILE_RULES,
    FILENAME_LENGTH,
    FILENAME_RULES,
    FILENAME_SUSPICION,
)
from stageproxy.core.rules.findings import Finding, Level, not_known
from stageproxy.core.rules.form import FORM_RULES, NAME_RULE
from stageproxy.core.rules.libraries import DESCRIPTION_RULE
from stageproxy.core.rules.metadata_match import METADATA_MATCH_RULES
from stageproxy.core.rules.project import (
    FILE_SIZE,
    PROJECT_SIZE,
    RELEASE_RULES,
    SIMILAR_NAME,
    STDLIB_NAME,
)
from stageproxy.core.rules.unverifiable import ATTESTATIONS, UNKNOWN_RULES
from stageproxy.core.rules.upload import RULES_AS_OF, Rule, Upload
from stageproxy.core.values import FormFields

__all__ = [
    "RULES",
    "RULES_AS_OF",
    "UNKNOWN_RULES",
    "PlacedFinding",
    "Step",
    "file_findings",
    "findings_of",
    "form_findings",
    "in_pypi_order",
    "index_findings",
    "names_a_project",
    "placed_index_findings",
    "refusals",
    "steps_of",
]

_RULES_ON_FILES: Sequence[Rule] = (
    STDLIB_NAME,
    SIMILAR_NAME,
    DESCRIPTION_RULE,
    *FILE_RULES,
    FILE_SIZE,
    PROJECT_SIZE,
    *RELEASE_RULES,
    *ARCHIVE_RULES,
    *FILENAME_RULES,
    LICENSE_FILES,
    *WHEEL_RULES,
    FILENAME_LENGTH,
    ATTESTATIONS,
    ARCHIVE_SUSPICION,
    ARCHIVE_UNREAD,
    *METADATA_MATCH_RULES,
    FILENAME_SUSPICION,
    *COMPLETENESS_RULES,
)

_INDEX_RULES: Sequence[Rule] = (
    STDLIB_NAME,
    SIMILAR_NAME,
    FILE_SIZE,
    PROJECT_SIZE,
    *RELEASE_RULES,
)
"""The rules whose findings depend on what the index lists, and change with it."""

RULES: Sequence[Rule] = (*FORM_RULES, *METADATA_RULES, *_RULES_ON_FILES)
"""PyPI's checks, in its order, and our own checks for suspicious files."""

_METADATA = Rule(
    "metadata", "the metadata in the form fulfils all of METADATA_RULES", metadata_findings
)
_APPLIED: Sequence[Rule] = (*FORM_RULES, _METADATA, *_RULES_ON_FILES)
_PLACES = {rule.id: place for place, rule in enumerate(_APPLIED)}

PlacedFinding = tuple[int, Finding]
"""A finding, and the place of its rule in PyPI's order."""


@dataclass(frozen=True, slots=True)
class Step:
    """Rules that are applied together, and what is said if there is no time or memory for them."""

    rules: Sequence[Rule]
    unchecked: str = "The upload was not checked here"
    source: str = "content"

    def findings(self, upload: Upload) -> list[PlacedFinding]:
        """Return the findings of these rules."""
        return [(_PLACES[rule.id], one) for rule in self.rules for one in rule.check(upload)]

    def not_checked(self, why: str) -> PlacedFinding:
        """Return what stands for the findings of these rules if they were not applied."""
        message = f"{self.unchecked}: {why}. Only PyPI checks it."
        return _PLACES[self.rules[0].id], not_known(message, self.source)


_FORM_STEPS: Sequence[Step] = (
    Step(FORM_RULES, "The form was not checked here"),
    Step([_METADATA], "The metadata in the form was not checked here", "metadata"),
)
_SLOW_STEPS: Sequence[Step] = (
    _FORM_STEPS[1],
    Step(METADATA_MATCH_RULES, "The form was not compared with the metadata in the file"),
    Step([ATTESTATIONS], "The attestations were not read here", "attestations"),
    Step([DESCRIPTION_RULE], "The description was not rendered here", "description"),
)
_SLOW_RULES = [rule for step in _SLOW_STEPS for rule in step.rules]
_FILE_STEPS: Sequence[Step] = (
    Step([rule for rule in _APPLIED if rule not in (*_SLOW_RULES, *_INDEX_RULES)]),
    *_SLOW_STEPS,
)


def steps_of(*, only_form: bool) -> Sequence[Step]:
    """Return the steps in which the rules are applied that need no index.

    The first step takes no longer than reading the upload. A hostile upload can make each
    of the others as slow as it likes.
    """
    return _FORM_STEPS if only_form else _FILE_STEPS


def placed_index_findings(upload: Upload) -> list[PlacedFinding]:
    """Return the findings that depend on what the index lists. They need no archive."""
    return Step(_INDEX_RULES).findings(upload)


def in_pypi_order(placed: Iterable[PlacedFinding]) -> list[Finding]:
    """Return findings in PyPI's order."""
    return [finding for _, finding in sorted(placed, key=lambda one: one[0])]


def findings_of(upload: Upload) -> list[Finding]:
    """Return all findings on an upload, in PyPI's order."""
    return _found(_APPLIED, upload)


def file_findings(upload: Upload) -> list[Finding]:
    """Return the findings that only the file and its form decide: they never change."""
    return _found([rule for rule in _APPLIED if rule not in _INDEX_RULES], upload)


def index_findings(upload: Upload) -> list[Finding]:
    """Return the findings that depend on what the index lists. They need no archive."""
    return _found(_INDEX_RULES, upload)


def form_findings(form: FormFields) -> list[Finding]:
    """Return the findings that need only the form."""
    upload = Upload(form, "", None, "", "", "")
    return [one for step in _FORM_STEPS for _, one in step.findings(upload)]


def names_a_project(form: FormFields) -> bool:
    """Return whether a form names one project, and that by a valid name. This takes no time."""
    names = [value for key, value in form if key == "name"]
    return len(names) == 1 and not any(NAME_RULE.check(Upload(form, "", None, "", "", "")))


def refusals(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings for which PyPI refuses the file."""
    return [finding for finding in findings if finding.level is Level.REFUSE]


def _found(rules: Sequence[Rule], upload: Upload) -> list[Finding]:
    return [finding for rule in rules for finding in rule.check(upload)]
