"""Here is what PyPI checks of an upload, in its order; all problems at once.

As seen from PyPI on 2026-08-21. The rules are one table, `RULES`: a new one of
PyPI's is a new line there.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from packaging.utils import canonicalize_name

from stageproxy.core.verdict.archives import Contents
from stageproxy.core.verdict.fields import field_findings, find_version
from stageproxy.core.verdict.filenames import DistributionName, parse_distribution_name
from stageproxy.core.verdict.findings import Finding, Level
from stageproxy.core.verdict.metadata import (
    FormFields,
    metadata_in,
    problems_in,
    read_core_metadata,
)
from stageproxy.core.verdict.platforms import is_taken

RULES_AS_OF = date(2026, 8, 21)

LONGEST_FILENAME = 255

_PROJECT_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FILETYPES = {"bdist_wheel": (".whl",), "sdist": (".tar.gz", ".zip")}
_FIRST_SHOWN = ("metadata-version", "name", "version")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the form's fields in their order, its name, its bytes in digests.

    `name` is `None` where the filename cannot be taken apart, and `contents`
    where the archive was not looked into.
    """

    form: FormFields
    filename: str
    content_type: str | None
    sha256: str
    blake2b_256: str
    md5: str
    name: DistributionName | None = None
    contents: Contents = field(default_factory=Contents)

    def get(self, field_name: str) -> str | None:
        """Return a form field's first value, or nothing if it is missing, empty or `UNKNOWN`."""
        values = (value for key, value in self.form if key == field_name)
        first = next(values, None)
        return None if first in {None, "", "UNKNOWN"} else first


Rule = Callable[[Upload], Iterable[Finding]]


def findings_of(upload: Upload) -> list[Finding]:
    """Return everything that is to be said of an upload, in PyPI's order."""
    return [finding for rule in RULES for finding in rule(upload)]


def form_findings(form: FormFields) -> list[Finding]:
    """Return what can be said before a file is there."""
    upload = Upload(form, "", None, "", "", "")
    return [finding for rule in FORM_RULES for finding in rule(upload)]


