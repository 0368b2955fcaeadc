"""Staged files on a JSON page of the simple API (PEP 691, 700, 714, 740, 792)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from stageproxy.core.index.json_spans import Places, Span, members
from stageproxy.core.index.links import PageLinks, may_have_other_links
from stageproxy.core.index.merge import additions, in_order, place_for
from stageproxy.core.index.pages import (
    ListedFile,
    Listing,
    StagedFile,
    UnreadablePageError,
)
from stageproxy.core.index.splice import Edit, insertion, spliced

API_VERSION = "1.4"
"""The API version of our own pages: that of PyPI."""


def read_json_page(body: bytes, project: str) -> Listing:
    """Return the files that a JSON page lists. Raise `UnreadablePageError` if it is invalid."""
    return _listing(_parse(body, project)[1])


def add_to_json_page(
    body: bytes, project: str, staged: Sequence[StagedFile], links: PageLinks
) -> bytes:
    """Return the page with the *staged* files that it does not list.

    Upstream's bytes do not change, except those of links that have to be replaced.
    """
    text, page = _parse(body, project)
    missing = additions(_listing(page), staged)
    has_links = may_have_other_links(body, links.space)
    replaced = dict(_replacements(page["files"].value, links)) if has_links else {}
    if not missing and not replaced:
        return body
    files = Places(text, page["files"])
    edits = [
        *_replaced_links(text, files, replaced),
        *_new_files(text, page["files"], files, missing),
        *_new_versions(text, page.get("versions"), missing),
    ]
    return spliced(text, edits).encode()


def new_json_page(project: str, staged: Sequence[StagedFile]) -> bytes:
    """Return the page of a project with only *staged* files, formatted as PyPI does."""
    missing = in_order(staged)
    versions = {str(Version(one.version)): None for one in missing}
    page = {
        "files": [_entry(one) for one in missing],
        "meta": {"_last-serial": 0, "api-version": API_VERSION},
        "name": project,
        "project-status": {"status": "active"},
        "versions": list(versions),
    }
    return f"{_dump(page)}\n".encode()


def new_json_list(projects: Sequence[str]) -> bytes:
    """Return a list of projects, formatted as PyPI does."""
    page = {
        "meta": {"_last-serial": 0, "api-version": API_VERSION},
        "projects": [{"_last-serial": 0, "name": name} for name in projects],
    }
    return f"{_dump(page)}\n".encode()


def _parse(body: bytes, project: str) -> tuple[str, dict[str, Span]]:
    try:
        text = body.decode()
        page = members(text)
        name = page["name"].value
        _check_lists(page)
        is_page = canonicalize_name(name) == project
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"not a JSON page of the simple API ({error})"
        raise UnreadablePageError(msg) from error
    if not is_page:
        msg = f"a JSON page of {name!r} instead of {project!r}"
        raise UnreadablePageError(msg)
    return text, page


def _check_lists(page: Mapping[str, Span]) -> None:
    if not isinstance(page["files"].value, list):
        msg = "`files` is not a list"
        raise TypeError(msg)
    if "versions" in page and not isinstance(page["versions"].value, list | None):
        msg = "`versions` is not a list"
        raise TypeError(msg)


class _ListedFiles(Mapping[str, ListedFile]):
    """The files of a page by filename. Pages list thousands, of which few are looked at.

    Raise an error if an entry is none of a file.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        for entry in entries:
            _hashes_of(entry)
        self._entries = {str(entry["filename"]): entry for entry in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __getitem__(self, filename: str) -> ListedFile:
        return _listed(self._entries[filename])


def _listing(page: Mapping[str, Span]) -> Listing:
    try:
        files = _ListedFiles(page["files"].value)
        status = page["project-status"].value["status"] if "project-status" in page else "active"
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"not a JSON page of the simple API ({error!r})"
        raise UnreadablePageError(msg) from error
    return Listing(files, str(status))


def _listed(entry: Mapping[str, Any]) -> ListedFile:
    yanked = entry.get("yanked") or None
    size = entry.get("size")
    return ListedFile(
        filename=str(entry["filename"]),
        sha256=_lower(_hashes_of(entry).get("sha256")),
        requires_python=entry.get("requires-python") or None,
        yanked="" if yanked is True else yanked,
        size=size if type(size) is int and size >= 0 else None,
        upload_time=_text(entry.get("upload-time")),
        link=_text(entry.get("url")) or "",
        has_metadata=bool(entry.get("core-metadata") or entry.get("dist-info-metadata")),
        provenance=_text(entry.get("provenance")) or "" if "provenance" in entry else None,
    )


def _hashes_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    hashes = entry.get("hashes", {})
    if not isinstance(hashes, dict):
        msg = "`hashes` is not an object"
        raise TypeError(msg)
    return hashes


def _lower(digest: object) -> str | None:
    """Return a digest in lower case, which the API does not require."""
    return digest.lower() if isinstance(digest, str) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _entry(staged: StagedFile) -> dict[str, Any]:
    """Return the entry of a file with PyPI's keys in PyPI's order."""
    digest = staged.core_metadata_sha256
    core_metadata = {"sha256": digest} if digest else False
    return {
        "core-metadata": core_metadata,
        "data-dist-info-metadata": core_metadata,
        "filename": staged.filename,
        "hashes": {"sha256": staged.sha256},
        "provenance": None,
        "requires-python": staged.requires_python,
        "size": staged.size,
        "upload-time": staged.upload_time,
        "url": staged.link,
        "yanked": False if staged.yanked is None else staged.yanked or True,
    }


def _new_files(text: str, array: Span, files: Places, missing: Sequence[StagedFile]) -> list[Edit]:
    names = [str(file["filename"]) for file in array.value] if missing else []
    new = [(place_for(one.filename, names), _dump(_entry(one))) for one in missing]
    return _insertions(text, array, files, new)


def _new_versions(text: str, array: Span | None, missing: Sequence[StagedFile]) -> list[Edit]:
    """Return the edits that add the staged version, unless the page has it in any spelling."""
    if array is None or not isinstance(array.value, list):
        return []
    known = [_parse_version(value) for value in array.value]
    new = []
    for version in {Version(one.version): None for one in missing}:
        if version not in known:
            older = [place for place, one in enumerate(known, 1) if one and one < version]
            new.append((max(older, default=0), _dump(str(version))))
    return _insertions(text, array, Places(text, array), new)


def _insertions(
    text: str, array: Span, existing: Places, new: Sequence[tuple[int, str]]
) -> list[Edit]:
    """Return the edits that add elements to an *array*, with the commas that they need.

    *new*: for each element, how many existing ones precede it, and its text.
    """
    if not new:
        return []
    if not len(existing):
        return [insertion(array.start + 1, ",".join(written for _, written in new))]
    comma = _separator(text, existing)
    return [
        insertion(existing.end, comma + written)
        if place == len(existing)
        else insertion(existing[place].start, written + comma)
        for place, written in new
    ]


def _separator(text: str, existing: Places) -> str:
    """Return what separates two elements on upstream's page."""
    if len(existing) == 1:
        return ","
    return text[existing[0].end : existing[1].start]


def _replaced_links(
    text: str, files: Places, replaced: Mapping[int, Mapping[str, str]]
) -> list[Edit]:
    """Return the edits of upstream's links that would not lead where upstream has the files."""
    edits = []
    for place, changed in replaced.items():
        span = files[place]
        entry = _members_of(text, span)
        edits += [
            Edit(span.start + entry[key].start, span.start + entry[key].end, _dump(link))
            for key, link in changed.items()
        ]
    return edits


def _replacements(
    files: Sequence[Mapping[str, Any]], links: PageLinks
) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the new links of each file that needs some, by its place and their keys."""
    for place, file in enumerate(files):
        old = {key: file[key] for key in ("url", "provenance") if isinstance(file.get(key), str)}
        if _is_absolute(old.get("provenance", "")):
            del old["provenance"]
        found = {key: links.replacement(link) for key, link in old.items()}
        if changed := {key: link for key, link in found.items() if link is not None}:
            yield place, changed


def _members_of(text: str, entry: Span) -> dict[str, Span]:
    try:
        return members(text[entry.start : entry.end])
    except ValueError as error:
        msg = f"not a JSON page of the simple API ({error})"
        raise UnreadablePageError(msg) from error


def _is_absolute(link: str) -> bool:
    return link.lower().startswith(("https://", "http://"))


def _parse_version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except ValueError:
        return None


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
