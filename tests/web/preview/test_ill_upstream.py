"""What readers and uploaders of a stage see while upstream is ill."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.circuit import FAILURES
from stageproxy.web.keys import STREAM_SHARES
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.wire import a_request, exchange, status_of
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service

READERS = 48
"""More than the shares of a stage, and fewer than the connections of an address."""
DOWN = Quirks(status=503)
PAGES = {
    "a JSON page": ("simple/demo/", PIP),
    "an HTML page": ("simple/demo/", "text/html"),
    "the project": ("pypi/demo/json", None),
    "the feed": ("rss/project/demo/releases.xml", None),
}
EACH = pytest.mark.parametrize(("path", "accept"), PAGES.values(), ids=PAGES)
SINCE = "PyPI cannot be reached since 2026-11-22 12:00 UTC."


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that always asks upstream, and shows copies while that fails."""
    async with running_service(tmp_path / "data", index, upstream={"fresh_for": 0}) as running:
        yield running


@EACH
async def test_stale_page(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """While upstream fails a page is shown as it was, with the staged files, and marked."""
    before = await service.get(prefix + path, accept)
    service.index.quirks = DOWN

    stale = await service.get(prefix + path, accept, Cache_Control="max-age=0")

    assert (stale.status, stale.body) == (200, before.body)
    assert stale.headers["Warning"] == '110 - "Response is Stale"'
    assert int(stale.headers["Age"]) >= 0
    assert not {"Warning", "Age"} & set(before.headers)


@EACH
async def test_no_stale_page_for_who_wants_none(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """`no-cache` is an error rather than a copy, and says when to try again."""
    await service.get(prefix + path, accept)
    service.index.quirks = DOWN

    answer = await service.get(prefix + path, accept, Cache_Control="no-cache")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("path", ["simple/brand-new/", "pypi/brand-new/json"])
async def test_no_page_without_a_copy(service: RunningService, path: str) -> None:
    """Without a copy there is no page: not even of a new project, whose files are all staged."""
    prefix = prefix_of(await service.staged(a_wheel("brand-new")))
    service.index.quirks = DOWN

    answer = await service.get(prefix + path, PIP)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "brand_new-1.0" not in answer.text


async def test_retry_after_of_upstream(service: RunningService, prefix: str) -> None:
    """When upstream says when to return, its clients hear it."""
    service.index.quirks = Quirks(status=503, extra_headers={"Retry-After": "77"})

    answer = await service.get(f"{prefix}simple/demo/", PIP, Cache_Control="no-cache")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "77")


async def test_staged_files_while_upstream_is_down(service: RunningService, stage: Any) -> None:
    """Staged files and the page of the stage do not need upstream."""
    service.index.quirks = DOWN

    links = [one["link"] for one in stage["files"].values()]
    answers = [await service.get(one) for one in [*links, prefix_of(stage)]]

    assert [one.status for one in answers] == [200] * 3


async def test_notice(service: RunningService, prefix: str) -> None:
    """The stage says since when upstream fails, and from when its pages are."""
    service.index.quirks = DOWN
    await service.get(f"{prefix}simple/demo/", PIP)

    page = await service.get(prefix, "text/html")
    document = (await service.get(prefix, "application/json")).document
    service.index.quirks = Quirks()
    await service.get(f"{prefix}simple/demo/", PIP)
    healthy = (await service.get(prefix, "application/json")).document

    notice = f"{SINCE} The pages at this URL show its state of 2026-11-22 "
    assert notice in page.text
    assert document["notices"][-1].startswith(notice)
    assert not any(one.startswith(SINCE) for one in healthy["notices"])


async def test_notice_without_a_copy(service: RunningService) -> None:
    """Without a copy the notice says what still works."""
    prefix = prefix_of(await service.staged(a_wheel("brand-new")))
    service.index.quirks = DOWN
    await service.get(f"{prefix}simple/brand-new/", PIP)

    document = (await service.get(prefix, "application/json")).document

    assert document["notices"][-1] == (
        f"{SINCE} Until it answers, the pages at this URL are errors; the staged files can be "
        "downloaded."
    )


async def test_metrics(service: RunningService, prefix: str) -> None:
    """Stale pages, failures and open circuits are counted."""
    service.index.quirks = Quirks(status=500)
    for _ in range(5):
        await service.get(f"{prefix}simple/demo/", PIP)

    text = (await service.get("/metrics")).text

    assert 'stageproxy_upstream_documents_total{outcome="stale"} 5.0' in text
    assert "stageproxy_upstream_up 0.0" in text
    assert "stageproxy_upstream_circuits_open 1.0" in text


async def test_readers_who_wait_do_not_soften_the_verdict(
    service: RunningService, prefix: str
) -> None:
    """However many readers hang on upstream, a file that it has is refused, and pages are shown."""
    taken = an_sdist(version="1.1")
    service.index.add("demo", taken)
    service.index.quirks = Quirks(delays={f"/simple/other-{one}/": 600 for one in range(READERS)})
    folder = prefix.removeprefix(service.url) + "simple/"
    async with asyncio.TaskGroup() as group:
        readers = [
            group.create_task(hang(service.url, a_request(f"{folder}other-{number}/")))
            for number in range(READERS)
        ]
        await until(service, "/simple/other-", 32)
        other = a_wheel("another", version="1.0")
        upload = await service.upload(an_sdist(version="1.1", summary="Other bytes"))
        page = await service.get(f"{prefix_of(await service.staged(other))}simple/another/", PIP)
        for one in readers:
            one.cancel()

    assert (upload.status, "File already exists" in upload.text) == (400, True)
    assert page.status == 200


async def test_open_circuit_does_not_soften_the_verdict(
    service: RunningService, prefix: str
) -> None:
    """While pages are not asked for, a file that upstream has is refused all the same."""
    service.index.add("demo", an_sdist(version="1.1"))
    service.index.quirks = Quirks(status=500)
    for _ in range(FAILURES):
        await service.get(f"{prefix}simple/demo/", PIP)
    service.index.quirks = Quirks()

    upload = await service.upload(an_sdist(version="1.1", summary="Other bytes"))

    assert (upload.status, "File already exists" in upload.text) == (400, True)


async def test_reader_who_leaves(service: RunningService, prefix: str) -> None:
    """The request to upstream ends when its client leaves, not when upstream gives up."""
    service.index.quirks = Quirks(delays={"/simple/other/": 600})
    shares = service.parts.app[STREAM_SHARES]

    await exchange(
        service.url,
        a_request(prefix.removeprefix(service.url) + "simple/other/"),
        hang_up=True,
    )

    async with asyncio.timeout(10):
        while len(shares.stages):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


async def test_shares(service: RunningService, prefix: str) -> None:
    """A stage with all its streams running gets a clear answer; another stage is served."""
    shares = service.parts.app[STREAM_SHARES]
    shares.stages.most, shares.stages.seconds = 1, 0.01
    service.index.quirks = Quirks(delays={"/simple/other/": 600})
    third = prefix_of(await service.staged(a_wheel("third")))
    hanging = a_request(prefix.removeprefix(service.url) + "simple/other/")
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(hang(service.url, hanging))
        await until(service, "/simple/other/", 1)
        refused = await service.get(f"{prefix}simple/fourth/", PIP)
        served = await service.get(f"{third}simple/fourth/", PIP)
        reader.cancel()

    assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
    assert refused.text.startswith("This stage already has 1 files or pages of PyPI")
    assert served.status == 404


async def test_shares_of_a_client(tmp_path: Path, index: FakeIndex) -> None:
    """The addresses of an IPv6 network are one client, as everywhere."""
    server = {"port": 0, "trusted_proxies": ["127.0.0.1"]}
    async with running_service(tmp_path / "data", index, server=server) as service:
        shares = service.parts.app[STREAM_SHARES]
        shares.addresses.most, shares.addresses.seconds = 1, 0.01
        prefix = prefix_of(await service.staged(a_wheel(version="2.0")))
        target = prefix.removeprefix(service.url) + "simple/other/"
        hanging = a_request(target, "GET", "1.1", "X-Forwarded-For: 2001:db8::1")
        index.quirks = Quirks(delays={"/simple/other/": 600})
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(hang(service.url, hanging))
            await until(service, "/simple/other/", 1)
            refused = await service.get(
                f"{prefix}simple/fourth/", PIP, X_Forwarded_For="2001:db8::2"
            )
            reader.cancel()

    assert refused.status == 429
    assert refused.text.startswith("Your address already has 1 files or pages of PyPI")


async def test_101(service: RunningService, prefix: str) -> None:
    """Upstream cannot switch the protocol of a client's connection."""
    raw = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello"
    service.index.quirks = Quirks(raw={"/simple/other/": iter([raw] * 3)})
    target = prefix.removeprefix(service.url) + "simple/other/"

    answer = await exchange(service.url, a_request(target, "GET", "1.1", "Accept: text/html"))

    assert status_of(answer) == 502


async def hang(url: str, request: bytes) -> None:
    """Send a request, and read whatever comes."""
    with suppress(ConnectionError, TimeoutError):
        await exchange(url, request)


async def until(service: RunningService, path: str, times: int) -> None:
    """Wait until upstream has received so many requests for a path, or below one."""
    async with asyncio.timeout(30):
        while sum(one.path.startswith(path) for one in service.index.requests) < times:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
