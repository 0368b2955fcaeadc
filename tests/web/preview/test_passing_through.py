"""Upstream's answers that a stage does not change."""

from urllib.parse import urljoin

import pytest
from aiohttp import ClientError

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import HTML_PAGE, PIP, RunningService

ELSEWHERE = [
    "simple/other/",
    "simple/missing/",
    "pypi/other/json",
    "pypi/other/1.0/json",
    "pypi/missing/json",
    "rss/project/other/releases.xml",
    "project/other/",
    "integrity/other/1.0/other-1.0.tar.gz/provenance",
    "search/all/?q=demo&page=2",
]
SPELLINGS = [
    "simple/%6Fther/",
    "simple/demo-x/",
    "simple/demo%20/",
    "simple/d%C3%A9mo/",
    "simple/demo/x/",
    "simple/demo%3F/",
    "simple/%2564emo/",
    "Simple/demo/",
]
FORBIDDEN = [
    "account/login/",
    "%61ccount/login/",
    "manage",
    "_/oidc/mint-token",
]


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *((path, PIP) for path in ELSEWHERE),
        *(("simple/other/", accept) for accept in (HTML_PAGE, "text/html")),
    ],
)
async def test_others_are_untouched(
    service: RunningService, prefix: str, path: str, accept: str
) -> None:
    """Status, type and body of everything else are upstream's."""
    theirs = await service.get(f"{service.index.url}/{path}", accept)

    ours = await service.get(prefix + path, accept)

    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


@pytest.mark.parametrize("path", SPELLINGS)
async def test_spellings(service: RunningService, prefix: str, path: str) -> None:
    """A path that only resembles the staged project's is sent upstream, as spelled."""
    theirs = await service.get(f"{service.index.url}/{path}", PIP)
    service.index.requests.clear()

    ours = await service.get(prefix + path, PIP)

    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    assert [request.path for request in service.index.requests] == [f"/{path}"]


@pytest.mark.parametrize("name", ["Demo", "DEMO", "d%65mo", "demo"])
async def test_spellings_of_the_project(service: RunningService, prefix: str, name: str) -> None:
    """Every spelling of the project's name redirects to its page, within the stage."""
    answer = await service.get(f"{prefix}simple/{name}", PIP)

    assert answer.status == 301
    assert answer.headers["Location"] == f"{prefix.removeprefix(service.url)}simple/demo/"
    assert service.index.requests == []


async def test_escapes_alone_are_no_other_spelling(service: RunningService, prefix: str) -> None:
    """An escaped letter is the letter: the page is the same, without a redirect."""
    escaped = await service.get(f"{prefix}simple/d%65mo/", PIP)
    plain = await service.get(f"{prefix}simple/demo/", PIP)

    assert (escaped.status, escaped.body) == (200, plain.body)


@pytest.mark.parametrize(
    ("path", "accept"),
    [*((path, PIP) for path in FORBIDDEN), ("account/login/", "text/html")],
)
async def test_never_forwarded(
    service: RunningService, prefix: str, path: str, accept: str
) -> None:
    """A path of PyPI's user accounts is 404, and upstream is not asked."""
    answer = await service.get(prefix + path, accept)

    assert answer.status == 404
    assert service.index.requests == []


@pytest.mark.parametrize("path", ["/.well-known/pytp", "/_/oidc/nothing"])
async def test_other_endpoints_are_not_there(service: RunningService, path: str) -> None:
    """Endpoints of trusted publishing that PyPI does not have, or not yet, are 404 at once."""
    answer = await service.get(path)

    assert answer.status == 404
    assert service.index.requests == []


REDIRECTS = {
    "simple/other": (301, "simple/other/"),
    "simple/Other/": (301, "simple/other/"),
    "pypi/Other/json": (301, "pypi/other/json"),
    "simple": (301, "simple/"),
    "p/other/": (307, "project/other/"),
    "pypi/other/": (307, "project/other/"),
}


