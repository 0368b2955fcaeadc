"""Pages of other projects that are kept for some seconds, as clients see it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import (
    HTML_PAGE,
    JSON_PAGE,
    PIP,
    UV,
    RunningService,
    prefix_of,
    running_service,
)

OTHER = "simple/other/"


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that keeps upstream's pages for a minute."""
    async with running_service(tmp_path / "data", index, upstream={"fresh_for": 60}) as running:
        yield running


def asked(service: RunningService) -> int:
    """Return how often upstream was asked."""
    return len(service.index.requests)


@pytest.mark.parametrize("accept", [PIP, HTML_PAGE, "text/html"])
async def test_kept_page(service: RunningService, prefix: str, accept: str) -> None:
    """A page is used again for some seconds, with every byte and header of upstream."""
    first = await service.get(prefix + OTHER, accept)
    theirs = await service.get(f"{service.index.url}/{OTHER}", accept)
    service.index.requests.clear()

    again = await service.get(prefix + OTHER, accept)

    assert (again.status, again.body, asked(service)) == (200, theirs.body, 0)
    assert {**again.headers, "Date": ""} == {**first.headers, "Date": ""}
    for name in ("Content-Type", "Cache-Control", "ETag", "Vary", "X-PyPI-Last-Serial"):
        assert again.headers[name] == theirs.headers[name]


async def test_stages_share_pages(service: RunningService, prefix: str) -> None:
    """What one stage has asked for is there for another one."""
    third = prefix_of(await service.staged(a_wheel("third")))
    pages = [(await service.get(one + OTHER, PIP)).body for one in (prefix, third)]

    assert pages[0] == pages[1]
    assert [one.path for one in service.index.requests].count(f"/{OTHER}") == 1


async def test_edited_page_is_of_one_stage(service: RunningService, prefix: str) -> None:
    """A page with links of one stage is never shown to another."""
    service.index.quirks = Quirks(
        rewritten=lambda body: body.replace(b"<head>", b'<head><base href="/packages/">').replace(
            f"{service.index.url}/packages/".encode(), b""
        )
    )
    prefixes = [prefix, prefix_of(await service.staged(a_wheel("third")))]

    texts = [(await service.get(one + OTHER, "text/html")).text for one in [*prefixes, *prefixes]]

    assert [[one in text for one in prefixes] for text in texts] == [
        [True, False],
        [False, True],
    ] * 2
    assert [one.path for one in service.index.requests].count(f"/{OTHER}") == 1


async def test_rotated_stage(service: RunningService, stage: Any) -> None:
    """A page that was edited for a stage has links to its new URL after a rotation."""
    service.index.quirks = Quirks(
        rewritten=lambda body: body.replace(b"<head>", b'<head><base href="/packages/">').replace(
            f"{service.index.url}/packages/".encode(), b""
        )
    )
    old = prefix_of(stage)
    await service.get(old + OTHER, "text/html")
    new = prefix_of((await service.api("POST", f"stages/{stage['id']}/rotate")).document)

    page = await service.get(new + OTHER, "text/html")

    assert (new in page.text, old in page.text) == (True, False)


@pytest.mark.parametrize("directive", ["no-cache", "max-age=0", "Max-Age = 0, private"])
async def test_client_wants_it_fresh(service: RunningService, prefix: str, directive: str) -> None:
    """A client that refuses kept answers causes a request, which has the ETag of what is kept."""
    first = await service.get(prefix + OTHER, PIP)
    service.index.requests.clear()
    same = await service.get(prefix + OTHER, PIP, Cache_Control=directive)
    service.index.add("other", a_wheel("other", version="1.1"))

    new = await service.get(prefix + OTHER, PIP, Cache_Control=directive)

    assert (same.body, "other-1.1" in new.text) == (first.body, True)
    etag = first.headers["ETag"]
    assert [one.headers["If-None-Match"] for one in service.index.requests] == [etag, etag]


@pytest.mark.parametrize(
    "headers",
    [{"Cache-Control": "no-store"}, {"Cache-Control": "no-cache"}, {"Vary": "User-Agent"}],
)
async def test_upstream_wants_to_be_asked(
    service: RunningService, prefix: str, headers: dict[str, str]
) -> None:
    """A page that upstream does not want to be used again is requested each time."""
    service.index.quirks = Quirks(extra_headers=headers)

    answers = [await service.get(prefix + OTHER, PIP) for _ in range(3)]

    assert [one.status for one in answers] == [200] * 3
    assert asked(service) == 3


