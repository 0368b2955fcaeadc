"""The handlers of a fake index, one for each of its URLs."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from tests.support.index.answers import (
    DOCUMENT,
    JSON,
    PAGE,
    PROVENANCE,
    no_such_document,
    no_such_page,
    redirect,
)
from tests.support.index.pages import (
    Page,
    as_json,
    compact_json,
    detail_html,
    detail_page,
    list_html,
    list_page,
)
from tests.support.index.projects import ListedFile, Project, Projects
from tests.support.index.quirks import QUIRKS
from tests.support.index.release_json import (
    Document,
    project_document,
    release_document,
    releases_feed,
)
from tests.support.uploads.handler import UPLOADS

PROJECTS = web.AppKey("projects", Projects)
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
HTML_PAGE = "application/vnd.pypi.simple.v1+html"
# In PyPI's order, which decides ties.
CONTENT_TYPES = {
    "text/html": "text/html; charset=UTF-8",
    HTML_PAGE: HTML_PAGE,
    JSON_PAGE: JSON_PAGE,
}
FILE_HEADERS = {
    "Accept-Ranges": "bytes",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "max-age=365000000, immutable, public",
    "Content-Type": "application/octet-stream",
}


async def list_projects(request: web.Request) -> web.Response:
    """Return the names of all projects."""
    media_type = _negotiated(request)
    page = list_page(request.app[PROJECTS])
    body = as_json(page) if media_type == JSON_PAGE else list_html(page)
    return _page(page, body, media_type, "all-html warehouse:templates/api/simple/index.html")


async def show_page(request: web.Request) -> web.Response:
    """Return the files of a project."""
    project = _find_project(request)
    request.app[UPLOADS].record_page(request.app[PROJECTS].find(request.match_info["project"]))
    if project is None:
        return no_such_page()
    keys = f"all-html project/{project.name} warehouse:templates/api/simple/detail.html"
    if request.match_info["project"] != project.name:
        return redirect(request, f"/simple/{project.name}/", {**PAGE, "Surrogate-Key": keys})
    media_type = _negotiated(request)
    page = detail_page(project, _files_url(request), request[QUIRKS])
    body = as_json(page) if media_type == JSON_PAGE else detail_html(page)
    return _page(page, body, media_type, keys)


async def show_project_json(request: web.Request) -> web.Response:
    """Return the newest release and the files of all."""
    project = _find_project(request)
    if project is None or not project.listed:
        return no_such_document()
    keys = f"all-legacy-json project-legacy-json project/{project.name}"
    if request.match_info["project"] != project.name:
        return _json_redirect(request, f"/pypi/{project.name}/json", keys)
    document = project_document(project, _site(request), _files_url(request))
    return _document(project, document, keys)


async def show_release_json(request: web.Request) -> web.Response:
    """Return one release."""
    project = _find_project(request)
    version = request.match_info["version"]
    if project is None or not project.listed_in(version):
        return no_such_document()
    keys = f"all-legacy-json project/{project.name} release-legacy-json"
    if request.match_info["project"] != project.name:
        return _json_redirect(request, f"/pypi/{project.name}/{version}/json", keys)
    release = project.listed_in(version)[0].release
    document = release_document(project, release, _site(request), _files_url(request))
    return _document(project, document, keys)


async def show_provenance(request: web.Request) -> web.Response:
    """Return that no file has a provenance."""
    message = f"No provenance available for {request.match_info['filename']}"
    headers = {**PROVENANCE, **JSON, "Surrogate-Key": f"project/{request.match_info['project']}"}
    return web.Response(
        status=404, headers=headers, body=compact_json({"message": message}).encode()
    )


async def show_feed(request: web.Request) -> web.Response:
    """Return the feed of a project's releases."""
    project = _find_project(request)
    if project is None:
        raise web.HTTPNotFound
    headers = {
        "Cache-Control": "max-age=86400, public",
        "Content-Type": "text/xml; charset=UTF-8",
    }
    return web.Response(headers=headers, body=releases_feed(project, _site(request)).encode())


async def show_project(request: web.Request) -> web.Response:
    """Return a web page with the name of the project."""
    project = _find_project(request)
    if project is None:
        raise web.HTTPNotFound
    text = f"<!DOCTYPE html>\n<title>{project.display_name}</title>\n"
    return web.Response(content_type="text/html", text=text)


