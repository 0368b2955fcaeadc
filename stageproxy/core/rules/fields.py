"""Rules on the metadata fields of a form, beyond those of `packaging`."""

from collections.abc import Iterator, Sequence
from email.utils import parseaddr

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version
from trove_classifiers import classifiers, deprecated_classifiers

from stageproxy.core.archives.metadata import metadata_in, problems_in, takes_one_value
from stageproxy.core.rules.findings import Finding, not_known
from stageproxy.core.rules.libraries import ADDRESSES, ProblemFinder, is_web_url, not_checked
from stageproxy.core.rules.upload import Check, Rule, Upload

METADATA_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
LONGEST_SUMMARY = 512
LONGEST_LABEL = 32

_REPORTED_FIRST = ("metadata-version", "name", "version")


def metadata_findings(upload: Upload) -> list[Finding]:
    """Return the findings on the metadata in a form, in PyPI's order.

    A finding of `packaging` is left out if PyPI has its own on the same field.
    """
    own = [finding for rule in _OWN_RULES for finding in rule.check(upload)]
    sources = {finding.source for finding in own}
    others = [finding for finding in _packaging(upload) if finding.source not in sources]
    return list(dict.fromkeys(sorted([*own, *others], key=_reported_order)))


def find_version(text: str) -> Version | None:
    """Return the version in a text, `None` if it is not a version."""
    try:
        return Version(text)
    except ValueError:  # also raised by Python on numbers of thousands of digits
        return None


def _reported_order(finding: Finding) -> tuple[int, str]:
    if finding.source in _REPORTED_FIRST:
        return _REPORTED_FIRST.index(finding.source), ""
    return len(_REPORTED_FIRST), finding.source


def _finding(name: str, message: str) -> Finding:
    return Finding(name.replace("_", "-"), message.removesuffix(".") + ".")


def _metadata_version(upload: Upload) -> Iterator[Finding]:
    version = upload.get("metadata_version")
    if version not in METADATA_VERSIONS:
        yield _finding("metadata_version", f"{version!r} is not a valid metadata version")


def _version(upload: Upload) -> Iterator[Finding]:
    text = upload.get("version")
    if text is None:
        yield _finding("version", "'version' is a required field")
        return
    version = find_version(text)
    if version is None:
        yield _finding("version", f"{text!r} is invalid for 'version'")
    elif version.local:
        yield _finding("version", f"The use of local versions in {text!r} is not allowed")


def _repeated(upload: Upload) -> Iterator[Finding]:
    names = [name for name, _ in upload.form]
    for name in dict.fromkeys(names):
        if takes_one_value(name) and names.count(name) > 1:
            yield _finding(name, f"{name!r} has invalid data")
    labels = [value.partition(",")[0].strip() for value in upload.values("project_urls")]
    if len(set(labels)) < len(labels):
        yield _finding("project-url", "'project_urls' has invalid data")


def _summary(upload: Upload) -> Iterator[Finding]:
    for summary in upload.values("summary"):
        if len(summary) > LONGEST_SUMMARY:
            yield _finding(
                "summary", f"'summary' field must be {LONGEST_SUMMARY} characters or less"
            )
        elif "\n" in summary:
            yield _finding("summary", "'summary' must be a single line")


def addresses_checked_by(find_problem: ProblemFinder | None) -> Check:
    """Return the check of email addresses. Only the first in each field is checked, as on PyPI."""

    def check(upload: Upload) -> Iterator[Finding]:
        for name in ("author_email", "maintainer_email"):
            for address in filter(None, map(_first_address, upload.values(name))):
                problem = _address_problem(address, find_problem)
                if problem:
                    yield _finding(name, f"{address!r} is not a valid email address: {problem}")
                elif find_problem is None:
                    yield not_known(not_checked("An email address"), "email")

    return check


def _first_address(text: str) -> str:
    try:
        return parseaddr(text)[1]
    except RecursionError:  # an address with thousands of brackets
        return text


def _address_problem(address: str, find_problem: ProblemFinder | None) -> str | None:
    if find_problem is not None:
        return find_problem(address)
    return None if "@" in address else "An email address must have an @-sign"


def _classifiers(upload: Upload) -> Iterator[Finding]:
    for one in upload.values("classifiers"):
        if one not in classifiers and one not in deprecated_classifiers:
            yield _finding("classifier", f"{one!r} is not a valid classifier")


def _deprecated_classifiers(upload: Upload) -> Iterator[Finding]:
    for one in upload.values("classifiers"):
        others = deprecated_classifiers.get(one)
        if others:
            yield _finding(
                "classifier",
                f"The classifier {one!r} has been deprecated, use one of {others} instead",
            )
        elif others is not None:
            yield _finding("classifier", f"The classifier {one!r} has been deprecated")


