"""The cache of upstream's documents, as clients see it."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.index.pages import Document
from stageproxy.upstream.cache import CachedIndex
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import (
    HTML_PAGE,
    JSON_PAGE,
    PIP,
    RunningService,
    prefix_of,
    running_service,
)

READERS = 100
DOCUMENTS = {
    "a JSON page": ("simple/demo/", PIP),
    "an HTML page": ("simple/demo/", "text/html"),
    "the project": ("pypi/demo/json", None),
    "the release": ("pypi/demo/2.0/json", None),
    "the feed": ("rss/project/demo/releases.xml", None),
}
FRESH = ["max-age=0", "No-Cache", "private, max-age=0", "foo,no-cache ", "max-age = 0"]
NOT_FRESH = ["no-store-cache", "x-max-age=0", "no-transform"]
NEVER_CACHED = {"/pypi/demo/2.0/json"}
"""Upstream is asked each time for what it does not have."""
EACH = pytest.mark.parametrize(("path", "accept"), DOCUMENTS.values(), ids=DOCUMENTS)


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that caches upstream's documents for a minute."""
    async with running_service(tmp_path / "data", index, upstream={"fresh_for": 60}) as running:
        yield running


async def ask_fresh(service: RunningService, url: str, accept: str | None) -> None:
    """Let the service cache the newest version of a document, and clear the requests."""
    await service.get(url, accept, Cache_Control="no-cache")
    service.index.requests.clear()