async def show_file(request: web.Request) -> web.Response:
    """Return the bytes of a distribution, or the requested range."""
    path = request.path.removeprefix("/")
    file = request.app[PROJECTS].find_file(path)
    if file is not None:
        return _bytes(request, file.distribution.content, _file_headers(file))
    file = request.app[PROJECTS].find_file(path.removesuffix(".metadata"))
    if file is None or not file.distribution.is_wheel or request[QUIRKS].no_core_metadata:
        raise web.HTTPNotFound
    return _bytes(request, file.distribution.metadata or b"", FILE_HEADERS)


async def go_to_project(request: web.Request) -> web.Response:
    """Redirect the short forms of a project's URL."""
    return redirect(request, f"/project/{request.match_info['project']}/")


async def add_slash(request: web.Request) -> web.Response:
    """Redirect to the same path with a slash, whether or not it exists."""
    return redirect(request, f"{request.path}/")


PROJECT_URLS = ("/project/{project}/", "/project/{project}/{version}/")
ROUTES = [
    web.get("/simple/", list_projects),
    web.get("/simple/{project}/", show_page),
    web.get(r"/pypi/{project}/json{slash:/?}", show_project_json),
    web.get(r"/pypi/{project}/{version}/json{slash:/?}", show_release_json),
    web.get("/integrity/{project}/{version}/{filename}/provenance", show_provenance),
    web.get("/rss/project/{project}/releases.xml", show_feed),
    web.get(r"/packages/{path:.+}", show_file),
    *(web.get(path, show_project) for path in PROJECT_URLS),
    *(web.get(path, go_to_project) for path in ("/p/{project}/", "/pypi/{project}/")),
    *(
        web.get(path.removesuffix("/"), add_slash)
        for path in ("/simple/", "/simple/{project}/", "/p/{project}/", *PROJECT_URLS)
    ),
]


def _find_project(request: web.Request) -> Project | None:
    project = request.app[PROJECTS].find(request.match_info["project"])
    return request.app[UPLOADS].as_listed(project)


def _site(request: web.Request) -> str:
    return str(request.url.origin())


def _files_url(request: web.Request) -> str:
    quirks = request[QUIRKS]
    if quirks.host_absolute_urls:
        return ""
    if quirks.relative_urls:
        return "/".join([".."] * (request.path.count("/") - 1))
    return _site(request)


def _negotiated(request: web.Request) -> str:
    if request[QUIRKS].html_only:
        return "text/html"
    accept = ",".join(request.headers.getall(hdrs.ACCEPT, ["*/*"]))
    wanted = dict(_accepted(part) for part in accept.lower().split(","))
    best = max(CONTENT_TYPES, key=lambda media_type: _quality(media_type, wanted))
    return best if _quality(best, wanted) > 0 else "text/html"


def _accepted(part: str) -> tuple[str, float]:
    media_type, *parameters = (text.strip() for text in part.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    return media_type, float(quality)


def _quality(media_type: str, wanted: Mapping[str, float]) -> float:
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((wanted[name] for name in ranges if name in wanted), 0)


def _page(page: Page, body: bytes, media_type: str, keys: str) -> web.Response:
    headers = {
        **PAGE,
        "Content-Type": CONTENT_TYPES[media_type],
        "Surrogate-Key": keys,
        "X-PyPI-Last-Serial": str(page["meta"]["_last-serial"]),
    }
    return web.Response(headers=headers, body=body)


def _document(project: Project, document: Document, keys: str) -> web.Response:
    headers = {
        **DOCUMENT,
        **JSON,
        "Surrogate-Key": keys,
        "X-PyPI-Last-Serial": str(project.serial),
    }
    return web.Response(headers=headers, body=compact_json(document).encode())


def _json_redirect(request: web.Request, path: str, keys: str) -> web.Response:
    return redirect(request, path, {**DOCUMENT, "Surrogate-Key": keys})


def _file_headers(file: ListedFile) -> Mapping[str, str]:
    return {
        **FILE_HEADERS,
        "X-PyPI-File-Package-Type": "bdist_wheel" if file.distribution.is_wheel else "sdist",
        "X-PyPI-File-Python-Version": file.distribution.python_tag,
        "X-PyPI-File-Version": file.release.version,
    }


def _bytes(request: web.Request, content: bytes, headers: Mapping[str, str]) -> web.Response:
    if hdrs.RANGE not in request.headers:
        return web.Response(headers=headers, body=content)
    wanted = range(len(content))[request.http_range]
    if not wanted:
        refused = {**headers, hdrs.CONTENT_RANGE: f"bytes */{len(content)}"}
        return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=refused)
    served = {**headers, hdrs.CONTENT_RANGE: f"bytes {wanted[0]}-{wanted[-1]}/{len(content)}"}
    return web.Response(
        status=HTTPStatus.PARTIAL_CONTENT, headers=served, body=content[request.http_range]
    )