def _urls(upload: Upload) -> Iterator[Finding]:
    for name in ("home_page", "download_url"):
        for value in upload.values(name):
            if not is_web_url(value):
                yield _finding(name, f"{value!r} is not a valid url")


def _project_urls(upload: Upload) -> Iterator[Finding]:
    for value in upload.values("project_urls"):
        label, _, url = (part.strip() for part in value.partition(","))
        if not label:
            yield _finding("project-url", "Must have a label")
        elif len(label) > LONGEST_LABEL:
            yield _finding("project-url", f"{label!r} must be {LONGEST_LABEL} characters or less")
        elif not url:
            yield _finding("project-url", "Must have a URL")
        elif not is_web_url(url):
            yield _finding("project-url", f"{url!r} is not a valid url")


def _direct_references(upload: Upload) -> Iterator[Finding]:
    for value in upload.values("requires_dist"):
        requirement = _find_requirement(value)
        if isinstance(requirement, Requirement) and requirement.url:
            yield _finding("requires-dist", f"Can't have direct dependency: {value}")


def _other_distributions(upload: Upload) -> Iterator[Finding]:
    for name in ("provides_dist", "obsoletes_dist"):
        for value in upload.values(name):
            requirement = _find_requirement(value)
            if isinstance(requirement, str):
                yield _finding(name, f"{value!r} is invalid: {requirement}")
            elif requirement.url:
                yield _finding(name, f"Can't have direct dependency: {value!r}")


def _find_requirement(text: str) -> Requirement | str:
    """Return the requirement, or the first line of the message of `packaging` on it.

    PyPI sends all lines, but a status line has only one.
    """
    try:
        return Requirement(text)
    except (InvalidRequirement, ValueError) as error:
        return str(error).partition("\n")[0]
    except RecursionError:
        return "it is nested too deeply"


def _licenses(upload: Upload) -> Iterator[Finding]:
    if upload.get("license") and upload.get("license_expression"):
        yield _finding(
            "license",
            "License is deprecated when License-Expression is present. "
            "Only License-Expression should be present",
        )


def _packaging(upload: Upload) -> Iterator[Finding]:
    for problem in problems_in(metadata_in(upload.form)):
        if problem.field not in {"", "name"}:
            yield _finding(problem.field, problem.message)


_OWN_RULES: Sequence[Rule] = (
    Rule(
        "metadata-version",
        f"`metadata_version` is one of {', '.join(METADATA_VERSIONS)}; 2.6 is not accepted yet",
        _metadata_version,
        "'…' is not a valid metadata version.",
    ),
    Rule(
        "version",
        "the version follows PEP 440 and has no local part",
        _version,
        "'…' is invalid for 'version'.",
    ),
    Rule(
        "repeated-field",
        "single-valued fields and the labels of project URLs are not repeated",
        _repeated,
        "'…' has invalid data.",
    ),
    Rule(
        "summary",
        f"the summary is one line of at most {LONGEST_SUMMARY} characters",
        _summary,
        "'summary' …",
    ),
    Rule(
        "email",
        "the first address of the author, and that of the maintainer, is a valid email address",
        addresses_checked_by(ADDRESSES),
        "'…' is not a valid email address: …",
    ),
    Rule(
        "classifier-unknown",
        "every classifier is in PyPI's list, and none starts with `Private ::`",
        _classifiers,
        "'…' is not a valid classifier.",
    ),
    Rule(
        "classifier-deprecated",
        "no classifier is deprecated",
        _deprecated_classifiers,
        "The classifier '…' has been deprecated….",
    ),
    Rule(
        "url",
        "the home page and the download URL are http or https URLs",
        _urls,
        "'…' is not a valid url.",
    ),
    Rule(
        "project-url",
        f"a project URL has a label of at most {LONGEST_LABEL} characters and is http or https",
        _project_urls,
        "Must have a label.",
    ),
    Rule(
        "direct-reference",
        "no dependency is a URL",
        _direct_references,
        "Can't have direct dependency: …",
    ),
    Rule(
        "other-distribution",
        "Provides-Dist and Obsoletes-Dist are requirements without a URL",
        _other_distributions,
        "'…' is invalid: …",
    ),
    Rule(
        "two-licenses",
        "`license` and `license_expression` are not both set",
        _licenses,
        "License is deprecated when License-Expression is present. …",
    ),
)

METADATA_RULES: Sequence[Rule] = (
    *_OWN_RULES,
    Rule(
        "metadata-field",
        "requirements, Python versions, extras, dynamic fields, license expressions and files, "
        "import names and the description's type are valid for `packaging` and allowed in the "
        "metadata version",
        _packaging,
        "'…' is invalid for '…'.",
    ),
)
"""PyPI's checks of the metadata in the form; `metadata_findings` orders the findings."""
