"""The staged release in `/pypi/<project>/json` and `/pypi/<project>/<version>/json`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from stageproxy.core.index.json_spans import Span, elements, members
from stageproxy.core.index.links import PageLinks
from stageproxy.core.index.merge import missing_from
from stageproxy.core.index.pages import StagedFile, UnreadablePageError
from stageproxy.core.index.splice import Edit, insertion, spliced

_UNKNOWN_OWNERSHIP: Mapping[str, Any] = {"organization": None, "roles": []}


@dataclass(frozen=True, slots=True)
class StagedRelease:
    """A staged release, for the JSON API.

    `info` has the keys of the API, with the values of the form; the links of `files`
    are absolute.
    """

    project: str
    version: str
    info: Mapping[str, Any] = field(repr=False)
    files: Sequence[StagedFile] = field(repr=False)


def add_to_project_json(body: bytes, links: PageLinks, staged: StagedRelease) -> bytes:
    """Return /pypi/<project>/json with the staged release in it.

    `info` and `urls` are those of the newest release, and change only if that is the
    staged one. PyPI prefers releases that are not yanked, then final ones, then the
    highest version.
    """
    text, page = _parse_project(body, staged.project)
    releases = page["releases"]
    spelled = _spelling_in(releases.value, staged.version)
    published = releases.value.get(spelled, [])
    missing = _not_listed(staged, published)
    if not missing:
        return body
    listed = _members_at(text, releases)
    edits = _into_releases(text, releases, listed, spelled, missing)
    edits += _absolute_links(text, listed.values(), links)
    if not published and _precedes(page["info"].value, staged.version):
        return spliced(text, [*edits, *_as_newest(page, staged)]).encode()
    edits += _absolute_links(text, [page["urls"]], links)
    if canonicalize_version(_newest(page)) == canonicalize_version(staged.version):
        edits += _into_list(text, page["urls"], missing)
    return spliced(text, edits).encode()


def add_to_release_json(body: bytes, links: PageLinks, staged: StagedRelease) -> bytes:
    """Return /pypi/<project>/<version>/json of a published release with its staged files."""
    text, page = _parse(body, staged.project)
    missing = _not_listed(staged, page["urls"].value)
    if not missing:
        return body
    absolute = _absolute_links(text, [page["urls"]], links)
    edits = [*absolute, *_into_list(text, page["urls"], missing)]
    return spliced(text, edits).encode()


def new_project_json(staged: StagedRelease) -> bytes:
    """Return the document of a project whose only release is the staged one."""
    document = _new(staged, {})
    return _dump({**document, "releases": {staged.version: document["urls"]}}).encode()


def new_release_json(staged: StagedRelease, project_json: bytes | None) -> bytes:
    """Return the document of a release that is not published.

    *project_json*: upstream's document of the project, `None` if it has none. It
    provides the ownership, the URLs of the project's pages, and the serial number.
    """
    known = _parse(project_json, staged.project)[1] if project_json else {}
    return _dump(_new(staged, {key: span.value for key, span in known.items()})).encode()


def has_release(project_json: bytes, project: str, version: str) -> bool:
    """Return whether a project's document lists a release, in any spelling of its version."""
    page = _parse_project(project_json, project)[1]
    wanted = canonicalize_version(version)
    return any(canonicalize_version(one) == wanted for one in page["releases"].value)


def _new(staged: StagedRelease, known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "info": _info(staged, known.get("info", {})),
        "last_serial": known.get("last_serial", 0),
        "ownership": known.get("ownership", _UNKNOWN_OWNERSHIP),
        "urls": [_file(one) for one in _by_filename(staged.files)],
        "vulnerabilities": [],
    }


def _info(staged: StagedRelease, upstream: Mapping[str, Any]) -> dict[str, Any]:
    """Return `info` of the staged release, with the project's URLs from *upstream*."""
    site = {key: upstream[key] for key in ("package_url", "project_url") if upstream.get(key)}
    info = {**staged.info, **site}
    if "package_url" in site:
        info["release_url"] = f"{site['package_url']}{staged.version}/"
    return info


def _parse_project(body: bytes, project: str) -> tuple[str, dict[str, Span]]:
    text, page = _parse(body, project)
    if "releases" not in page:
        msg = "not a document of the JSON API (it has no releases)"
        raise UnreadablePageError(msg)
    return text, page


