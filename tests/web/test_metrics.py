"""The metrics, whose labels contain no token, path or project."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.promotion.promotion_client import TOKEN, PromotionClient, promotion_settings
from tests.support.servers.postgres import Postgres
from tests.support.servers.service import RunningService, prefix_of, running_service
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

REQUESTS = "stageproxy_requests_total"
UPSTREAM = "stageproxy_upstream_documents_total"
ATTEMPTS = "stageproxy_promotion_attempts_total"
LABELS = {"setting", "reply", "handler", "method", "status", "outcome", "le", "version"}
ODD = {
    "a method of WebDAV": ("PROPFIND", "/"),
    "a method that HTTP has": ("TRACE", "/"),
    "a path that is nowhere": ("GET", "/secret-project/42"),
    "a method that a path does not take": ("PUT", "/metrics"),
    "a path that is no path": ("GET", "/a/%2e%2e/b"),
}

Labels = tuple[tuple[str, str], ...]


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that caches upstream's documents for a minute."""
    async with running_service(
        tmp_path / "data", index, upstream={"fresh_for": 60}, promotion=promotion_settings(index)
    ) as running:
        index.uploads.use(running.clock)
        yield running


async def samples(service: RunningService) -> Mapping[str, Mapping[Labels, float]]:
    """Return all metrics: by name, and then by labels."""
    text = (await service.get("/metrics")).text
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(sorted(one.labels.items()))] = one.value
    return found


async def counted(service: RunningService, name: str, **labels: str) -> float:
    """Return the value of one sample; zero if it is missing."""
    return (await samples(service)).get(name, {}).get(tuple(sorted(labels.items())), 0)


async def test_type(service: RunningService) -> None:
    """The metrics are in Prometheus' text format."""
    answer = await service.get("/metrics")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")


async def test_open_metrics(service: RunningService) -> None:
    """A client that wants OpenMetrics gets it, with the end that shows that nothing is missing."""
    answer = await service.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    assert 'stageproxy_build_info{version="' in answer.text


@pytest.mark.parametrize(
    ("method", "path", "handler", "status"),
    [
        ("GET", "/health/live", "live", "200"),
        ("HEAD", "/health/live", "live", "200"),
        ("GET", "/", "show_desk", "200"),
        ("GET", "/tmp/demo/unknown/simple/", "preview", "404"),
        ("POST", "/legacy/", "upload", "401"),
        ("GET", "/api/stages", "list_stages", "401"),
        ("POST", "/metrics", "unmatched", "405"),
        ("GET", "/nowhere", "unmatched", "404"),
        ("PROPFIND", "/health/live", "unmatched", "405"),
    ],
)
async def test_requests(
    service: RunningService, method: str, path: str, handler: str, status: str
) -> None:
    """A request is counted by its handler, method and status."""
    for _ in range(3):
        await service.send(method, path)

    labels = {"handler": handler, "method": method.replace("PROPFIND", "other"), "status": status}
    assert await counted(service, REQUESTS, **labels) == 3


@pytest.mark.parametrize(("method", "path"), ODD.values(), ids=ODD)
async def test_odd_requests_share_a_label(service: RunningService, method: str, path: str) -> None:
    """Unknown methods and paths are counted without a label of their own."""
    await service.send(method, path)

    known = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"}
    labels = [dict(one) for one in (await samples(service))[REQUESTS]]
    assert [one["handler"] for one in labels] == ["unmatched"]
    assert {one["method"] for one in labels} <= known


async def test_many_odd_requests(service: RunningService) -> None:
    """A hundred paths and methods make one label; malformed requests make none."""
    for number in range(100):
        await service.send("MKCOL", f"/{number}")
        await service.send(f"M{number}", "/")

    assert dict((await samples(service))[REQUESTS]) == {
        (("handler", "unmatched"), ("method", "other"), ("status", "404")): 100
    }


async def test_seconds(service: RunningService) -> None:
    """The time of answers is counted by handler."""
    await service.get("/health/live")

    assert await counted(service, "stageproxy_request_seconds_count", handler="live") == 1


async def test_outcomes_of_upstream(service: RunningService, prefix: str) -> None:
    """A document of upstream is counted as fetched, cached, not modified, missing or failed."""
    before = await outcomes(service)
    page = f"{prefix}simple/demo/"
    await service.get(page, "text/html")
    # This header has no meaning here, but such a request is left to the application.
    await service.get(page, "text/html", Cache_Control="no-transform")
    await service.get(page, "text/html", Cache_Control="no-cache")
    service.index.quirks = Quirks(status=500)
    await service.get(page, "text/html", Cache_Control="no-cache")
    service.index.quirks = Quirks()
    service.index.remove("demo")
    await service.get(page, "text/html", Cache_Control="no-cache")

    assert {
        name: number - before.get(name, 0) for name, number in (await outcomes(service)).items()
    } == {"fetched": 1, "kept": 1, "not-modified": 1, "upstream-unavailable": 1, "missing": 1}


async def outcomes(service: RunningService) -> Mapping[str, float]:
    """Return how often upstream was asked, by the outcome."""
    found = (await samples(service))[UPSTREAM]
    return {dict(labels)["outcome"]: number for labels, number in found.items()}


