"""Here is a page of the simple API as it came, and what it says."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from stageproxy.core.index.negotiation import SimpleType, simple_type_of


class UnreadablePageError(ValueError):
    """The document is not a page of the simple API, or not the project's."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the index: its bytes, their digest, and the URL it really came from.

    `content_type` is the whole header, and `headers` what else upstream sent
    that a client may see.
    """

    body: bytes = field(repr=False)
    digest: str
    content_type: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def simple_type(self) -> SimpleType | None:
        """Which type of a page of the simple API it is, if it is one."""
        return simple_type_of(self.content_type)

    def with_body(self, body: bytes) -> "Document":
        """Return the document with another body."""
        return replace(self, body=body, digest=digest_of(body))


def digest_of(body: bytes) -> str:
    """Return what tells one body from another: half a SHA-256, in hex."""
    return hashlib.sha256(body).hexdigest()[:32]


def own_document(body: bytes, content_type: str) -> Document:
    """Return a document that we wrote ourselves."""
    return Document(body, digest_of(body), content_type, url="")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A link on a page of the index. What the page does not say is `None`.

    `yanked` is the reason, an empty text where there is none, and `None` for
    a file that is not yanked. `size` is in bytes, and `upload_time` is text as
    it came: HTML pages have neither. `link` leads to the file from the page.
    """

    filename: str
    sha256: str | None
    requires_python: str | None
    yanked: str | None
    size: int | None = None
    upload_time: str | None = None
    link: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a page says: the project's files by name, and its status (PEP 792).

    `exists` is false if the index has no such project.
    """

    files: Mapping[str, ListedFile] = field(default_factory=dict)
    status: str = "active"
    exists: bool = True

    def files_of(self, version: str) -> list[ListedFile]:
        """Return the files of one release, however its version is spelled."""
        wanted = Version(version)
        # Filenames of one release share the first number of its version: most need no parsing.
        first = re.compile(rf"-(\d+!)?v?0*{wanted.release[0]}(?!\d)")
        likely = (one for name, one in self.files.items() if first.search(name))
        return [one for one in likely if version_in(one.filename) == wanted]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What the index would say of an artifact, if its release had been made.

    `link` leads from the page to the file; `upload_time` is RFC 3339 text.
    """

    filename: str
    version: str
    link: str = field(repr=False)
    sha256: str
    size: int
    upload_time: str
    requires_python: str | None
    yanked: str | None
    core_metadata_sha256: str | None
    blake2b_256: str = ""
    md5: str = ""
    packagetype: str = ""
    python_version: str = ""
    comment: str | None = None


def version_in(filename: str) -> Version | None:
    """Return the version in a distribution's filename, or nothing if it cannot be told."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except ValueError:
        return None


def resolved(base: str, link: str) -> str:
    """Return where a *link* leads from *base*. Raise `UnreadablePageError` if it is no URL."""
    try:
        return urljoin(base, link)
    except ValueError as error:
        msg = f"{link[:80]!r} is not a URL ({error})"
        raise UnreadablePageError(msg) from error