@EACH
async def test_cached_document(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """A cached document is the same, byte for byte, without a request to upstream."""
    first = await service.get(prefix + path, accept)
    service.index.requests.clear()

    second = await service.get(prefix + path, accept)

    assert (second.status, second.body) == (200, first.body)
    assert second.headers["ETag"] == first.headers["ETag"]
    assert {one.path for one in service.index.requests} <= NEVER_CACHED


@pytest.mark.parametrize(
    ("path", "accept", "directive"),
    [
        *((*document, "no-cache") for document in DOCUMENTS.values()),
        *((*DOCUMENTS["a JSON page"], said) for said in FRESH),
    ],
)
async def test_client_wants_it_fresh(
    service: RunningService, prefix: str, path: str, accept: str | None, directive: str
) -> None:
    """A client that refuses cached answers causes a request to upstream."""
    await ask_fresh(service, prefix + path, accept)
    service.index.add("demo", a_wheel(version="1.1"))

    answer = await service.get(prefix + path, accept, Cache_Control=directive)

    assert {one.path for one in service.index.requests} - NEVER_CACHED
    assert ("1.1" in answer.text) is not path.endswith("2.0/json")


@pytest.mark.parametrize(
    ("path", "accept", "directive"),
    [
        *((*document, "max-age=60") for document in DOCUMENTS.values()),
        *((*DOCUMENTS["a JSON page"], said) for said in NOT_FRESH),
    ],
)
async def test_client_accepts_cached_document(
    service: RunningService, prefix: str, path: str, accept: str | None, directive: str
) -> None:
    """Other Cache-Control directives cause no request to upstream."""
    await ask_fresh(service, prefix + path, accept)

    await service.get(prefix + path, accept, Cache_Control=directive)

    assert {one.path for one in service.index.requests} <= NEVER_CACHED


@EACH
async def test_upload_again_shows_at_once(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """A file that replaces another is listed at once, in spite of the cache."""
    before = await service.get(prefix + path, accept)
    new = a_wheel(version="2.0", summary="Quite another", requires_python=">=3.8")
    await service.upload(new)

    after = await service.get(prefix + path, accept, If_None_Match=before.headers["ETag"])

    assert after.status == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    shown = "Quite another" if path.startswith("rss/") else new.sha256
    assert shown in after.text
    assert shown not in before.text


Change = Callable[[RunningService, Any], Awaitable[Any]]


async def upload(service: RunningService, stage: Any) -> Any:
    """Stage one more file."""
    await service.upload(a_wheel(version="2.0", tag="py2-none-any"))
    return stage


async def replace(service: RunningService, stage: Any) -> Any:
    """Replace a staged file."""
    await service.upload(a_wheel(version="2.0", summary="Another"))
    return stage


async def withdraw(service: RunningService, stage: Any) -> Any:
    """Withdraw a file from the stage."""
    await service.api("DELETE", f"stages/{stage['id']}/files/demo-2.0-py3-none-any.whl")
    return stage


async def rotate(service: RunningService, stage: Any) -> Any:
    """Give the stage another URL, which changes the URLs of its files."""
    return (await service.api("POST", f"stages/{stage['id']}/rotate")).document


@pytest.mark.parametrize("change", [upload, replace, withdraw, rotate])
@pytest.mark.parametrize("path", ["pypi/demo/json", "pypi/demo/2.0/json"])
async def test_etag_changes_with_the_stage(
    service: RunningService, stage: Any, path: str, change: Change
) -> None:
    """Every change of a stage changes the ETag, in both encodings."""
    prefix = prefix_of(stage)
    encodings = ("identity", "gzip")
    before = [await service.get(prefix + path, Accept_Encoding=one) for one in encodings]
    prefix = prefix_of(await change(service, stage))

    after = [await service.get(prefix + path, Accept_Encoding=one) for one in encodings]

    assert len({one.headers["ETag"] for one in [*before, *after]}) == 4
    assert [gzip.decompress(after[1].body), after[1].status] == [after[0].body, 200]


@EACH
async def test_etag_is_of_one_encoding(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """An ETag stands for one encoding, if there are two."""
    plain = await service.get(prefix + path, accept, Accept_Encoding="identity")
    packed = await service.get(prefix + path, accept, Accept_Encoding="gzip")

    is_packed = packed.headers.get("Content-Encoding") == "gzip"
    again = await service.get(prefix + path, accept, If_None_Match=packed.headers["ETag"])

    assert (packed.headers["ETag"] != plain.headers["ETag"]) is is_packed
    assert again.status == (200 if is_packed else 304)


@EACH
async def test_many_clients_cause_one_request(
    service: RunningService,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    accept: str | None,
) -> None:
    """A hundred clients that ask at once cause one request for a document."""
    service.index.quirks = Quirks(hold=held_for_all(READERS, monkeypatch))

    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(service.get(prefix + path, accept, Cache_Control="no-cache") for _ in range(READERS))
        )

    requested = [one.path for one in service.index.requests]
    assert {one.status for one in answers} == {200}
    assert len({one.body for one in answers}) == 1
    assert len(requested) == len(set(requested)) <= 2


def held_for_all(readers: int, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return an event that is set while all *readers* wait for each requested document."""
    waiting: Counter[str] = Counter()
    released = asyncio.Event()
    find = CachedIndex.find

    async def count(
        self: CachedIndex, path: str, accept: str, *, fresh: bool = False
    ) -> Document | None:
        waiting[path] += 1
        if min(waiting.values()) >= readers:
            released.set()
        else:
            released.clear()
        # Runs up to the queue for the document without giving up control.
        return await find(self, path, accept, fresh=fresh)

    monkeypatch.setattr(CachedIndex, "find", count)
    return released


async def test_types_do_not_mix(service: RunningService, prefix: str) -> None:
    """A document that is cached for one Accept header is not served for another."""
    url = f"{prefix}simple/demo/"
    accepts = [PIP, "text/html", HTML_PAGE, PIP, None, HTML_PAGE]

    answers = [await service.get(url, accept) for accept in accepts]

    types = [one.headers["Content-Type"].partition(";")[0] for one in answers]
    assert types == [JSON_PAGE, "text/html", HTML_PAGE, JSON_PAGE, "text/html", HTML_PAGE]


async def test_stages_do_not_mix(service: RunningService, prefix: str) -> None:
    """Two stages of a project share upstream's documents, and nothing else."""
    other = prefix_of(await service.staged(an_sdist(version="3.0")))

    pages = [(await service.get(f"{one}simple/demo/", PIP)).text for one in (prefix, other)]

    assert ["demo-2.0" in one for one in pages] == [True, False]
    assert ["demo-3.0" in one for one in pages] == [False, True]


@EACH
async def test_new_project_appears_upstream(
    service: RunningService, path: str, accept: str | None
) -> None:
    """The absence of a project is never cached."""
    prefix = prefix_of(await service.staged(a_wheel("brandnew", version="2.0")))
    path = path.replace("demo", "brandnew")
    await service.get(prefix + path, accept)
    service.index.add("brandnew", an_sdist("brandnew", version="2.0"))

    answer = await service.get(prefix + path, accept)

    shown = "<title>2.0</title>" if path.startswith("rss/") else "brandnew-2.0.tar.gz"
    assert answer.status == 200
    assert shown in answer.text