async def test_time_of_upstream(service: RunningService, prefix: str) -> None:
    """Only requests to upstream count as upstream's time."""
    before = await counted(service, "stageproxy_upstream_seconds_count")
    for _ in range(3):
        await service.get(f"{prefix}simple/demo/", "text/html")

    assert await counted(service, "stageproxy_upstream_seconds_count") == before + 1


async def test_bytes_of_the_cache(service: RunningService, prefix: str) -> None:
    """The size of the cache of upstream's documents is reported, and grows with use."""
    before = await counted(service, "stageproxy_cache_bytes")
    body = (await service.get(f"{service.index.url}/simple/demo/", "text/html")).body

    await service.get(f"{prefix}simple/demo/", "text/html")

    assert await counted(service, "stageproxy_cache_bytes") == before + len(body) + 1024


async def test_stages_and_files(service: RunningService) -> None:
    """Stages are counted by status; staged files and their bytes are summed."""
    wheel, other = a_wheel(version="2.0"), a_wheel(version="3.0")
    await service.staged(wheel)
    await service.staged(other)
    ended = await service.open_stage(version="4.0")
    await service.api("DELETE", f"stages/{ended['id']}")

    assert await counted(service, "stageproxy_stages", status="open") == 2
    assert await counted(service, "stageproxy_stages", status="canceled") == 1
    assert await counted(service, "stageproxy_files") == 2
    size = len(wheel.content) + len(other.content)
    assert await counted(service, "stageproxy_bytes") == size


async def test_attempts_to_publish(service: RunningService) -> None:
    """Each sent file is counted by the index's answer, and each promotion by its final status."""
    index, promotion_client = service.index, PromotionClient(service)
    index.uploads.tokens.clear()
    await promotion_client.publish(await service.staged(a_wheel(version="2.0")))
    index.uploads.tokens.add(TOKEN)
    index.uploads.faults.append(Fault(FaultPoint.ACCEPTED, FaultKind.RESET, attempts=(2,)))
    stage = await service.staged(an_sdist(version="2.0"))

    assert (await promotion_client.publish(stage))["status"] == "published"
    replies = [
        await counted(service, ATTEMPTS, reply=one) for one in ("accepted", "refused", "unanswered")
    ]
    assert replies == [1, 1, 1]
    assert await counted(service, "stageproxy_stages", status="published") == 1


async def test_status_that_no_stage_has_any_more(service: RunningService) -> None:
    """A status without stages is not reported."""
    stage = await service.open_stage()
    await service.get("/metrics")

    await service.api("DELETE", f"stages/{stage['id']}")

    assert list((await samples(service))["stageproxy_stages"]) == [(("status", "canceled"),)]


async def test_nothing_of_the_requests_shows(
    service: RunningService, stage: Any, wheel: Distribution
) -> None:
    """After many requests no token, path, project or filename is in the metrics."""
    await a_life(service, stage, wheel)

    text = (await service.get("/metrics")).text

    secrets = [wheel.filename, stage["id"], service.index.url, str(service.data), "/tmp/", "simple"]
    assert TOKEN_PATTERN.search(text) is None
    assert [one for one in secrets if one in text] == []
    assert re.search(r"\bdemo\b|\bother\b(?!\")", text) is None
    assert set(re.findall(r'[{,](\w+)="', text)) <= LABELS


async def a_life(service: RunningService, stage: Any, wheel: Distribution) -> None:
    """Send every request that the clients of a stage send, valid and invalid."""
    prefix = prefix_of(stage)
    folder = f"{wheel.blake2b_256[:2]}/{wheel.blake2b_256[2:4]}/{wheel.blake2b_256[4:]}"
    paths = ["", "simple/", "simple/demo/", "simple/other/", "pypi/demo/json", "nowhere"]
    token = await service.token()
    for path in [*paths, f"packages/{folder}/{wheel.filename}", "rss/project/demo/releases.xml"]:
        for method in ("GET", "HEAD", "DELETE"):
            await service.send(method, prefix + path)
    await service.post(b"no form", token=token)
    await service.upload(a_wheel(version="2.1"), token=token)
    await service.api("GET", f"stages/{stage['id']}", token)
    await service.api("POST", f"stages/{stage['id']}/rotate")
    await service.get(f"{prefix}simple/demo/?token={token}")
    await service.get(f"/tmp/demo/{token}/simple/demo/")


async def test_database_that_does_not_answer(
    tmp_path: Path, index: FakeIndex, postgres_url: str, postgres: Postgres
) -> None:
    """Without its database a server is not ready, and has metrics still, which show it."""
    storage, patience = {"database": postgres_url}, {"timeout": 0.1}
    async with running_service(
        tmp_path / "data", index, storage=storage, postgres=patience
    ) as service:
        await service.staged()
        assert await counted(service, "stageproxy_database_up") == 1
        await asyncio.to_thread(postgres.stop)
        try:
            ready = await service.get("/health/ready")
            found = await samples(service)
        finally:
            await asyncio.to_thread(postgres.start)

    assert ready.status == 503
    assert "cannot be read or written" in ready.document["checks"]["database"]
    assert found["stageproxy_database_up"] == {(): 0}
    assert found["stageproxy_files"] == {(): 1}
