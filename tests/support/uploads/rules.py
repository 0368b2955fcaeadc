"""PyPI's rules for uploads that promotion depends on, in PyPI's order."""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name
from trove_classifiers import classifiers

from tests.support.builders.distributions import Distribution
from tests.support.index.projects import ListedFile, Project, Projects
from tests.support.uploads.forms import Form

HELP = "https://pypi.example.org/help/"
METADATA_HELP = "https://packaging.example.org/specifications/core-metadata"
NAME = re.compile(r"([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])", re.IGNORECASE)
HEX = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
FILE_TYPES = ("sdist", "bdist_wheel")
METADATA_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
CLOSED_AFTER = timedelta(days=14)
NO_IDENTITY = (
    "Invalid or non-existent authentication information. "
    f"See {HELP}#invalid-auth for more information."
)
ONLY_TOKENS = (
    "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted "
    f"Publishers instead. See {HELP}#apitoken and {HELP}#trusted-publishers"
)
EXPIRED = "Invalid API Token: token is expired, token is expired"


@dataclass(frozen=True, slots=True)
class IncomingUpload:
    """An upload, and the state of the index."""

    form: Form
    projects: Projects
    burned: Collection[str]
    now: datetime
    is_trusted: bool

    @property
    def file(self) -> Distribution:
        """Return the file, which another rule requires."""
        assert self.form.file is not None
        return self.form.file

    @property
    def project(self) -> Project | None:
        """Return the project, if it exists."""
        return self.projects.find(self.form.first("name"))

    @property
    def release(self) -> Sequence[ListedFile]:
        """Return the files of the release, listed or not."""
        version = self.form.first("version")
        files = self.project.files if self.project else ()
        return [one for one in files if one.release.is_version(version)]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal and its reason."""

    status: HTTPStatus
    sentence: str


@dataclass(frozen=True, slots=True)
class Same:
    """The index has the same file."""


@dataclass(frozen=True, slots=True)
class New:
    """The file can be accepted."""


Verdict = Refusal | Same | New
Rule = Callable[[IncomingUpload], str | None]


def judge(incoming: IncomingUpload) -> Verdict:
    """Return the verdict on an upload with a valid credential."""
    if sentence := _first(FORM_RULES, incoming):
        return Refusal(HTTPStatus.BAD_REQUEST, sentence)
    project = incoming.project
    if project is not None and project.status == "archived":
        sentence = f"The user 'relman' isn't allowed to upload to project '{project.name}'. "
        return Refusal(HTTPStatus.FORBIDDEN, sentence + _see(f"{HELP}#project-name"))
    if sentence := _digests(incoming):
        return Refusal(HTTPStatus.BAD_REQUEST, sentence)
    if _is_same(incoming):
        return Same()
    if sentence := _first(FILE_RULES, incoming):
        return Refusal(HTTPStatus.BAD_REQUEST, sentence)
    return New()


def _first(rules: Sequence[Rule], incoming: IncomingUpload) -> str | None:
    return next(filter(None, (rule(incoming) for rule in rules)), None)


def _protocol(incoming: IncomingUpload) -> str | None:
    value = incoming.form.first("protocol_version")
    return None if value in {"", "1"} else "Unknown protocol version."


def _name(incoming: IncomingUpload) -> str | None:
    name = incoming.form.first("name")
    if NAME.fullmatch(name):
        return None
    why = (
        "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'"
        if name
        else "This field is required"
    )
    return f"'{name}' is an invalid value for Name. Error: {why}. {_see(METADATA_HELP)}"


def _file_type(incoming: IncomingUpload) -> str | None:
    value = incoming.form.first("filetype")
    if value in FILE_TYPES:
        return None
    why = "Use a known file type." if value else "This field is required."
    return f"Invalid value for filetype. Error: {why}"


def _python_version(incoming: IncomingUpload) -> str | None:
    value, is_sdist = incoming.form.first("pyversion"), incoming.form.first("filetype") == "sdist"
    if is_sdist and value not in {"", "source"}:
        return "Invalid value for pyversion. Error: Use 'source' as Python version for an sdist."
    if not is_sdist and not value:
        return (
            "Invalid value for pyversion. Error: "
            "Python version is required for binary distribution uploads."
        )
    return None


def _digest_fields(incoming: IncomingUpload) -> str | None:
    for field, name in (("blake2_256_digest", "BLAKE2"), ("sha256_digest", "SHA256")):
        value = incoming.form.first(field)
        if value and not HEX.fullmatch(value):
            why = f"Use a valid, hex-encoded, {name} message digest."
            return f"Invalid value for {field}. Error: {why}"
    given = ("md5_digest", "sha256_digest", "blake2_256_digest")
    if not any(incoming.form.first(field) for field in given):
        return "Error: Include at least one message digest."
    return None


def _metadata(incoming: IncomingUpload) -> str | None:
    version = incoming.form.first("metadata_version")
    if version not in METADATA_VERSIONS:
        return f"{version or None!r} is not a valid metadata version. {_see(METADATA_HELP)}"
    try:
        Metadata.from_raw(incoming.form.metadata)
    except ExceptionGroup as group:
        return f"{str(group.exceptions[0]).rstrip('.')}. {_see(METADATA_HELP)}"
    return None


def _classifiers(incoming: IncomingUpload) -> str | None:
    listed = (value for key, value in incoming.form.fields if key == "classifiers")
    unknown = next((one for one in listed if one not in classifiers), None)
    return f"{unknown!r} is not a valid classifier. {_see(METADATA_HELP)}" if unknown else None


def _content(incoming: IncomingUpload) -> str | None:
    return None if incoming.form.file else "Upload payload does not have a file."


def _digests(incoming: IncomingUpload) -> str | None:
    file = incoming.file
    found = {
        "md5_digest": file.md5,
        "sha256_digest": file.sha256,
        "blake2_256_digest": file.blake2b_256,
    }
    value = {field: incoming.form.first(field).lower() for field in found}
    if any(value[field] not in {"", digest} for field, digest in found.items()):
        return "The digest supplied does not match a digest calculated from the uploaded file."
    return None


def _is_same(incoming: IncomingUpload) -> bool:
    files = incoming.project.files if incoming.project else ()
    return incoming.file in [one.distribution for one in files]


def _exists(incoming: IncomingUpload) -> str | None:
    """Return PyPI's sentence on a file of that name, or with those bytes, anywhere on the index."""
    file = incoming.file
    everywhere = [
        one.distribution for project in incoming.projects.by_name.values() for one in project.files
    ]
    if all(file.filename != one.filename and file.content != one.content for one in everywhere):
        return None
    digest = hashlib.blake2b(file.content, digest_size=32).hexdigest()
    return (
        f"File already exists ('{file.filename}', with blake2_256 hash '{digest}'). "
        f"{_see(f'{HELP}#file-name-reuse')}"
    )