def _parse(body: bytes, project: str) -> tuple[str, dict[str, Span]]:
    try:
        text = body.decode()
        page = members(text)
        name = canonicalize_name(page["info"].value["name"])
        releases = page["releases"].value.values() if "releases" in page else ()
        is_right = name == project and all(map(_is_list_of_files, [page["urls"].value, *releases]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"not a document of the JSON API ({error!r})"
        raise UnreadablePageError(msg) from error
    if not is_right:
        msg = f"not a document of the JSON API for {project!r}"
        raise UnreadablePageError(msg)
    return text, page


def _is_list_of_files(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one["filename"], str) for one in value)


def _spelling_in(releases: Mapping[str, Any], version: str) -> str:
    wanted = canonicalize_version(version)
    same = (one for one in releases if canonicalize_version(one) == wanted)
    return next(same, version)


def _newest(page: Mapping[str, Span]) -> str:
    return str(page["info"].value.get("version"))


def _precedes(info: Mapping[str, Any], version: str) -> bool:
    """Return whether a new release, which is not yanked, replaces that of *info*."""
    return _rank(str(info.get("version")), yanked=bool(info.get("yanked"))) < _rank(
        version, yanked=False
    )


def _rank(text: str, *, yanked: bool) -> tuple[bool, bool, Version]:
    try:
        version = Version(text)
    except InvalidVersion:
        return not yanked, False, Version("0.dev0")
    return not yanked, not version.is_prerelease, version


def _not_listed(
    staged: StagedRelease, published: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the entries of the staged files that are not published, with the release's values."""
    names = {one["filename"] for one in published}
    missing = [_file(one) for one in missing_from(names, _by_filename(staged.files))]
    if not published:
        return missing
    release = {key: published[0].get(key) for key in ("requires_python", "yanked", "yanked_reason")}
    return [{**one, **release} for one in missing]


def _by_filename(files: Sequence[StagedFile]) -> list[StagedFile]:
    return sorted(files, key=lambda one: one.filename)


def _file(staged: StagedFile) -> dict[str, Any]:
    """Return the entry of a file, with the keys PyPI gives it, in PyPI's order."""
    metadata = staged.core_metadata_sha256
    whole, _, fraction = staged.upload_time.partition(".")
    return {
        "comment_text": staged.comment,
        "core-metadata": {"sha256": metadata} if metadata else False,
        "digests": {
            "blake2b_256": staged.blake2b_256,
            "md5": staged.md5,
            "sha256": staged.sha256,
        },
        "downloads": -1,
        "filename": staged.filename,
        "has_sig": False,
        "md5_digest": staged.md5,
        "packagetype": staged.packagetype,
        "python_version": staged.python_version,
        "requires_python": staged.requires_python,
        "size": staged.size,
        "upload_time": whole,
        "upload_time_iso_8601": f"{whole}.{fraction}",
        "url": staged.link,
        "yanked": False,
        "yanked_reason": None,
    }


def _into_releases(
    text: str,
    releases: Span,
    listed: Mapping[str, Span],
    version: str,
    missing: Sequence[dict[str, Any]],
) -> list[Edit]:
    """Return the edits that add files to a release, or a release. PyPI sorts its key as text."""
    if version in listed:
        return _into_list(text, listed[version], missing)
    written = f"{_dump(version)}:{_dump(missing)}"
    if not listed:
        return [insertion(releases.start + 1, written)]
    before = [one for one in listed if one < version]
    if not before:
        return [insertion(releases.start + 1, f"{written},")]
    last = max((listed[one] for one in before), key=lambda span: span.end)
    return [insertion(last.end, f",{written}")]


def _into_list(text: str, array: Span, missing: Sequence[dict[str, Any]]) -> list[Edit]:
    """Return the edits that add files to a list, which PyPI sorts by filename."""
    existing = elements(text, array)
    if not existing:
        return [insertion(array.start + 1, ",".join(map(_dump, missing)))]
    edits = []
    for one in missing:
        before = [span for span in existing if span.value["filename"] < one["filename"]]
        if before:
            edits.append(insertion(before[-1].end, f",{_dump(one)}"))
        else:
            edits.append(insertion(existing[0].start, f"{_dump(one)},"))
    return edits


def _as_newest(page: Mapping[str, Span], staged: StagedRelease) -> list[Edit]:
    """Return the edits that make the staged release the newest one in the document."""
    files = [_file(one) for one in _by_filename(staged.files)]
    info = _info(staged, page["info"].value)
    new = {"info": info, "urls": files, "vulnerabilities": []}
    return [
        Edit(page[key].start, page[key].end, _dump(value))
        for key, value in new.items()
        if key in page
    ]


def _absolute_links(text: str, lists: Iterable[Span], links: PageLinks) -> list[Edit]:
    """Return the edits that make upstream's relative links in *lists* of files absolute."""
    return [edit for array in lists for edit in _absolute_in(text, array, links)]


def _absolute_in(text: str, array: Span, links: PageLinks) -> Iterator[Edit]:
    new = [_absolute(one.get("url"), links) for one in array.value]
    if not any(new):
        return
    for span, link in zip(elements(text, array), new, strict=True):
        if link is not None:
            old = _members_at(text, span)["url"]
            yield Edit(old.start, old.end, _dump(link))


def _absolute(link: object, links: PageLinks) -> str | None:
    """Return the absolute URL to use instead of a link, `None` if it can stay as it is."""
    if not isinstance(link, str):
        return None
    absolute = links.absolute(link)
    return absolute if absolute != link else None


def _members_at(text: str, span: Span) -> dict[str, Span]:
    """Return the members of an object in the text, with positions in the whole text."""
    inner = members(text[span.start : span.end])
    return {
        key: Span(one.value, span.start + one.start, span.start + one.end)
        for key, one in inner.items()
    }


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