@pytest.mark.parametrize(("path", "moved"), REDIRECTS.items(), ids=REDIRECTS)
async def test_redirects_stay_in_the_stage(
    service: RunningService, prefix: str, path: str, moved: tuple[int, str]
) -> None:
    """Redirects stay in the stage, and are permanent only for a slash or a spelling."""
    answer = await service.get(prefix + path)

    status, target = moved
    assert answer.status == status
    assert answer.headers["Location"] == prefix.removeprefix(service.url) + target
    assert answer.headers["Cache-Control"] == {301: "private, no-cache", 307: "no-store"}[status]


@pytest.mark.parametrize(
    "location",
    ["http://example.org/x", "/simple/other/", "http://[::1"],
)
async def test_invalid_redirects(service: RunningService, prefix: str, location: str) -> None:
    """A redirect to an unconfigured host, or to itself, is a gateway error."""
    service.index.quirks = Quirks(redirect_to=location)

    answer = await service.get(f"{prefix}simple/other/", PIP)

    assert answer.status == 502
    assert "Location" not in answer.headers


async def test_redirect_to_an_absolute_url_of_upstream(
    service: RunningService, prefix: str
) -> None:
    """A redirect to upstream's own host is rewritten, with its query."""
    service.index.quirks = Quirks(redirect_to=f"{service.index.url}/pypi/other/json?x=1")

    answer = await service.get(f"{prefix}simple/other/", PIP)

    expected = f"{prefix.removeprefix(service.url)}pypi/other/json?x=1"
    assert (answer.status, answer.headers["Location"]) == (307, expected)


async def test_index_url_without_simple(service: RunningService, prefix: str) -> None:
    """`pip install --index-url STAGE demo` works: an installer is redirected to the page."""
    answer = await service.get(f"{prefix}Other.Project/", PIP)

    expected = f"{prefix.removeprefix(service.url)}simple/other-project/"
    assert (answer.status, answer.headers["Location"]) == (307, expected)
    assert answer.headers["Cache-Control"] == "no-store"
    assert service.index.requests == []


async def test_browsers_are_not_redirected_to_simple(service: RunningService, prefix: str) -> None:
    """A client that does not ask for the simple API gets upstream's answer at that path."""
    await service.get(f"{prefix}other/", "text/html")

    assert [request.path for request in service.index.requests] == ["/other/"]


async def test_published_files(service: RunningService, prefix: str) -> None:
    """A published file is served under the stage too, in parts if requested."""
    page = (await service.get(f"{prefix}simple/other/", PIP)).document
    path = page["files"][0]["url"].removeprefix(f"{service.index.url}/")

    whole = await service.get(prefix + path)
    part = await service.get(prefix + path, Range="bytes=0-3")

    assert whole.body == a_wheel("other").content
    assert (part.status, part.body) == (206, whole.body[:4])
    assert whole.headers["Cache-Control"] == "max-age=365000000, immutable, public"


async def test_cut_off_answer_breaks_off(service: RunningService, prefix: str) -> None:
    """A file that upstream cuts off is cut off for the client too."""
    path = "packages/x/other-1.0.tar.gz"
    cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    service.index.quirks = Quirks(raw={f"/{path}": iter([cut_off])})

    with pytest.raises(ClientError):
        await service.get(prefix + path)


@pytest.mark.parametrize("quirks", [Quirks(truncate=True), Quirks(close_delimited=True)])
async def test_cut_off_page(service: RunningService, prefix: str, quirks: Quirks) -> None:
    """A page that upstream cuts off is a gateway error: nothing of it is sent."""
    service.index.quirks = quirks

    answer = await service.get(f"{prefix}simple/other/", PIP)

    assert answer.status in {502, 503}
    assert "files" not in answer.text


async def test_errors_of_upstream_pass(service: RunningService, prefix: str) -> None:
    """Upstream's answers about other projects are passed on, errors included."""
    service.index.quirks = Quirks(status=500)

    answer = await service.get(f"{prefix}simple/other/", PIP)

    assert (answer.status, answer.text) == (500, "500 Internal Server Error")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
