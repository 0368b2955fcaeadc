"""Installers in browsers: scripts of any site may read a preview, and nothing else."""

from typing import Any

import pytest

from tests.support.builders.distributions import Distribution
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import PIP, RunningService, prefix_of

ORIGIN = {"Origin": "https://app.example"}
PATHS = {
    "the stage": "",
    "the stage without slash": "../..{}",
    "the project list": "simple/",
    "the page of the project": "simple/demo/",
    "the page of another project": "simple/other/",
    "a page that does not exist": "simple/missing/",
    "a redirect": "simple/Demo",
    "only the release": "+only/simple/demo/",
    "only the list": "+only/simple/",
    "nothing else there": "+only/simple/other/",
    "the project as JSON": "pypi/demo/json",
    "the release as JSON": "pypi/demo/2.0/json",
    "another project as JSON": "pypi/other/json",
    "the feed": "rss/project/demo/releases.xml",
    "a provenance": "integrity/demo/2.0/demo-2.0-py3-none-any.whl/provenance",
    "a path that is not served": "account/login/",
    "an invalid path": "simple/%zz/",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_any_site_may_read(
    service: RunningService, prefix: str, path: str, method: str
) -> None:
    """Every response of a preview allows every origin."""
    url = prefix.removesuffix("/") if "{}" in path else prefix + path

    answer = await service.send(method, url, {"Accept": PIP, **ORIGIN})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_any_site_may_read_files(
    service: RunningService, stage: Any, wheel: Distribution
) -> None:
    """A staged file, its parts and its metadata, unchanged ones too, allow every origin."""
    link = stage["files"][wheel.filename]["link"]
    etag = (await service.get(link)).headers["ETag"]

    answers = [
        await service.get(link, **ORIGIN),
        await service.get(link, Range="bytes=0-3", **ORIGIN),
        await service.get(link, Range="bytes=99999999-", **ORIGIN),
        await service.get(link, If_None_Match=etag, **ORIGIN),
        await service.get(f"{link}.metadata", **ORIGIN),
    ]

    assert [one.status for one in answers] == [200, 206, 416, 304, 200]
    assert [one.headers["Access-Control-Allow-Origin"] for one in answers] == ["*"] * 5


async def test_new_project(service: RunningService) -> None:
    """The page of a project that upstream does not have allows every origin."""
    prefix = prefix_of(await service.staged())

    answer = await service.get(f"{prefix}simple/demo/", PIP, **ORIGIN)

    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


async def test_upstream_is_down(service: RunningService, prefix: str) -> None:
    """Scripts can read why a page is missing."""
    service.index.quirks = Quirks(status=500)

    answer = await service.get(f"{prefix}simple/demo/", PIP, **ORIGIN)

    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (503, "*")


@pytest.mark.parametrize("path", ["", "simple/demo/", "legacy/", "account/"])
async def test_preflight(service: RunningService, prefix: str, path: str) -> None:
    """Browsers are told that any site may read with any headers but credentials."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}

    answer = await service.send("OPTIONS", prefix + path, {**ORIGIN, **asked})

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_preflight_discloses_no_stage(service: RunningService, prefix: str) -> None:
    """Known and unknown stage URLs have the same preflight."""
    known = await service.send("OPTIONS", prefix, ORIGIN)
    unknown = await service.send("OPTIONS", "/tmp/demo/stgv_x/", ORIGIN)

    assert (known.status, known.body) == (unknown.status, unknown.body)


PRIVATE = (
    ("GET", "/"),
    ("GET", "/api/stages"),
    ("GET", "/api/openapi.json"),
    ("POST", "/legacy/"),
    ("POST", "/tmp/demo/x/legacy/"),
    ("POST", "/tmp/demo/x/legacy"),
    ("DELETE", "/tmp/demo/x/"),
    ("POST", "/upload/2.0/"),
    ("GET", "/upload/2.0/sessions/x"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("OPTIONS", "/api/stages"),
    ("OPTIONS", "/legacy/"),
    ("OPTIONS", "/upload/2.0/"),
)


@pytest.mark.parametrize(("method", "path"), PRIVATE)
async def test_other_apis_are_not_for_scripts(
    service: RunningService, method: str, path: str
) -> None:
    """Whatever needs a token, or changes something, allows no origin."""
    answer = await service.send(method, path, {**ORIGIN, "Authorization": "Bearer x"})

    assert "Access-Control-Allow-Origin" not in answer.headers
