"""Caching headers, conditional requests and HEAD."""

import gzip
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.servers.service import PIP, RunningService, prefix_of

REVALIDATED = "private, no-cache"
FOR_GOOD = "private, max-age=31536000, immutable"
CACHING = {
    "": REVALIDATED,
    "simple/demo/": REVALIDATED,
    "+only/simple/demo/": REVALIDATED,
    "+only/simple/": REVALIDATED,
    "pypi/demo/json": REVALIDATED,
    "pypi/demo/1.0/json": REVALIDATED,
    "rss/project/demo/releases.xml": REVALIDATED,
    "simple/missing/": REVALIDATED,
    "pypi/missing/json": REVALIDATED,
    "pypi/demo/9.9/json": REVALIDATED,
    "account/": REVALIDATED,
    "simple/other/": "max-age=600, public",
    "pypi/other/json": "max-age=900, public",
    "rss/project/other/releases.xml": "max-age=86400, public",
    "demo/": "no-store",
    "{wheel}": FOR_GOOD,
    "{wheel}.metadata": FOR_GOOD,
    "{sdist}": FOR_GOOD,
    "{sdist}.metadata": REVALIDATED,
}
BODIES = ["simple/demo/", "+only/simple/demo/", "+only/simple/", "", "{wheel}.metadata"]


@pytest.fixture
def files(stage: Any) -> dict[str, str]:
    """Return the paths of the staged files below the stage URL."""
    links = {
        "sdist" if name.endswith(".gz") else "wheel": file["link"].removeprefix(prefix_of(stage))
        for name, file in stage["files"].items()
    }
    assert set(links) == {"wheel", "sdist"}
    return links


@pytest.mark.parametrize("path", CACHING)
async def test_cache_control(
    service: RunningService, prefix: str, files: dict[str, str], path: str
) -> None:
    """Every answer has the Cache-Control of its kind."""
    answer = await service.get(prefix + path.format(**files), PIP)

    assert answer.headers["Cache-Control"] == CACHING[path]


@pytest.mark.parametrize("path", [*CACHING, "simple/demo", "simple/other", "simple/", "p/other/"])
async def test_head(service: RunningService, prefix: str, files: dict[str, str], path: str) -> None:
    """HEAD is GET without the body, and upstream gets GET."""
    url = prefix + path.format(**files)
    got = await service.get(url, PIP)

    head = await service.get(url, PIP, method="HEAD")

    assert (head.status, head.body) == (got.status, b"")
    assert comparable(head.headers) == comparable(got.headers)
    assert {request.method for request in service.index.requests} <= {"GET"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/robots.txt",
        "/health/live",
        "/health/ready",
        "/api/openapi.json",
        "/api/stages",
        "/api/tokens",
        "/x",
    ],
)
async def test_head_elsewhere(service: RunningService, path: str) -> None:
    """HEAD works wherever GET does."""
    credential = {"Authorization": f"Bearer {service.admin}"}
    got = await service.send("GET", path, credential)

    head = await service.send("HEAD", path, credential)

    assert (head.status, head.body) == (got.status, b"")
    assert comparable(head.headers) == comparable(got.headers)


def comparable(headers: Any) -> dict[str, str]:
    """Return the headers without those of one response, and without a length of zero."""
    pairs = {(name.lower(), value) for name, value in headers.items()}
    return {
        name: value
        for name, value in pairs - {("content-length", "0")}
        if name not in {"date", "x-request-id"}
    }


@pytest.mark.parametrize(
    "path", [path for path, header in CACHING.items() if header == REVALIDATED]
)
async def test_strong_validator(
    service: RunningService, prefix: str, files: dict[str, str], path: str
) -> None:
    """An answer that has to be revalidated has a strong ETag."""
    answer = await service.get(prefix + path.format(**files), PIP)

    assert answer.headers["ETag"].startswith('"')


@pytest.mark.parametrize(
    ("path", "form"),
    [
        *((path, "{}") for path in [*BODIES, "{wheel}", "simple/other/"]),
        *(("simple/demo/", form) for form in ("W/{}", '"x", {}', "*")),
    ],
)
async def test_not_modified(
    service: RunningService, prefix: str, files: dict[str, str], path: str, form: str
) -> None:
    """A matching ETag brings 304, also if a proxy weakened it."""
    url = prefix + path.format(**files)
    known = (await service.get(url, PIP)).headers["ETag"]

    answer = await service.get(url, PIP, If_None_Match=form.format(known))

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == known