async def test_only_reading_passes(service: RunningService, prefix: str, method: str) -> None:
    """Only GET and HEAD are passed on to upstream."""
    answer = await service.send(method, f"{prefix}simple/other/")

    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD,OPTIONS")
    assert service.index.requests == []


async def test_links_without_a_host(service: RunningService, prefix: str) -> None:
    """A file URL without a host arrives through the stage, though no stage changes the page."""
    service.index.quirks = Quirks(host_absolute_urls=True)
    page = (await service.get(f"{prefix}simple/other/", PIP)).document

    answer = await service.get(urljoin(f"{prefix}simple/other/", page["files"][0]["url"]))

    assert (answer.status, answer.body) == (200, a_wheel("other").content)


@pytest.mark.parametrize("accept", [PIP, HTML_PAGE])
async def test_page_with_new_links_has_its_own_etag(
    service: RunningService, prefix: str, accept: str
) -> None:
    """A page whose links were replaced has an ETag of its own, and upstream's other headers."""
    service.index.quirks = Quirks(host_absolute_urls=True)
    theirs = await service.get(f"{service.index.url}/simple/other/", accept, Accept_Encoding="gzip")

    ours = await service.get(f"{prefix}simple/other/", accept, Accept_Encoding="gzip")
    etag = ours.headers["ETag"]
    again = await service.get(
        f"{prefix}simple/other/", accept, If_None_Match=etag, Accept_Encoding="gzip"
    )

    assert (ours.status, again.status, again.body) == (200, 304, b"")
    assert etag != theirs.headers["ETag"]
    for name in ("Content-Type", "Cache-Control", "X-PyPI-Last-Serial"):
        assert ours.headers[name] == theirs.headers[name]


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [("gzip, deflate, br;q=0.9, zstd", "gzip"), ("br", "identity"), ("gzip;q=0.5", "gzip;q=0.5")],
)
async def test_encodings_of_pages(
    service: RunningService, prefix: str, accepted: str, asked: str
) -> None:
    """Pages are requested in an encoding in which their links can be found."""
    await service.get(f"{prefix}simple/other/", PIP, Accept_Encoding=accepted)

    assert [one.headers["Accept-Encoding"] for one in service.index.requests] == [asked]


@pytest.mark.parametrize("path", ["+linked/", "+linked/x", "+linked/x/packages/demo-1.0.tar.gz"])
async def test_paths_above_the_root_need_a_signature(
    service: RunningService, prefix: str, path: str
) -> None:
    """What is above upstream's root is served only where one of its pages links to it."""
    answer = await service.get(prefix + path)

    assert answer.status == 404
    assert service.index.requests == []


FILES = ["packages/x/other-1.0.tar.gz", "files/other-1.0.whl", "files/other-1.0.whl.metadata"]
STORAGE = "http://storage.example/a?signature=x"


def redirecting(path: str) -> Quirks:
    """Return quirks with which the index redirects a path to its storage, once."""
    answer = f"HTTP/1.1 302 Found\r\nLocation: {STORAGE}\r\nContent-Length: 0\r\n\r\n"
    return Quirks(raw={f"/{path}": iter([answer.encode()])})


@pytest.mark.parametrize("path", FILES)
async def test_files_on_another_host(service: RunningService, prefix: str, path: str) -> None:
    """A file may be redirected to the storage of an index, wherever its path begins."""
    service.index.quirks = redirecting(path)

    answer = await service.get(prefix + path)

    assert (answer.status, answer.headers["Location"]) == (307, STORAGE)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["simple/other/", "project/other-1.0/", "packages/x/"])
async def test_pages_on_another_host(service: RunningService, prefix: str, path: str) -> None:
    """What is not a file must not be redirected to a host that is not configured."""
    service.index.quirks = redirecting(path)

    answer = await service.get(prefix + path)

    assert answer.status == 502
    assert "upstream.fallback_url" in answer.text
