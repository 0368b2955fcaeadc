"""Indexes that do not answer 404 for projects that they do not have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.promotion.promotion_client import (
    PromotionClient,
    promotion_settings,
)
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service

NEW = a_wheel("demo", "2.0")
FORBIDDEN = Quirks(status=403)


@pytest.fixture
async def fallback() -> AsyncIterator[FakeIndex]:
    """Run the index to which requests for missing projects are redirected."""
    async with FakeIndex.running() as running:
        running.add("dep", a_wheel("dep", "1.0"))
        yield running


@pytest.fixture
async def with_fallback(
    tmp_path: Path, index: FakeIndex, fallback: FakeIndex
) -> AsyncIterator[RunningService]:
    """Return a service whose upstream redirects each page to that index, which is configured."""
    index.quirks = Quirks(redirect_to=f"{fallback.url}/simple/demo/")
    upstream = {"fallback_url": fallback.url, "fresh_for": 0}
    async with running_service(
        tmp_path / "data", index, upstream=upstream, promotion=promotion_settings(index)
    ) as running:
        index.uploads.use(running.clock)
        yield running


@pytest.fixture
async def with_forbidden(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service whose upstream answers 403, which is configured to mean missing."""
    index.quirks = FORBIDDEN
    upstream = {"forbidden_means_missing": True}
    async with running_service(tmp_path / "data", index, upstream=upstream) as running:
        yield running


async def test_new_project_with_a_fallback(with_fallback: RunningService) -> None:
    """A project that neither upstream nor its fallback has is new."""
    prefix = prefix_of(await with_fallback.staged(NEW))

    page = await with_fallback.get(f"{prefix}simple/demo/", PIP)

    assert (page.status, [one["filename"] for one in page.document["files"]]) == (
        200,
        [NEW.filename],
    )


async def test_project_of_the_fallback(with_fallback: RunningService, fallback: FakeIndex) -> None:
    """What the fallback has of the project is on its page, as without the stage."""
    fallback.add("demo", a_wheel("demo", "1.0"))
    prefix = prefix_of(await with_fallback.staged(NEW))

    page = await with_fallback.get(f"{prefix}simple/demo/", PIP)

    assert len(page.document["files"]) == 2


async def test_dependency_of_the_fallback(
    with_fallback: RunningService, fallback: FakeIndex
) -> None:
    """A dependency that upstream does not have is redirected to the fallback, as directly."""
    prefix = prefix_of(await with_fallback.staged(NEW))
    with_fallback.index.quirks = Quirks(redirect_to=f"{fallback.url}/simple/dep/")

    answer = await with_fallback.get(f"{prefix}simple/dep/", PIP)

    assert (answer.status, answer.headers["Location"]) == (307, f"{fallback.url}/simple/dep/")


async def test_promotion_does_not_count_the_fallback(
    with_fallback: RunningService, fallback: FakeIndex
) -> None:
    """A project of the fallback is not on the index where the release is published."""
    stage = await with_fallback.staged(NEW)
    fallback.add("demo", a_wheel("demo", "1.0"), status="archived")

    plan = await PromotionClient(with_fallback).plan(stage)

    assert (plan.status, "archived" in plan.text) == (200, False)


async def test_redirects_to_other_hosts_name_the_setting(
    service: RunningService, prefix: str
) -> None:
    """Without the setting, a redirect of a page to another host is an error that names it."""
    service.index.quirks = Quirks(redirect_to="https://elsewhere.example/simple/demo/")

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.status == 502
    assert "elsewhere.example" in answer.text
    assert "upstream.fallback_url" in answer.text


async def test_forbidden_can_mean_missing(with_forbidden: RunningService) -> None:
    """With the setting, a project for whose page upstream answers 403 is new."""
    prefix = prefix_of(await with_forbidden.staged(NEW))

    answer = await with_forbidden.get(f"{prefix}simple/demo/", PIP)

    assert answer.status == 200


async def test_forbidden_is_an_error(service: RunningService, prefix: str) -> None:
    """Without the setting, 403 is an error: a refused credential must not hide every release."""
    service.index.quirks = Quirks(status=403, no_etag=True)

    answer = await service.get(f"{prefix}simple/demo/", PIP)

    assert answer.status == 502
    assert "upstream.forbidden_means_missing" in answer.text


async def test_upload_says_that_there_is_no_page(service: RunningService) -> None:
    """An upload is accepted while upstream's page cannot be read, and says so with the reason."""
    service.index.quirks = FORBIDDEN

    answer = await service.upload(NEW)

    assert answer.status == 200
    assert "nothing can be installed from the stage yet" in answer.text
    assert "PyPI answered 403" in answer.text


async def test_upload_of_a_project_with_a_page(service: RunningService) -> None:
    """An upload says nothing of the page while that can be made."""
    answer = await service.upload(NEW)

    assert "nothing can be installed" not in answer.text