def _is_burned(incoming: IncomingUpload) -> str | None:
    if incoming.file.filename not in incoming.burned:
        return None
    return (
        "This filename was previously used by a file that has since been deleted. "
        f"Use a different version. {_see(f'{HELP}#file-name-reuse')}"
    )


def _is_closed(incoming: IncomingUpload) -> str | None:
    created = min((one.uploaded_at for one in incoming.release), default=incoming.now)
    if incoming.now - created <= CLOSED_AFTER:
        return None
    return "Uploading new files to releases older than 14 days is not allowed."


def _second_sdist(incoming: IncomingUpload) -> str | None:
    has_one = any(not one.distribution.is_wheel for one in incoming.release)
    if has_one and not incoming.file.is_wheel:
        return "Only one sdist may be uploaded per release."
    return None


def _filename(incoming: IncomingUpload) -> str | None:
    """Return PyPI's sentence on a file of another project than the form's."""
    name = canonicalize_name(incoming.form.first("name")).replace("-", "_")
    if incoming.file.filename.startswith(f"{name}-"):
        return None
    return f"Start filename for '{canonicalize_name(name)}' with '{name}'."


def _attestations(incoming: IncomingUpload) -> str | None:
    if incoming.is_trusted or not incoming.form.first("attestations"):
        return None
    return (
        "Invalid attestations supplied during upload: "
        "Attestations are only supported when using Trusted Publishing"
    )


def _see(page: str) -> str:
    return f"See {page} for more information."


FORM_RULES: Sequence[Rule] = (
    _protocol,
    _name,
    _digest_fields,
    _file_type,
    _python_version,
    _metadata,
    _classifiers,
    _content,
)
FILE_RULES: Sequence[Rule] = (
    _exists,
    _is_burned,
    _is_closed,
    _second_sdist,
    _filename,
    _attestations,
)
