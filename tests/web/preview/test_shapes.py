"""Files of upstream through a stage, whatever the shape of upstream's URLs and links."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

from stageproxy.upstream.pip_index import urls_of_simple
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.index.shapes import CREDENTIAL, SHAPES, ShapedIndex
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service

OLD = a_wheel("demo", "1.0")
NEW = a_wheel("demo", "2.0")
DEPENDENCY = a_wheel("dep", "1.0")
LINK = re.compile(r'(?:href=|"url": ?)"([^"]*\.whl[^"]*)"')
BASE = re.compile(r'<base href="([^"]*)"')


@pytest.fixture(params=SHAPES)
async def shaped(request: pytest.FixtureRequest) -> AsyncIterator[ShapedIndex]:
    """Run an index of each shape, which answers to the server only."""
    async with ShapedIndex.running(SHAPES[request.param], OLD, DEPENDENCY) as running:
        yield running


@pytest.fixture
async def private(
    tmp_path: Path, index: FakeIndex, shaped: ShapedIndex
) -> AsyncIterator[RunningService]:
    """Return a service with that index as its upstream, which has the credential."""
    urls = urls_of_simple(shaped.index_url)
    upstream = {"url": str(urls.root), "simple_url": str(urls.simple)}
    async with running_service(tmp_path / "data", index, upstream=upstream) as running:
        yield running


@pytest.mark.parametrize(
    ("page", "file"),
    [("demo", OLD), ("demo", NEW), ("dep", DEPENDENCY)],
    ids=["an older version of the staged project", "the staged version", "a dependency"],
)
async def test_files_arrive_through_the_stage(
    private: RunningService, shaped: ShapedIndex, page: str, file: Distribution
) -> None:
    """Every file that a page links to arrives through the stage, and without a credential."""
    prefix = prefix_of(await private.staged(NEW))
    url = f"{prefix}simple/{page}/"

    answer = await file_on(private, url, await private.get(url, PIP), file)

    assert (answer.status, answer.body) == (200, file.content)
    assert shaped.refused == []


async def test_credential_is_not_shown(private: RunningService) -> None:
    """No page of a stage contains the credential."""
    prefix = prefix_of(await private.staged(NEW))

    pages = [await private.get(f"{prefix}simple/{name}/", PIP) for name in ("demo", "dep")]

    assert [one.status for one in pages] == [200, 200]
    assert not any(CREDENTIAL.partition(":")[2] in one.text for one in pages)


async def file_on(service: RunningService, url: str, page: Answer, file: Distribution) -> Answer:
    """Return the answer to the link of a file on a page, as installers resolve it."""
    (link,) = (one for one in LINK.findall(page.text) if file.filename in one)
    base = BASE.search(page.text)
    target = urldefrag(urljoin(urljoin(url, base[1] if base else ""), link)).url
    answer = await service.get(target)
    if answer.status == 307:
        return await service.get(urljoin(target, answer.headers["Location"]))
    return answer
