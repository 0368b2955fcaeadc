"""A public URL with a path, behind a proxy: every URL in an answer starts with it.

The proxy removes the path, so requests arrive without it.
"""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import HTML_PAGE, PIP, RunningService, prefix_of, running_service

PUBLIC = "https://stage.example/staging"
HREF = re.compile(r'href="([^"]*)"')


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service whose public URL has a path and an extra slash at its end."""
    server = {"port": 0, "public_url": f"{PUBLIC}/"}
    async with running_service(tmp_path / "data", index, server=server) as running:
        yield running


@pytest.fixture
def asked(prefix: str) -> str:
    """Return the path of the stage, as the proxy requests it."""
    return urlsplit(prefix).path.removeprefix("/staging")


async def test_links_of_a_stage(stage: Any, prefix: str) -> None:
    """All links of the stage as JSON start with the public URL."""
    links = [*stage["links"].values(), *(one["link"] for one in stage["files"].values())]

    assert [link for link in links if not link.startswith(f"{PUBLIC}/")] == []
    assert prefix == f"{PUBLIC}/tmp/demo/{stage['session-token']}/"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        pytest.param("", "", id="the stage without slash"),
        pytest.param("/demo/", "simple/demo/", id="a project for an installer"),
        pytest.param("/simple/demo", "simple/demo/", id="a page without slash"),
        pytest.param("/simple/Demo/", "simple/demo/", id="another spelling"),
        pytest.param("/simple/Other/", "simple/other/", id="another spelling of another project"),
        pytest.param("/simple", "simple/", id="the list without slash"),
    ],
)
async def test_redirects(
    service: RunningService, asked: str, prefix: str, path: str, leads_to: str
) -> None:
    """Redirects within the stage have the path of the proxy."""
    answer = await service.get(asked.rstrip("/") + path, PIP)

    assert answer.headers["Location"] == urlsplit(prefix).path + leads_to


async def test_list_of_projects(service: RunningService, asked: str, prefix: str) -> None:
    """The links of the list stay within the stage."""
    answer = await service.get(f"{asked}simple/", HTML_PAGE)

    path = urlsplit(prefix).path
    assert HREF.findall(answer.text) == [f"{path}simple/demo/", f"{path}simple/other/"]


async def test_staged_files(service: RunningService, asked: str, stage: Any) -> None:
    """Links to staged files are relative to their page, wherever that is."""
    answer = await service.get(f"{asked}simple/demo/", HTML_PAGE)

    links = [one.partition("#")[0] for one in HREF.findall(answer.text)]
    below = [one["link"].removeprefix(prefix_of(stage)) for one in stage["files"].values()]
    assert sorted(links[-2:]) == sorted(f"../../{path}" for path in below)


@pytest.mark.parametrize("stage_page", [True, False], ids=["of a stage", "of the server"])
async def test_pages(service: RunningService, asked: str, prefix: str, *, stage_page: bool) -> None:
    """Pages show the public URL to upload to or install from; their own links are relative."""
    answer = await service.get(asked if stage_page else "/", "text/html")

    named = f"--index-url {prefix}simple/ demo" if stage_page else f"{PUBLIC}/legacy/ dist/*"
    assert named in answer.text
    assert [link for link in HREF.findall(answer.text) if link.startswith("/")] == []


@pytest.mark.parametrize("path", ["/legacy/", "{asked}legacy/"], ids=["server", "stage"])
async def test_uploads(service: RunningService, asked: str, prefix: str, path: str) -> None:
    """The answer to an upload has the public stage URL."""
    wheel = a_wheel(version="2.0", summary="Another demo")

    answer = await service.upload(wheel, to=path.format(asked=asked))

    install = f"pip --isolated install --index-url {prefix}simple/ demo==2.0"
    assert answer.text.splitlines()[:3] == ["OK", prefix, install]


async def test_locations_of_the_api(service: RunningService, stage: Any) -> None:
    """Location headers of existing and new stages are public URLs."""
    there = await service.api("POST", "stages", name="demo", version="2.0")
    new = await service.api("POST", "stages", name="demo", version="3.0")

    assert (there.status, there.headers["Location"]) == (409, f"{PUBLIC}/api/stages/{stage['id']}")
    assert (new.status, new.headers["Location"]) == (201, new.document["links"]["session"])
    assert new.headers["Location"].startswith(f"{PUBLIC}/api/stages/")


@pytest.mark.parametrize(
    ("host", "address"), [("0.0.0.0", "0.0.0.0"), ("::", "[::]")], ids=["IPv4", "IPv6"]
)
async def test_wildcard_address(
    tmp_path: Path, index: FakeIndex, log: io.StringIO, host: str, address: str
) -> None:
    """Without a public URL, a wildcard address is warned about, and pip is told to trust it."""
    async with running_service(
        tmp_path / "data", index, server={"port": 0, "host": host}
    ) as running:
        answer = await running.upload(a_wheel())

    port = running.url.rpartition(":")[2]
    warnings = [line for line in log.getvalue().splitlines() if " WARNING " in line]
    assert len(warnings) == 1
    assert f"stage URLs begin with http://{address}:{port}, which other" in warnings[0]
    assert "Set server.public_url" in warnings[0]
    assert f"--trusted-host {address}:{port}" in answer.text.replace("'", "")


async def test_no_warning_with_a_public_url(
    tmp_path: Path, index: FakeIndex, log: io.StringIO
) -> None:
    """With a public URL, any address is fine; pip is told to trust one without TLS."""
    server = {"host": "0.0.0.0", "public_url": "http://stage.example"}
    async with running_service(tmp_path / "data", index, server=server) as running:
        answer = await running.upload(a_wheel())

    assert " WARNING " not in log.getvalue()
    assert " --trusted-host stage.example --index-url http://stage.example/tmp/" in answer.text
