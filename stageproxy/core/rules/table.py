"""The table of PyPI's rules, `RULES`, in PyPI's order, and their findings.

The rules are those of PyPI on `RULES_AS_OF`. A new rule of PyPI is a new line in
its part of the table.
"""

from collections.abc import Sequence

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
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.form import FORM_RULES
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
    "file_findings",
    "findings_of",
    "form_findings",
    "index_findings",
    "refusals",
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


def findings_of(upload: Upload) -> list[Finding]:
    """Return all findings on an upload, in PyPI's order."""
    return [*_form_findings(upload), *_found(_RULES_ON_FILES, upload)]


def file_findings(upload: Upload) -> list[Finding]:
    """Return the findings that only the file and its form decide: they never change."""
    rules = [rule for rule in _RULES_ON_FILES if rule not in _INDEX_RULES]
    return [*_form_findings(upload), *_found(rules, upload)]


def index_findings(upload: Upload) -> list[Finding]:
    """Return the findings that depend on what the index lists. They need no archive."""
    return _found(_INDEX_RULES, upload)


def form_findings(form: FormFields) -> list[Finding]:
    """Return the findings that need only the form."""
    return _form_findings(Upload(form, "", None, "", "", ""))


def refusals(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings for which PyPI refuses the file."""
    return [finding for finding in findings if finding.level is Level.REFUSE]


def _form_findings(upload: Upload) -> list[Finding]:
    return [*_found(FORM_RULES, upload), *metadata_findings(upload)]


def _found(rules: Sequence[Rule], upload: Upload) -> list[Finding]:
    return [finding for rule in rules for finding in rule.check(upload)]
