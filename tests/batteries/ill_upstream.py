"""Every endpoint of a stage with every fault of upstream, judged by what its reader receives."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import ClientError

from tests.batteries.report import BatteryReport
from tests.support.clients.http import Answer
from tests.support.index.content_faults import CONTENT_FAULTS
from tests.support.index.ill_server import TRANSPORT_FAULTS, Illness, IllServer, Recorded, content
from tests.support.servers.service import PIP, RunningService

SEED = 0
"""Nothing is random: each fault meets each endpoint."""

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "JSON page": ("simple/demo/", PIP),
    "HTML page": ("simple/demo/", "text/html"),
    "project": ("pypi/demo/json", "application/json"),
    "release": ("pypi/demo/2.0/json", "application/json"),
    "feed": ("rss/project/demo/releases.xml", "text/xml"),
    "other page": ("simple/other/", PIP),
}
PASSED_ON = "other page"
NO_FAULTS = frozenset({("HTML page", "UTF-16")})
"""HTML is read in any encoding that it declares."""
GATEWAY_ERRORS = frozenset({502, 503, 504})
INTERNAL = "Internal server error"
STAGED = ("demo-2.0", "<title>2.0</title>")


def illnesses() -> Iterator[tuple[str, Illness]]:
    """Return every fault by its name."""
    yield from TRANSPORT_FAULTS.items()
    for name, fault in CONTENT_FAULTS.items():
        yield name, content(fault, is_cut=name.startswith("cut off"))


@dataclass(frozen=True, slots=True)
class Observed:
    """What a reader received before, during and after a fault; `None` for no whole answer."""

    before: Answer
    during: Answer | None
    staged_file: Answer | None
    after: Answer | None


def violations(endpoint: str, seen: Observed) -> Iterator[str]:
    """Return what must not be, whatever upstream does."""
    before, during, after = seen.before, seen.during, seen.after
    if during is not None and INTERNAL in during.text:
        yield "an unhandled error"
    if endpoint != PASSED_ON:
        yield from _of_an_edited_page(before, during)
    elif during is not None and any(one in during.text for one in STAGED):
        yield "a staged file on a page of another project"
    if seen.staged_file is None or seen.staged_file.status != 200:
        yield "no staged file"
    if after is None or (after.status, after.body) != (before.status, before.body):
        yield "not the same after the fault"


def _of_an_edited_page(before: Answer, during: Answer | None) -> Iterator[str]:
    if during is None:
        yield "no answer"
    elif during.status == 200 and during.body != before.body:
        yield "a wrong page"
    elif during.status != 200 and during.status not in GATEWAY_ERRORS:
        yield f"the status {during.status}"


async def recorded(index_url: str, service: RunningService) -> dict[tuple[str, bool], Recorded]:
    """Return the documents that the endpoints need, as an index has them."""
    documents = {}
    for path, accept in ENDPOINTS.values():
        found = await service.get(f"{index_url}/{path}", accept)
        is_html = accept == "text/html"
        documents[f"/{path}", is_html] = Recorded(found.body, found.headers["Content-Type"])
    return documents


@dataclass(slots=True)
class Battery:
    """Reads a stage at *prefix* through every fault of a server."""

    service: RunningService
    server: IllServer
    prefix: str
    file_url: str

    async def run(self, name: str, endpoints: Iterable[str] = ENDPOINTS) -> BatteryReport:
        """Return what was found at these endpoints."""
        found: list[str] = []
        counts = {"cases": 0, "gateway errors": 0, "stale pages": 0, "whole pages": 0, "cut off": 0}
        for endpoint in endpoints:
            before = await self._read(endpoint)
            assert before is not None
            faults = (one for one in illnesses() if (endpoint, one[0]) not in NO_FAULTS)
            for fault, illness in faults:
                seen = await self._observe(endpoint, before, illness)
                found += [f"{endpoint}, {fault}: {one}" for one in violations(endpoint, seen)]
                counts["cases"] += 1
                counts[_outcome(seen.during)] += 1
        return BatteryReport(name, SEED, counts, found)

    async def _observe(self, endpoint: str, before: Answer, illness: Illness) -> Observed:
        async with self.server.being_ill(f"/{ENDPOINTS[endpoint][0]}", illness):
            during = await self._read(endpoint)
            staged_file = await self._get(self.file_url)
        return Observed(before, during, staged_file, await self._read(endpoint))

    async def _read(self, endpoint: str) -> Answer | None:
        path, accept = ENDPOINTS[endpoint]
        return await self._get(self.prefix + path, accept)

    async def _get(self, url: str, accept: str | None = None) -> Answer | None:
        try:
            async with asyncio.timeout(10):
                return await self.service.get(url, accept)
        except (ClientError, TimeoutError):
            return None


def _outcome(during: Answer | None) -> str:
    if during is None:
        return "cut off"
    if "Warning" in during.headers:
        return "stale pages"
    return "gateway errors" if during.status in GATEWAY_ERRORS else "whole pages"
