"""The resource of the index that a path names.

Paths are used as received. No part of the server decodes or normalizes them
first, so upstream and this server cannot interpret a path differently.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.core.errors import InvalidRequestError, NotFoundError

_LONGEST = 2048
_FORBIDDEN = re.compile(r"\\|%2f|%5c|%00|%0a|%0d|#", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_PRINTABLE = re.compile(r"[\x21-\x7e]*")
_STAGED_FILE = re.compile(r"packages/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})/([^/]+)")
_PROJECT_NAME = re.compile(r"[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9]", re.IGNORECASE)
_METADATA = ".metadata"

NEVER_FORWARDED = frozenset({"account", "manage", "danger-api", "_", "admin"})
"""First segments of PyPI's paths that can act for a user. A preview does not serve them."""

INTERPRETED = NEVER_FORWARDED | {"+only", "+linked", "+review", "legacy"}
"""First segments of paths below a stage that are not upstream's."""


@dataclass(frozen=True, slots=True)
class StageRoot:
    """The stage itself."""


@dataclass(frozen=True, slots=True)
class StageReview:
    """The review of the stage."""


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """The staged project's page, with upstream's files and the staged ones."""


@dataclass(frozen=True, slots=True)
class OnlyPage:
    """The staged project's page, with only the staged release."""


@dataclass(frozen=True, slots=True)
class OnlyList:
    """The list of projects, with only the staged one."""


@dataclass(frozen=True, slots=True)
class ProjectList:
    """Upstream's list of projects, with the staged one."""


@dataclass(frozen=True, slots=True)
class ProjectJson:
    """The staged project in the JSON API."""


@dataclass(frozen=True, slots=True)
class ReleaseJson:
    """A release of the staged project in the JSON API; *version* as in the path."""

    version: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed of the staged project's releases."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of a file of the staged project (PEP 740); *path* is upstream's."""

    path: str
    filename: str


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file at its path on PyPI's file host, or the METADATA beside it.

    `path` is upstream's path, for files that are not staged.
    """

    path: str
    blake2b_256: str
    filename: str
    of_metadata: bool


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """A file above upstream's root that a page links to; *path* is relative to the origin."""

    signature: str
    path: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """The same resource under its canonical path; the redirect is permanent if `permanent`."""

    path: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class LegacyUpload:
    """The upload API of the stage."""


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """A resource that the staged release does not change, and upstream serves."""

    path: str


@dataclass(frozen=True, slots=True)
class NotServed:
    """A resource that a preview does not serve and does not request from upstream."""


Target = (
    StageRoot
    | StageReview
    | ProjectPage
    | OnlyPage
    | OnlyList
    | ProjectList
    | ProjectJson
    | ReleaseJson
    | Feed
    | Provenance
    | FileTarget
    | LinkedFile
    | Redirected
    | LegacyUpload
    | PassedThrough
    | NotServed
)


def check_raw_target(raw: str) -> None:
    """Raise if two servers could interpret a request target differently.

    Only the origin form is accepted (RFC 9112, section 3.2.1), in printable ASCII,
    without dot segments, escaped slashes or invalid escapes.
    """
    path, _, query = raw.partition("?")
    if not path.startswith("/"):
        raise InvalidRequestError("The request target must be a path.")
    if len(path) > _LONGEST or len(query) > _LONGEST:
        raise InvalidRequestError("The path or the query is longer than 2048 characters.")
    if not _PRINTABLE.fullmatch(raw) or _FORBIDDEN.search(raw) or _BAD_ESCAPE.search(raw):
        raise InvalidRequestError("The path contains characters or escapes that are not allowed.")
    if "//" in path:
        raise NotFoundError
    # Some servers remove what follows a semicolon before they resolve dot segments.
    if any(unquote(segment).partition(";")[0] in {".", ".."} for segment in path.split("/")):
        raise InvalidRequestError("The path contains dot segments.")