@pytest.mark.parametrize("path", ["simple/demo/", "+only/simple/demo/", ""])
async def test_gzip(service: RunningService, prefix: str, path: str) -> None:
    """A client that accepts gzip gets it, under an ETag of its own."""
    plain = await service.get(prefix + path, PIP)

    packed = await service.get(prefix + path, PIP, Accept_Encoding="gzip, deflate")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "accept-encoding" in packed.headers["Vary"].lower()


@pytest.mark.parametrize("encoding", ["identity", "gzip;q=0", "br, zstd", "", "gzip ; q=0.0"])
async def test_no_gzip(service: RunningService, prefix: str, encoding: str) -> None:
    """A client that does not accept gzip does not get it."""
    answer = await service.get(f"{prefix}simple/demo/", PIP, Accept_Encoding=encoding)

    assert "Content-Encoding" not in answer.headers


async def test_gzip_is_not_modified(service: RunningService, prefix: str) -> None:
    """The ETag of one encoding does not match the other."""
    url = f"{prefix}simple/demo/"
    packed = (await service.get(url, PIP, Accept_Encoding="gzip")).headers["ETag"]

    again = await service.get(url, PIP, Accept_Encoding="gzip", If_None_Match=packed)
    plain = await service.get(url, PIP, If_None_Match=packed)

    assert (again.status, plain.status) == (304, 200)


async def test_etag_changes_with_the_stage(service: RunningService, prefix: str) -> None:
    """Every change of the staged files changes the ETag of the page."""
    url = f"{prefix}simple/demo/"
    before = (await service.get(url, PIP)).headers["ETag"]
    await service.staged(a_wheel(version="2.0", summary="Another"))

    after = await service.get(url, PIP, If_None_Match=before)

    assert (after.status, after.headers["ETag"] != before) == (200, True)


async def test_etag_changes_with_upstream(service: RunningService, prefix: str) -> None:
    """A file that upstream adds is listed at once, whatever the client has cached."""
    url = f"{prefix}simple/demo/"
    before = (await service.get(url, PIP)).headers["ETag"]
    service.index.add("demo", a_wheel(version="1.1"))

    after = await service.get(url, PIP, If_None_Match=before)

    assert "demo-1.1" in after.text


@pytest.mark.parametrize("path", ["simple/demo/", "+only/simple/demo/", "simple/other/"])
async def test_vary(service: RunningService, prefix: str, path: str) -> None:
    """Negotiated answers have a Vary header."""
    answer = await service.get(prefix + path, PIP)

    vary = {one.strip() for one in answer.headers["Vary"].lower().split(",")}
    assert {"accept", "accept-encoding"} <= vary


async def test_upstreams_caching_is_not_passed_on(service: RunningService, prefix: str) -> None:
    """Upstream's caching headers are not copied to an edited page."""
    theirs = await service.get(f"{service.index.url}/simple/demo/", PIP)

    ours = await service.get(f"{prefix}simple/demo/", PIP)

    assert ours.headers["ETag"] != theirs.headers["ETag"]
    assert ours.headers["Content-Length"] == str(len(ours.body))
    assert not {"Surrogate-Control", "Age", "Expires", "Last-Modified"} & set(ours.headers)


async def test_serial_and_cors(service: RunningService, prefix: str) -> None:
    """The serial and the CORS headers are copied, also to edited pages."""
    theirs = await service.get(f"{service.index.url}/simple/demo/", PIP)

    ours = await service.get(f"{prefix}simple/demo/", PIP)

    copied = {name for name in theirs.headers if name.startswith(("Access-Control-", "X-PyPI-"))}
    assert len(copied) == 6
    assert {name: ours.headers[name] for name in copied} == {
        name: theirs.headers[name] for name in copied
    }


async def test_unknown_etag(service: RunningService, prefix: str, wheel: Distribution) -> None:
    """An unknown ETag brings the whole answer."""
    answer = await service.get(f"{prefix}simple/demo/", PIP, If_None_Match='"x", W/"y"')

    assert answer.status == 200
    assert wheel.filename in answer.text
