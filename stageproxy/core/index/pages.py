"""Documents of the index, the files that pages list, and staged files."""

import codecs
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from stageproxy.core.index.negotiation import SimpleType, simple_type_of

_SUFFIXES = (
    *(".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz"),
    *(".tlz", ".tar.lzma", ".tar.zst", ".tar.Z", ".tar", ".egg", ".exe", ".msi", ".rpm"),
)

_GENERIC_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/unknown", "text/plain"}
)
_BEFORE_CONTENT = codecs.BOM_UTF8 + b" \t\r\n"


class UnreadablePageError(ValueError):
    """The document is not a page of the simple API, or not the project's."""


NEVER_STALE = math.inf


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the index: its bytes, their digest, and its URL after redirects.

    `content_type` is the whole header, and `headers` are upstream's other headers
    that clients can see. `stale_seconds` is the age of a copy that is used because
    upstream fails, and `None` for every other document.

    Until `fresh_until`, in seconds of a monotonic clock, upstream need not be asked again:
    `NEVER_STALE` for what only the stage decides, and 0 for what is asked for each time.
    """

    body: bytes = field(repr=False)
    digest: str
    content_type: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    stale_seconds: int | None = None
    fresh_until: float = field(default=0.0, compare=False)

    @property
    def simple_type(self) -> SimpleType | None:
        """The type of the page of the simple API, `None` for other documents."""
        return simple_type_of(self.content_type)

    def with_body(self, body: bytes) -> "Document":
        """Return the document with another body."""
        return replace(self, body=body, digest=digest_of(body))


PAGE_TYPES: Mapping[bytes, str] = {b"{": SimpleType.V1_JSON, b"<": SimpleType.HTML}
JSON_TYPES: Mapping[bytes, str] = {b"{": "application/json"}
FEED_TYPES: Mapping[bytes, str] = {b"<": "text/xml"}
"""The types of documents by how they start."""


def judged_by_content(document: Document, types: Mapping[bytes, str]) -> Document:
    """Return a document with one of the *types*, if its own is missing or says nothing.

    Static mirrors have no types for files without an extension, or the same for all.
    """
    own_type, mark, parameters = document.content_type.partition(";")
    if own_type.strip().lower() not in _GENERIC_TYPES:
        return document
    kind = types.get(document.body.lstrip(_BEFORE_CONTENT)[:1])
    if kind is None:
        return document
    content_type = kind + mark + parameters if kind.startswith("text/") else kind
    return replace(document, content_type=content_type)


def digest_of(body: bytes) -> str:
    """Return a digest that identifies a body: half a SHA-256, in hex."""
    return hashlib.sha256(body).hexdigest()[:32]


def own_document(body: bytes, content_type: str, *, fresh_until: float = 0.0) -> Document:
    """Return a document that does not come from upstream."""
    return Document(body, digest_of(body), content_type, url="", fresh_until=fresh_until)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file on a page of the index. Values that the page does not have are `None`.

    `yanked` is the reason, empty if there is none, and `None` for a file that is
    not yanked. `size` is in bytes and `upload_time` is unparsed; HTML pages have
    neither. `link` is the URL of the file, relative to the page. `has_metadata`: its METADATA is
    beside it (PEP 658); `provenance`: the URL of its provenance (PEP 740), empty for none.
    """

    filename: str
    sha256: str | None
    requires_python: str | None
    yanked: str | None
    size: int | None = None
    upload_time: str | None = None
    link: str = field(default="", repr=False, compare=False)
    has_metadata: bool = field(default=False, compare=False)
    provenance: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a project by filename, and its status (PEP 792).

    `exists` is false if the index has no such project.
    """

    files: Mapping[str, ListedFile] = field(default_factory=dict)
    status: str = "active"
    exists: bool = True

    def files_of(self, version: str) -> list[ListedFile]:
        """Return the files of a release, in any spelling of its version."""
        wanted = Version(version)
        # Parse only filenames that have the first number of the version.
        first = re.compile(rf"-(\d+!)?v?0*{wanted.release[0]}(?!\d)")
        likely = (self.files[name] for name in self.files if first.search(name))
        return [one for one in likely if version_in(one.filename) == wanted]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """An artifact as the index would list it if it were published.

    `link` is relative to the page; `upload_time` is text in the format of RFC 3339.
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
    md5: str | None = ""
    packagetype: str = ""
    python_version: str = ""
    comment: str | None = None


def version_in(filename: str) -> Version | None:
    """Return the version in a distribution's filename, `None` if the filename is invalid."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except ValueError:
        return None


def is_distribution(filename: str) -> bool:
    """Return whether a filename is that of a distribution, of any format there has been."""
    return filename.endswith(_SUFFIXES)


def is_distribution_of(project: str, filename: str) -> bool:
    """Return whether a filename is that of a distribution of a project, in any spelling."""
    return is_distribution(filename) and _names_in(project).match(filename) is not None


@lru_cache(maxsize=64)
def _names_in(project: str) -> re.Pattern[str]:
    name = "[-_.]+".join(re.escape(part) for part in project.split("-"))
    return re.compile(rf"{name}-v?\d", re.IGNORECASE | re.ASCII)


def resolved(base: str, link: str) -> str:
    """Return a *link* resolved against *base*. Raise `UnreadablePageError` if it is not a URL."""
    try:
        url = urljoin(base, link)
        urlsplit(url)
    except ValueError as error:
        msg = f"{link[:80]!r} is not a URL ({error})"
        raise UnreadablePageError(msg) from error
    return url