def find_target(  # noqa: C901, PLR0911, PLR0912 - a table of paths, read from top to bottom
    path: str, *, project: NormalizedName, installer: bool
) -> Target:
    """Return the resource at *path*, which is relative to the stage.

    *installer*: whether the Accept header names the simple API. `<name>/` is then a
    project page, for index URLs without `simple/`.
    """
    if not path:
        return StageRoot()
    segments = unquote(path).removesuffix("/").split("/")
    if segments[0].lower() in NEVER_FORWARDED:
        return NotServed()
    if found := _STAGED_FILE.fullmatch(path):
        return _file_target(path, found)
    match segments:
        case ["simple"]:
            return _at("simple/", path, ProjectList())
        case ["simple", name] if canonicalize_name(name) == project:
            return _at(f"simple/{project}/", unquote(path), ProjectPage())
        case ["+only", *rest]:
            return _only(path, rest, project)
        case ["+review"]:
            return _at("+review", path, StageReview())
        case ["+review", *_]:
            return NotServed()
        case ["+linked", signature, _, *_]:
            return LinkedFile(signature, path.split("/", 2)[2])
        case ["+linked", *_]:
            return NotServed()
        case ["pypi" | "rss" | "integrity", *rest]:
            return _about_project(path, segments, project)
        case ["legacy"]:
            return LegacyUpload()
        case ["legacy", name] | ["legacy", name, _] if canonicalize_name(name) == project:
            return Redirected("", permanent=False)
        case ["legacy", *_]:
            return NotServed()
        case [name] if installer and _PROJECT_NAME.fullmatch(name):
            return Redirected(f"simple/{canonicalize_name(name)}/", permanent=False)
    return PassedThrough(path)


def concerns(path: str, project: NormalizedName) -> bool:
    """Return whether a path of the index names *project*, so that its stage may change it."""
    return any(canonicalize_name(segment) == project for segment in unquote(path).split("/"))


def _about_project(path: str, segments: list[str], project: NormalizedName) -> Target:
    """Return the resource at a path of PyPI's other APIs, if it is about the staged project."""
    match segments:
        case ["pypi", name, "json"] if canonicalize_name(name) == project:
            return _with_normalized_name(path, segments, 1, project, ProjectJson())
        case ["pypi", name, version, "json"] if canonicalize_name(name) == project:
            return _with_normalized_name(path, segments, 1, project, ReleaseJson(version))
        case ["rss", "project", name, "releases.xml"] if canonicalize_name(name) == project:
            return _with_normalized_name(path, segments, 2, project, Feed())
        case ["integrity", name, _, filename, "provenance"] if canonicalize_name(name) == project:
            return Provenance(path, filename)
    return PassedThrough(path)


def _with_normalized_name(
    path: str, segments: list[str], place: int, project: NormalizedName, target: Target
) -> Target:
    if segments[place] == project:
        return target
    canonical = [*segments[:place], project, *segments[place + 1 :]]
    return Redirected("/".join(canonical) + ("/" if path.endswith("/") else ""), permanent=True)


def _only(path: str, segments: list[str], project: NormalizedName) -> Target:
    """Return the resource below `+only/`, which may be an index URL without `simple/` too."""
    match segments:
        case ["simple"]:
            return _at("+only/simple/", path, OnlyList())
        case ["simple", name] if canonicalize_name(name) == project:
            return _at(f"+only/simple/{project}/", unquote(path), OnlyPage())
        case [] | [""]:
            return Redirected("+only/simple/", permanent=False)
        case [name] if canonicalize_name(name) == project:
            return Redirected(f"+only/simple/{project}/", permanent=False)
    return NotServed()


def _at(canonical: str, path: str, target: Target) -> Target:
    return target if path == canonical else Redirected(canonical, permanent=True)


def _file_target(path: str, found: re.Match[str]) -> FileTarget:
    one, two, rest, quoted = found.groups()
    filename = unquote(quoted)
    return FileTarget(
        path=path,
        blake2b_256=one + two + rest,
        filename=filename.removesuffix(_METADATA),
        of_metadata=filename.endswith(_METADATA),
    )
