"""Here is what PyPI checks of single metadata fields, beyond what packaging does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import parseaddr
from urllib.parse import urlsplit

from packaging.version import Version

from stageproxy.core.verdict.findings import Finding
from stageproxy.core.verdict.metadata import FormFields, takes_one_value

METADATA_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
LONGEST_SUMMARY = 512
LONGEST_LABEL = 32

_WEB = frozenset({"http", "https"})


def field_findings(form: FormFields) -> list[Finding]:
    """Return what PyPI finds wrong with the fields of a form, each by itself."""
    return [finding for rule in FIELD_RULES for finding in rule(form)]


def find_version(text: str) -> Version | None:
    """Return the version that a text spells, or nothing if it spells none."""
    try:
        return Version(text)
    except ValueError:  # not only InvalidVersion: Python refuses numbers of thousands of digits
        return None


def _metadata_version(form: FormFields) -> Iterator[Finding]:
    version = next(iter(_values(form, "metadata_version")), None)
    if version not in METADATA_VERSIONS:
        yield Finding("metadata-version", f"{version!r} is not a valid metadata version")


def _version(form: FormFields) -> Iterator[Finding]:
    text = next(iter(_values(form, "version")), None)
    if text is None:
        yield Finding("version", "'version' is a required field")
        return
    version = find_version(text)
    if version is None:
        yield Finding("version", f"{text!r} is invalid for 'version'")
    elif version.local:
        yield Finding("version", f"The use of local versions in {text!r} is not allowed")


def _repeated(form: FormFields) -> Iterator[Finding]:
    names = [name for name, _ in form]
    for name in dict.fromkeys(names):
        if takes_one_value(name) and names.count(name) > 1:
            yield Finding(_source(name), f"{name!r} has invalid data")
    labels = [value.partition(",")[0].strip() for value in _values(form, "project_urls")]
    if len(set(labels)) < len(labels):
        yield Finding("project-url", "'project_urls' has invalid data")


def _summary(form: FormFields) -> Iterator[Finding]:
    for summary in _values(form, "summary"):
        if len(summary) > LONGEST_SUMMARY:
            yield Finding(
                "summary", f"'summary' field must be {LONGEST_SUMMARY} characters or less"
            )
        elif "\n" in summary:
            yield Finding("summary", "'summary' must be a single line")


def _addresses(form: FormFields) -> Iterator[Finding]:
    """Look at the first address alone, as PyPI does."""
    for name in ("author_email", "maintainer_email"):
        for value in _values(form, name):
            address = parseaddr(value)[1]
            if address and "@" not in address:
                yield Finding(
                    _source(name),
                    f"{address!r} is not a valid email address: "
                    "An email address must have an @-sign",
                )


def _urls(form: FormFields) -> Iterator[Finding]:
    for name in ("home_page", "download_url"):
        for value in _values(form, name):
            if not _is_web(value):
                yield Finding(_source(name), f"{value!r} is not a valid url")


def _project_urls(form: FormFields) -> Iterator[Finding]:
    for value in _values(form, "project_urls"):
        label, _, url = (part.strip() for part in value.partition(","))
        if not label:
            yield Finding("project-url", "Must have a label")
        elif len(label) > LONGEST_LABEL:
            yield Finding("project-url", f"{label!r} must be {LONGEST_LABEL} characters or less")
        elif not url:
            yield Finding("project-url", "Must have a URL")
        elif not _is_web(url):
            yield Finding("project-url", f"{url!r} is not a valid url")


def _licenses(form: FormFields) -> Iterator[Finding]:
    if any(_values(form, "license")) and any(_values(form, "license_expression")):
        yield Finding(
            "license",
            "License is deprecated when License-Expression is present. "
            "Only License-Expression should be present",
        )


def _values(form: FormFields, name: str) -> Sequence[str]:
    return [value for key, value in form if key == name and value not in {"", "UNKNOWN"}]


def _source(name: str) -> str:
    return name.replace("_", "-")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _WEB and bool(parts.hostname)


FIELD_RULES: Sequence[Callable[[FormFields], Iterable[Finding]]] = (
    _metadata_version,
    _version,
    _repeated,
    _summary,
    _addresses,
    _urls,
    _project_urls,
    _licenses,
)