def refusals(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that make PyPI refuse the file."""
    return [finding for finding in findings if finding.level is Level.REFUSE]


def _protocol_version(upload: Upload) -> Iterator[Finding]:
    if upload.get("protocol_version") not in {None, "1"}:
        yield Finding("protocol_version", "Unknown protocol version.")


def _name(upload: Upload) -> Iterator[Finding]:
    name = upload.get("name")
    if name is None:
        error = "This field is required."
    elif not _PROJECT_NAME.fullmatch(name):
        error = (
            "Start and end with a letter or numeral containing only ASCII numeric "
            "and '.', '_' and '-'."
        )
    else:
        return
    yield Finding("name", f"{_shown(name or '')!r} is an invalid value for Name. Error: {error}")


def _shown(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:30]}...{value[-30:]}"  # noqa: PLR2004 - PyPI's


def _filetype(upload: Upload) -> Iterator[Finding]:
    filetype = upload.get("filetype")
    if filetype is None:
        yield _invalid_value("filetype", "This field is required.")
    elif filetype not in _FILETYPES:
        yield _invalid_value("filetype", "Use a known file type.")


def _digest_spelling(upload: Upload) -> Iterator[Finding]:
    for name, known_as in (("blake2_256_digest", "BLAKE2"), ("sha256_digest", "SHA256")):
        value = upload.get(name)
        if value is not None and not _HEX_DIGEST.fullmatch(value):
            yield _invalid_value(name, f"Use a valid, hex-encoded, {known_as} message digest.")


def _python_version(upload: Upload) -> Iterator[Finding]:
    filetype, version = upload.get("filetype"), upload.get("pyversion")
    if filetype == "bdist_wheel" and version is None:
        yield _invalid_value(
            "pyversion", "Python version is required for binary distribution uploads."
        )
    if filetype == "sdist" and version not in {None, "source"}:
        yield _invalid_value("pyversion", "Use 'source' as Python version for an sdist.")


def _some_digest(upload: Upload) -> Iterator[Finding]:
    names = ("md5_digest", "sha256_digest", "blake2_256_digest")
    if not any(upload.get(name) for name in names):
        yield Finding("sha256_digest", "Error: Include at least one message digest.")


def _invalid_value(name: str, error: str) -> Finding:
    return Finding(name, f"Invalid value for {name}. Error: {error}")


def _metadata(upload: Upload) -> Iterator[Finding]:
    """Ask packaging, and add what PyPI says beyond that."""
    found = field_findings(upload.form)
    said = {finding.source for finding in found}
    found += [
        Finding(problem.field, problem.message)
        for problem in problems_in(metadata_in(upload.form))
        if problem.field and problem.field not in {*said, "name"}
    ]
    for finding in sorted(found, key=_shown_order):
        yield replace(finding, message=finding.message.removesuffix(".") + ".")


def _shown_order(finding: Finding) -> tuple[int, str]:
    first = finding.source in _FIRST_SHOWN
    return (
        (_FIRST_SHOWN.index(finding.source), "") if first else (len(_FIRST_SHOWN), finding.source)
    )


def _filename(upload: Upload) -> Iterator[Finding]:
    if _CONTROL.search(upload.filename):
        yield Finding(
            "content",
            "Cannot upload a file with non-printable characters (ordinals 0-31) "
            "or the DEL character (ordinal 127) in the name.",
        )
    if "/" in upload.filename or "\\" in upload.filename:
        yield Finding("content", r"Cannot upload a file with '/' or '\' in the name.")


def _extension(upload: Upload) -> Iterator[Finding]:
    every = tuple(suffix for suffixes in _FILETYPES.values() for suffix in suffixes)
    filetype = upload.get("filetype") or ""
    known = next((one for one in every if upload.filename.lower().endswith(one)), None)
    if known is None:
        yield Finding("content", "Invalid file extension: Use .tar.gz, .whl or .zip extension.")
    elif not upload.filename.endswith(_FILETYPES.get(filetype, every)):
        extension = upload.filename[-len(known) :]
        yield Finding(
            "content",
            f"Invalid file extension: Extension {extension} is invalid for filetype {filetype}.",
        )


def _content_type(upload: Upload) -> Iterator[Finding]:
    if upload.content_type is not None and upload.content_type.startswith("image/"):
        yield Finding("content", "Invalid distribution file.")


def _digests(upload: Upload) -> Iterator[Finding]:
    actual = {
        "md5_digest": upload.md5,
        "sha256_digest": upload.sha256,
        "blake2_256_digest": upload.blake2b_256,
    }
    for name, digest in actual.items():
        claimed = upload.get(name)
        if claimed is not None and claimed.lower() != digest:
            yield Finding(
                name,
                "The digest supplied does not match a digest calculated from the uploaded file.",
            )


def _distribution_name(upload: Upload) -> Iterator[Finding]:
    if upload.name is None:
        try:
            parse_distribution_name(upload.filename)
        except ValueError as error:
            yield Finding("content", str(error))
        return
    yield from _platform(upload.name)
    yield from _named_after_project(upload, upload.name)
    if len(upload.filename.encode(errors="replace")) + len(".metadata") > LONGEST_FILENAME:
        yield Finding("content", f"Filename is too long: {upload.filename!r}")


def _platform(name: DistributionName) -> Iterator[Finding]:
    for platform in name.platforms:
        if not is_taken(platform):
            yield Finding(
                "content",
                f"Binary wheel {name.filename!r} has an unsupported platform tag {platform!r}.",
            )


def _named_after_project(upload: Upload, name: DistributionName) -> Iterator[Finding]:
    project = canonicalize_name(upload.get("name") or "")
    spelled = project.replace("-", "_")
    if name.project != project:
        yield Finding("content", f"Start filename for {project!r} with {spelled!r}.")
    elif name.is_wheel and name.spelled != spelled:
        yield Finding(
            "content",
            f"Filename {name.filename!r} should contain the normalized project name "
            f"{spelled!r}, not {name.spelled!r}.",
        )
    elif not name.is_wheel:
        yield from _sdist_spelling(upload, spelled)
    if name.is_wheel:
        yield from _same_version(upload, name)


def _sdist_spelling(upload: Upload, spelled: str) -> Iterator[Finding]:
    version = find_version(upload.get("version") or "")
    proper = f"{spelled}-{version}.tar.gz"
    if version is not None and upload.filename != proper:
        yield Finding("content", f"Filename {upload.filename!r} is invalid, should be {proper!r}.")


def _same_version(upload: Upload, name: DistributionName) -> Iterator[Finding]:
    text = upload.get("version") or ""
    version = find_version(text)
    if version is not None and version != name.version:
        yield Finding("content", f"Version in filename should be {text!r} not '{name.version}'.")


def _contents(upload: Upload) -> Iterator[Finding]:
    for problem in upload.contents.problems:
        yield Finding("content", problem)


def _core_metadata(upload: Upload) -> Iterator[Finding]:
    """PyPI never looks into the file's own metadata, but every installer does."""
    if upload.name is None or upload.contents.core_metadata is None:
        return
    raw = read_core_metadata(upload.contents.core_metadata)
    where = upload.name.metadata_path
    named, version = raw.get("name", ""), raw.get("version", "")
    if canonicalize_name(named) != upload.name.project:
        yield _suspicious(f"{where} says Name: {named!r}; installers refuse the file.")
    if find_version(version) != upload.name.version:
        yield _suspicious(f"{where} says Version: {version!r}; installers refuse the file.")
    required = raw.get("requires_python", "")
    if upload.get("requires_python") not in {None, required}:
        yield _suspicious(f"{where} says Requires-Python: {required!r}; the form differs.")


def _suspicious(message: str) -> Finding:
    return Finding("content", message, Level.WARN)


FORM_RULES: Sequence[Rule] = (
    _protocol_version,
    _name,
    _digest_spelling,
    _filetype,
    _python_version,
    _some_digest,
    _metadata,
)
"""What PyPI checks before it looks at the file."""

RULES: Sequence[Rule] = (
    *FORM_RULES,
    _filename,
    _extension,
    _content_type,
    _digests,
    _distribution_name,
    _contents,
    _core_metadata,
)
"""What PyPI checks, in its order, and what we find suspicious beyond that."""
