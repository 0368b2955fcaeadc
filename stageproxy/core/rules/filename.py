"""Rules on a file before it is opened, and on its filename."""

import re
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from stageproxy.core.archives.filenames import (
    WHEEL_SUFFIX,
    DistributionName,
    parse_distribution_name,
)
from stageproxy.core.archives.members import has_invisible
from stageproxy.core.rules.fields import find_version
from stageproxy.core.rules.findings import Finding, Level, suspicious
from stageproxy.core.rules.form import FILETYPES
from stageproxy.core.rules.platforms import is_accepted
from stageproxy.core.rules.upload import Rule, Upload

LONGEST_FILENAME = 255

_FEWEST_HYPHENS = 2
"""PyPI splits a wheel's filename into name, version and rest before it parses it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _printable(upload: Upload) -> Iterator[Finding]:
    if _CONTROL.search(upload.filename):
        yield Finding(
            "content",
            "Cannot upload a file with non-printable characters (ordinals 0-31) "
            "or the DEL character (ordinal 127) in the name.",
        )


def _slashes(upload: Upload) -> Iterator[Finding]:
    if "/" in upload.filename or "\\" in upload.filename:
        yield Finding("content", r"Cannot upload a file with '/' or '\' in the name.")


def _extension(upload: Upload) -> Iterator[Finding]:
    all_suffixes = tuple(suffix for suffixes in FILETYPES.values() for suffix in suffixes)
    filetype = upload.get("filetype") or ""
    known = next((one for one in all_suffixes if upload.filename.lower().endswith(one)), None)
    if known is None:
        yield Finding("content", "Invalid file extension: Use .tar.gz, .whl or .zip extension.")
    elif not upload.filename.endswith(FILETYPES.get(filetype, all_suffixes)):
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
    if upload.name is not None:
        return
    if upload.filename.endswith(WHEEL_SUFFIX) and upload.filename.count("-") < _FEWEST_HYPHENS:
        message = "Invalid distribution file. Unable to parse name and version from wheel filename"
        yield Finding("content", message)
        return
    try:
        parse_distribution_name(upload.filename)
    except ValueError as error:
        yield Finding("content", str(error))


def _platform(upload: Upload) -> Iterator[Finding]:
    for platform in upload.name.platforms if upload.name else ():
        if not is_accepted(platform):
            yield Finding(
                "content",
                f"Binary wheel {upload.filename!r} has an unsupported platform tag {platform!r}.",
            )


def _project(upload: Upload) -> Iterator[Finding]:
    project, spelled = _names(upload)
    if upload.name is not None and not _is_of(project, upload.name, upload):
        yield Finding("content", f"Start filename for {project!r} with {spelled!r}.")


def _spelling(upload: Upload) -> Iterator[Finding]:
    project, spelled = _names(upload)
    name = upload.name
    if name is None or not _is_of(project, name, upload):
        return
    if name.is_wheel:
        yield from _wheel_spelling(name, spelled)
    else:
        yield from _sdist_spelling(upload, spelled)


def _names(upload: Upload) -> tuple[str, str]:
    project = canonicalize_name(upload.get("name") or "")
    return project, project.replace("-", "_")


def _is_of(project: str, name: DistributionName, upload: Upload) -> bool:
    """Return whether a filename is of *project*.

    As on PyPI, a post-release such as `1.5-9` may have its own hyphen in an sdist's filename.
    """
    if name.project == project or name.is_wheel:
        return name.project == project
    version = find_version(upload.get("version") or "")
    is_post = version is not None and version.is_postrelease
    return is_post and canonicalize_name(name.spelled.rpartition("-")[0]) == project


def _wheel_spelling(name: DistributionName, spelled: str) -> Iterator[Finding]:
    if name.spelled != spelled:
        yield Finding(
            "content",
            f"Filename {name.filename!r} should contain the normalized project name "
            f"{spelled!r}, not {name.spelled!r}.",
        )


def _sdist_spelling(upload: Upload, spelled: str) -> Iterator[Finding]:
    version = find_version(upload.get("version") or "")
    normalized = f"{spelled}-{version}.tar.gz"
    if version is not None and upload.filename != normalized:
        message = f"Filename {upload.filename!r} is invalid, should be {normalized!r}."
        yield Finding("content", message)


def _same_version(upload: Upload) -> Iterator[Finding]:
    text = upload.get("version") or ""
    version, name = find_version(text), upload.name
    if name is not None and name.is_wheel and version is not None and version != name.version:
        yield Finding("content", f"Version in filename should be {text!r} not '{name.version}'.")


def _length(upload: Upload) -> Iterator[Finding]:
    if len(upload.filename.encode(errors="replace")) + len(".metadata") > LONGEST_FILENAME:
        yield Finding("content", f"Filename is too long: {upload.filename!r}")


def _unusual_characters(upload: Upload) -> Iterator[Finding]:
    if not upload.filename.isascii() or has_invisible(upload.filename):
        yield suspicious(
            f"The filename {upload.filename!a} contains non-ASCII or invisible characters."
        )


FILE_RULES: Sequence[Rule] = (
    Rule(
        "filename-printable",
        "the filename has no control characters",
        _printable,
        "Cannot upload a file with non-printable characters …",
    ),
    Rule(
        "filename-slash",
        "the filename has no slashes",
        _slashes,
        r"Cannot upload a file with '/' or '\' in the name.",
    ),
    Rule(
        "extension",
        "the extension is that of the `filetype`, in lower case",
        _extension,
        "Invalid file extension: …",
    ),
    Rule(
        "content-type",
        "the content type of the file is not that of an image",
        _content_type,
        "Invalid distribution file.",
    ),
    Rule(
        "digest",
        "the digests in the form match the file",
        _digests,
        "The digest supplied does not match a digest calculated from the uploaded file.",
    ),
)
"""PyPI's checks of a file before it opens it."""

FILENAME_RULES: Sequence[Rule] = (
    Rule(
        "filename",
        "the filename is a valid wheel or sdist filename",
        _distribution_name,
        "Invalid … filename …",
    ),
    Rule(
        "platform",
        "PyPI accepts the platform tags of the wheel",
        _platform,
        "Binary wheel '…' has an unsupported platform tag '…'.",
    ),
    Rule(
        "filename-project",
        "the project in the filename is that of the form",
        _project,
        "Start filename for '…' with '…'.",
    ),
    Rule(
        "filename-spelling",
        "the project in the filename, and the version in that of an sdist, are normalized",
        _spelling,
        "Filename '…' …",
    ),
    Rule(
        "filename-version",
        "the version in a wheel's filename is that of the form",
        _same_version,
        "Version in filename should be '…' not '…'.",
    ),
)
"""PyPI's checks of a filename after those of the archive."""

FILENAME_LENGTH = Rule(
    "filename-length",
    f"the filename has at most {LONGEST_FILENAME - len('.metadata')} bytes",
    _length,
    "Filename is too long: '…'",
)

FILENAME_SUSPICION = Rule(
    "filename-characters",
    "the filename consists of visible ASCII characters",
    _unusual_characters,
    level=Level.WARN,
)