@pytest.mark.parametrize(
    ("path", "accept", "encoding"),
    [
        (OTHER, UV, "identity"),
        (OTHER, JSON_PAGE, "identity"),
        (OTHER, PIP, "gzip"),
        (f"{OTHER}?x=1", PIP, "identity"),
    ],
)
async def test_requests_do_not_mix(
    service: RunningService, prefix: str, path: str, accept: str, encoding: str
) -> None:
    """What upstream sent for one path, type and encoding is not used for another."""
    await service.get(prefix + OTHER, PIP, Accept_Encoding="identity")

    await service.get(prefix + path, accept, Accept_Encoding=encoding)

    assert asked(service) == 2


async def test_head(service: RunningService, prefix: str) -> None:
    """HEAD of a kept page has the headers of GET, and no body."""
    answer = await service.get(prefix + OTHER, PIP)

    head = await service.get(prefix + OTHER, PIP, method="HEAD")

    assert (head.status, head.body, asked(service)) == (200, b"", 1)
    assert {**head.headers, "Date": ""} == {**answer.headers, "Date": ""}


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(no_etag=True)], ids=["", "without an ETag"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
async def test_not_modified(
    service: RunningService, prefix: str, quirks: Quirks, form: str
) -> None:
    """A client that has the page gets 304, with or without an ETag of upstream."""
    service.index.quirks = quirks
    etag = (await service.get(prefix + OTHER, PIP)).headers["ETag"]

    same = await service.get(prefix + OTHER, PIP, If_None_Match=form.format(etag))
    other = await service.get(prefix + OTHER, PIP, If_None_Match='"x"')

    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
    assert (other.status, asked(service)) == (200, 1)


async def test_not_modified_since(service: RunningService, prefix: str) -> None:
    """A page that has only a time is not sent again to who has it of that time."""
    time = "Sun, 22 Nov 2026 12:00:00 GMT"
    service.index.quirks = Quirks(no_etag=True, extra_headers={"Last-Modified": time})
    first = await service.get(prefix + OTHER, PIP)

    same = await service.get(prefix + OTHER, PIP, If_Modified_Since=time)
    later = await service.get(prefix + OTHER, PIP, If_Modified_Since=time.replace("22", "21"))

    assert [one.status for one in (first, same, later)] == [200, 304, 200]
    assert asked(service) == 1


async def test_validator_of_the_client(service: RunningService, prefix: str) -> None:
    """Where nothing is kept upstream is asked with the client's ETag, and may answer 304."""
    theirs = await service.get(f"{service.index.url}/{OTHER}", PIP)
    service.index.requests.clear()

    answer = await service.get(prefix + OTHER, PIP, If_None_Match=theirs.headers["ETag"])

    assert (answer.status, answer.body, asked(service)) == (304, b"", 1)


async def test_ranges_pass(service: RunningService, prefix: str) -> None:
    """A request for a part reaches upstream although the whole is kept."""
    await service.get(prefix + OTHER, PIP)

    await service.get(prefix + OTHER, PIP, Range="bytes=0-3")

    assert service.index.requests[-1].headers["Range"] == "bytes=0-3"


async def test_missing_pages_are_not_kept(service: RunningService, prefix: str) -> None:
    """A project that appears upstream is there at once."""
    missing = await service.get(f"{prefix}simple/late/", PIP)
    service.index.add("late", a_wheel("late"))

    found = await service.get(f"{prefix}simple/late/", PIP)

    assert (missing.status, found.status) == (404, 200)


async def test_failures_are_not_kept(service: RunningService, prefix: str) -> None:
    """After a failure upstream is asked again, and a kept page outlives the failure."""
    page = await service.get(prefix + OTHER, PIP)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON_PAGE}\r\nContent-Length: 9\r\n\r\n"
    service.index.quirks = Quirks(raw={f"/{OTHER}": iter([head.encode()])})
    failed = await service.get(prefix + OTHER, PIP, Cache_Control="no-cache")

    again = await service.get(prefix + OTHER, PIP)

    assert failed.status in {502, 503}
    assert (again.status, again.body) == (200, page.body)
