"""The pages of the simple API in PyPI's format."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from tests.support.index.projects import QUARANTINED, ListedFile, Project, Projects
from tests.support.index.quirks import Quirks

API_VERSION = "1.4"
# PyPI's templates escape these; `html.escape` writes quotes differently.
ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"},
)
# In the order of the HTML page. The first key is in JSON too, in spite of its form.
METADATA_KEYS = {
    "data-dist-info-metadata": "data-dist-info-metadata",
    "core-metadata": "data-core-metadata",
}

Page = Mapping[str, Any]


def detail_page(project: Project, files_url: str, quirks: Quirks) -> Page:
    """Return the JSON page of *project*, with files below *files_url*."""
    files = [_file(file, files_url, quirks) for file in project.listed]
    meta = {"_last-serial": project.serial, "api-version": API_VERSION}
    extra = project.extra_page_keys
    return {
        "files": files,
        "name": "another-project" if quirks.wrong_project else project.name,
        "project-status": {"status": project.status},
        # Sorted by version like the files, each once.
        "versions": list(dict.fromkeys(file.release.version for file in project.listed)),
        **extra,
        "meta": {**meta, **extra.get("meta", {})},
    }


def list_page(projects: Projects) -> Page:
    """Return the JSON page of all projects."""
    visible = sorted(
        (project for project in projects.by_name.values() if project.status != QUARANTINED),
        key=lambda project: project.name,
    )
    return {
        "meta": {"_last-serial": projects.serial, "api-version": API_VERSION},
        "projects": [
            {"_last-serial": project.serial, "name": project.display_name} for project in visible
        ],
    }


def as_json(page: Page) -> bytes:
    """Return *page* as PyPI formats JSON: sorted, compact, UTF-8, a newline at the end."""
    return f"{compact_json(page)}\n".encode()


def compact_json(document: Mapping[str, Any]) -> str:
    """Return *document* with sorted keys and no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def detail_html(page: Page) -> bytes:
    """Return the HTML page with the files of the JSON *page*."""
    title = f"Links for {escape(page['name'])}"
    status = escape(page["project-status"]["status"])
    # PyPI leaves out this line break, too.
    head = f'<meta name="pypi:project-status" content="{status}">    <title>{title}</title>\n'
    anchors = (f"{_anchor(file)}<br />\n" for file in page["files"])
    return _html(page, head, [f"    <h1>{title}</h1>\n", *anchors])


def list_html(page: Page) -> bytes:
    """Return the HTML page with the projects of the JSON *page*."""
    names = [project["name"] for project in page["projects"]]
    anchors = (
        f'<a href="/simple/{canonicalize_name(name)}/">{escape(name)}</a>\n' for name in names
    )
    return _html(page, "    <title>Simple index</title>\n", anchors)


def escape(text: str) -> str:
    """Return *text* for HTML or XML."""
    return text.translate(ESCAPES)


def _html(page: Page, head: str, body: Iterable[str]) -> bytes:
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n  <head>\n',
        f'    <meta name="pypi:repository-version" content="{API_VERSION}">\n',
        head,
        "  </head>\n  <body>\n",
        *body,
        f"</body>\n</html>\n<!--SERIAL {page['meta']['_last-serial']}-->",
    ]
    return "".join(parts).encode()


def metadata_digest(file: ListedFile) -> Mapping[str, str] | bool:
    """Return the `.metadata` digest of a page, which PyPI has for wheels only."""
    metadata = file.distribution.metadata
    if not file.distribution.is_wheel or metadata is None:
        return False
    return {"sha256": hashlib.sha256(metadata).hexdigest()}


def _file(file: ListedFile, files_url: str, quirks: Quirks) -> Mapping[str, Any]:
    metadata = (
        {} if quirks.no_core_metadata else dict.fromkeys(METADATA_KEYS, metadata_digest(file))
    )
    return {
        **metadata,
        "filename": file.distribution.filename,
        "hashes": {"sha256": file.distribution.sha256},
        "provenance": None,
        "requires-python": file.release.requires_python,
        "size": len(file.distribution.content),
        "upload-time": file.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "url": f"{files_url}/{file.path}",
        "yanked": file.release.yanked,
        **file.extra_keys,
    }


def _anchor(file: Mapping[str, Any]) -> str:
    attributes = " ".join(f'{name}="{escape(text)}"' for name, text in _attributes(file))
    # PyPI ends these two and the link itself with a space, always.
    space = "" if {"core-metadata", "provenance"} & _told(file) else " "
    return f"<a {attributes}{space}>{escape(file['filename'])}</a>"


def _attributes(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "href", f"{file['url']}#sha256={file['hashes']['sha256']}"
    if file["requires-python"]:
        yield "data-requires-python", file["requires-python"]
    if file["yanked"]:
        yield "data-yanked", "" if file["yanked"] is True else file["yanked"]
    for key, attribute in METADATA_KEYS.items():
        if key in _told(file):
            yield attribute, "true" if file[key] is True else f"sha256={file[key]['sha256']}"
    if file["provenance"]:
        yield "data-provenance", file["provenance"]


def _told(file: Mapping[str, Any]) -> set[str]:
    return {key for key, value in file.items() if value}
