"""The staged project's page with an unusual, slow or failing upstream."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import JSON_PAGE, PIP, RunningService, prefix_of, running_service

LOCATIONS = {
    "a foreign host, with its name alone": "//example.org/simple/demo/",
    "itself": "/simple/demo/",
    "a mailbox": "mailto:nobody@example.org",
}
FAULTS = {
    "500": (Quirks(status=500), {502, 503}),
    "502": (Quirks(status=502), {502, 503}),
    "503": (Quirks(status=503), {503}),
    "429": (Quirks(status=429), {503}),
    "403": (Quirks(status=403), {502}),
    "nonsense": (Quirks(garbage=True), {502}),
    "nonsense in HTML": (Quirks(garbage=True, html_only=True), {502}),
    "JSON of no API": (Quirks(content_type="application/json"), {502}),
    **{
        f"a redirect to {what}": (Quirks(redirect_to=location), {502})
        for what, location in LOCATIONS.items()
    },
}


@pytest.fixture
def index(index: FakeIndex) -> FakeIndex:
    """Return an index without ETags, so that no answer is taken for an earlier one."""
    index.quirks = Quirks(no_etag=True)
    return index


@pytest.mark.parametrize(("quirks", "expected"), FAULTS.values(), ids=FAULTS)
async def test_no_page_while_upstream_fails(
    service: RunningService, prefix: str, quirks: Quirks, expected: set[int]
) -> None:
    """An upstream fault is an error: a page of staged files alone would hide every release."""
    service.index.quirks = quirks

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.status in expected
    assert "demo-2.0" not in answer.text
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_html_where_json_was_asked_for(service: RunningService, prefix: str) -> None:
    """The answer has the type that upstream sent."""
    service.index.quirks = Quirks(html_only=True)

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert ">demo-1.0.tar.gz</a>" in answer.text
    assert ">demo-2.0.tar.gz</a>" in answer.text


ODD_LINKS = {
    "relative": Quirks(relative_urls=True),
    "relative, in HTML": Quirks(relative_urls=True, html_only=True),
    "without a host": Quirks(host_absolute_urls=True),
    "without a host, in HTML": Quirks(host_absolute_urls=True, html_only=True),
}


@pytest.mark.parametrize("quirks", ODD_LINKS.values(), ids=ODD_LINKS)
async def test_links_stay_in_the_stage(
    service: RunningService, prefix: str, quirks: Quirks
) -> None:
    """Upstream's links to its own host lead to its files below the stage."""
    service.index.quirks = quirks

    page = (await service.get(f"{prefix}simple/demo/", PIP)).text

    assert service.index.url not in page.replace(f"{service.index.url}/integrity/", "")
    assert page.count('"../../packages/') == 4


async def test_relative_links_of_other_projects(service: RunningService, prefix: str) -> None:
    """Relative links of an unedited page lead to upstream's file, below the stage."""
    service.index.quirks = Quirks(relative_urls=True)
    page = (await service.get(f"{prefix}simple/other/", PIP)).document

    answer = await service.get(urljoin(f"{prefix}simple/other/", page["files"][0]["url"]))

    assert answer.body == a_wheel("other").content


async def test_page_without_validator(service: RunningService, prefix: str) -> None:
    """A page without an ETag of upstream gets one."""
    service.index.quirks = Quirks(no_etag=True)

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.status == 200
    assert answer.headers["ETag"].startswith('"')


async def test_without_core_metadata(service: RunningService, prefix: str) -> None:
    """Staged wheels have core metadata, even if upstream's files have none."""
    service.index.quirks = Quirks(no_core_metadata=True)

    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert ["core-metadata" in file for file in page["files"]] == [False, False, True, True]


async def test_headers_in_lower_case(service: RunningService, prefix: str) -> None:
    """The case of upstream's header names does not matter."""
    service.index.quirks = Quirks(extra_headers={"x-pypi-last-serial": "77", "vary": "Origin"})

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.headers["X-PyPI-Last-Serial"] == "77"
    assert answer.headers["Vary"] == "Origin, Accept, Accept-Encoding"


@pytest.fixture
async def impatient(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service with a short timeout for upstream."""
    patience = {"total_timeout": 0.2, "read_timeout": 0.2}
    async with running_service(tmp_path / "data", index, upstream=patience) as running:
        yield running


@pytest.mark.parametrize("path", ["simple/demo/", "simple/other/", "simple/"])
async def test_slow_upstream(impatient: RunningService, path: str) -> None:
    """An upstream that is too slow is 504."""
    prefix = prefix_of(await impatient.staged())
    impatient.index.quirks = Quirks(delay=60)

    assert (await impatient.get(prefix + path, PIP)).status == 504


@pytest.mark.parametrize("path", ["simple/demo/", "simple/other/", "simple/"])
async def test_no_upstream(service: RunningService, prefix: str, path: str) -> None:
    """An upstream that cannot be reached is 503, with Retry-After."""
    service.index.quirks = Quirks(status=503)
    edited = path != "simple/other/"

    answer = await service.get(prefix + path, PIP)

    assert answer.status == 503
    assert ("Retry-After" in answer.headers) is edited


@pytest.fixture
async def lonely(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service whose upstream is a port without a listener."""
    nobody = {"url": "http://127.0.0.1:1"}
    async with running_service(tmp_path / "data", index, upstream=nobody) as running:
        yield running


async def test_unreachable_upstream(lonely: RunningService) -> None:
    """Uploads work while upstream cannot be reached; its pages are errors."""
    prefix = prefix_of(await lonely.staged())

    edited = await lonely.get(f"{prefix}simple/demo/", PIP)
    other = await lonely.get(f"{prefix}simple/other/", PIP)
    only = await lonely.get(f"{prefix}+only/simple/demo/", PIP)

    assert [edited.status, other.status, only.status] == [503, 503, 200]


async def test_project_page_of_an_html_only_mirror(service: RunningService) -> None:
    """A new project has a JSON page, also with a mirror that has only HTML."""
    service.index.quirks = Quirks(html_only=True)
    prefix = prefix_of(await service.staged(a_wheel("brand-new")))

    answer = await service.get(f"{prefix}simple/brand-new/", PIP)

    assert answer.headers["Content-Type"] == JSON_PAGE
