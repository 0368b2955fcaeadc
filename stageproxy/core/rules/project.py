"""Rules on the project and the release of a file, checked with what an index lists."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache

from packaging.utils import canonicalize_name
from stdlib_list import short_versions, stdlib_list

from stageproxy.core.rules.findings import Finding, Level, not_known
from stageproxy.core.rules.upload import Rule, Upload

LONGEST_FILE = 100 * 2**20
LARGEST_PROJECT = 10 * 2**30
RELEASE_OPEN_FOR = timedelta(days=14)
ONE_SDIST = "Only one sdist may be uploaded per release."

_SDIST = re.compile(r".*\.(tar\.gz|zip)")


@cache
def stdlib_names() -> frozenset[str]:
    """Return the normalized names of all standard library modules, of every Python version."""
    modules = (module for version in short_versions for module in stdlib_list(version))
    return frozenset(canonicalize_name(module) for module in modules)


def _stdlib_name(upload: Upload) -> Iterator[Finding]:
    name = upload.get("name") or ""
    is_new = upload.index_state is not None and not upload.index_state.has_project
    if is_new and canonicalize_name(name) in stdlib_names():
        yield Finding(
            "name",
            f"The name {name!r} isn't allowed (conflict with Python Standard Library module name).",
            page="help/#project-name",
        )


def _similar_name(upload: Upload) -> Iterator[Finding]:
    if upload.index_state is not None and upload.index_state.similar:
        name = upload.get("name") or ""
        yield Finding(
            "name",
            f"The name {name!r} is too similar to an existing project. "
            f"The existing project is {upload.index_state.similar!r}.",
            page="help/#project-name",
        )


def _size(upload: Upload) -> Iterator[Finding]:
    # Only a larger published file shows that the limit of the project was raised.
    if upload.size > max(LONGEST_FILE, upload.index_state.largest if upload.index_state else 0):
        yield not_known(
            f"{upload.filename} has a size of {upload.size // 2**20} MB. PyPI accepts files of up "
            f"to {LONGEST_FILE // 2**20} MB unless the project has a higher limit."
        )


def _project_size(upload: Upload) -> Iterator[Finding]:
    existing = upload.index_state.size if upload.index_state else None
    if existing is not None:
        yield from project_size_findings(existing + upload.size)


def project_size_findings(total: int) -> Iterator[Finding]:
    """Return the finding on a project whose files have a *total* size that is too large."""
    if total > LARGEST_PROJECT:
        yield not_known(
            f"The files of the project would have a total size of {total / 2**30:.1f} GB. PyPI "
            f"accepts up to {LARGEST_PROJECT // 2**30} GB unless the project has a higher limit."
        )


def _file_exists(upload: Upload) -> Iterator[Finding]:
    files = upload.index_state.files if upload.index_state else {}
    same_bytes = (name for name, sha256 in files.items() if sha256 == upload.sha256)
    holder = upload.filename if upload.filename in files else next(same_bytes, None)
    if holder is None or _is_published(upload):
        return
    yield Finding(
        "content",
        f"File already exists ({upload.filename!r}, with blake2_256 hash {upload.blake2b_256!r}).",
        page="help/#file-name-reuse",
    )
    if holder != upload.filename:
        yield Finding("content", f"{holder!r} has the same bytes.")


def _is_published(upload: Upload) -> bool:
    """Return whether the index has this very file, which PyPI accepts again."""
    files = upload.index_state.files if upload.index_state else {}
    return upload.sha256 != "" and files.get(upload.filename) == upload.sha256


def _closed_release(upload: Upload) -> Iterator[Finding]:
    state = upload.index_state
    if state is None or not state.release or _is_published(upload):
        return
    # An upload time in the future comes from a clock that is ahead of ours.
    closes = min(state.first_upload or state.now, state.now) + RELEASE_OPEN_FOR
    if state.now > closes:
        yield Finding(
            "content",
            "Uploading new files to releases older than 14 days is not allowed. "
            f"This release closed on {closes:%Y-%m-%d}.",
        )
    elif not state.is_age_known:
        yield not_known(
            "PyPI closes a release 14 days after its first upload, and the index does not report "
            "when that was."
        )
    else:
        yield not_known(f"PyPI accepts files for this release until {closes:%Y-%m-%d %H:%M} UTC.")


def _second_sdist(upload: Upload) -> Iterator[Finding]:
    state = upload.index_state
    others = (*state.release, *state.also_uploaded) if state else ()
    if upload.get("filetype") == "sdist" and any(_is_other_sdist(one, upload) for one in others):
        yield Finding("content", ONE_SDIST)


def _is_other_sdist(filename: str, upload: Upload) -> bool:
    return _SDIST.fullmatch(filename) is not None and filename != upload.filename


STDLIB_NAME = Rule(
    "stdlib-name",
    "a new project is not named like a module of Python's standard library",
    _stdlib_name,
    "The name '…' isn't allowed (conflict with Python Standard Library module name).",
)

SIMILAR_NAME = Rule(
    "similar-name",
    "the name of a new project is not too similar to that of another project",
    _similar_name,
    "The name '…' is too similar to an existing project.",
)

PROJECT_SIZE = Rule(
    "project-size",
    f"the files of the project are at most {LARGEST_PROJECT // 2**30} GB in total, unless its "
    "limit is higher",
    _project_size,
    "Project size too large. Limit for project '…' total size is … GB.",
    Level.UNKNOWN,
)

FILE_SIZE = Rule(
    "file-size",
    f"the file is at most {LONGEST_FILE // 2**20} MB, unless the project's limit is higher",
    _size,
    "File too large. Limit for project '…' is … MB.",
    Level.UNKNOWN,
)

RELEASE_RULES: Sequence[Rule] = (
    Rule(
        "file-exists",
        "the project has no file with this name and other bytes, or with these bytes and another "
        "name",
        _file_exists,
        "File already exists ('…', with blake2_256 hash '…').",
    ),
    Rule(
        "release-closed",
        f"the first file of the release is at most {RELEASE_OPEN_FOR.days} days old",
        _closed_release,
        "Uploading new files to releases older than 14 days is not allowed.",
    ),
    Rule(
        "second-sdist",
        "the release has no other sdist",
        _second_sdist,
        ONE_SDIST,
    ),
)
"""PyPI's checks of the release of the file."""
