"""Measurements of uploads, downloads and pages, each beside a minimal server."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from aiohttp import ClientSession, ClientTimeout, FormData

from benchmarks.children import Servers

_CHUNK = 2**20
_JSON_PAGE = {"Accept": "application/vnd.pypi.simple.v1+json"}
_FORM = {
    ":action": "file_upload",
    "protocol_version": "1",
    "metadata_version": "2.4",
    "name": "demo",
    "version": "2.0",
    "filetype": "bdist_wheel",
    "pyversion": "py3",
    "staged": "true",
}

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Measure:
    """The median time of one operation, on both servers."""

    name: str
    service: float
    least: float

    @property
    def ratio(self) -> float:
        """Return the time of the server, divided by that of the minimal one."""
        return self.service / self.least


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of all measurements, with the same client for both servers."""

    servers: Servers
    wheel: Path
    sha256: str
    rounds: int
    pages: int

    async def measures(self) -> list[Measure]:
        """Return all measurements. Rounds alternate, so that a disturbance affects both servers."""
        headers = {"Authorization": f"Bearer {self.servers.token}"}
        # Only the server gets the token: the minimal one needs none.
        async with (
            ClientSession(headers=headers, timeout=ClientTimeout(total=None)) as service,
            ClientSession(timeout=ClientTimeout(total=None)) as bare,
        ):
            uploads = await self._both(
                "upload", lambda: self._stage(service), lambda: self._upload_bare(bare)
            )
            stage = await self._upload(service, f"{self.servers.service}/legacy/")
            [file] = stage["files"].values()
            url = stage["links"]["stage"]
            downloads = await self._both(
                "download",
                lambda: self._read(service, file["link"]),
                lambda: self._read(bare, self.servers.bare),
            )
            pages = await self._both(
                "simple page",
                lambda: self._ask(service, f"{url}simple/demo/"),
                lambda: self._ask(bare, f"{self.servers.upstream}/simple/demo/"),
            )
        return [uploads, downloads, Measure(pages.name, *self._each(pages))]

    async def _both(self, name: str, service: Work, least: Work) -> Measure:
        times = [(await _seconds(service), await _seconds(least)) for _ in range(self.rounds)]
        return Measure(name, median(one for one, _ in times), median(one for _, one in times))

    async def _stage(self, session: ClientSession) -> None:
        await self._cancel_all(session)
        await self._upload(session, f"{self.servers.service}/legacy/")

    async def _upload_bare(self, session: ClientSession) -> None:
        await self._upload(session, self.servers.bare)

    async def _upload(self, session: ClientSession, url: str) -> dict[str, Any]:
        with self.wheel.open("rb") as opened:
            form = FormData([*_FORM.items(), ("sha256_digest", self.sha256)])
            form.add_field("content", opened, filename=self.wheel.name)
            async with session.post(url, data=form) as response:
                text = await response.text()
                response.raise_for_status()
        document: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        return document

    async def _cancel_all(self, session: ClientSession) -> None:
        """Cancel the stage of the last round, so that every round starts alike."""
        url = f"{self.servers.service}/api/stages"
        async with session.get(url) as response:
            stages = (await response.json())["stages"]
        for stage in stages:
            if stage["status"] == "open":
                async with session.delete(f"{url}/{stage['id']}") as response:
                    response.raise_for_status()

    async def _read(self, session: ClientSession, url: str) -> None:
        async with session.get(url) as response:
            response.raise_for_status()
            async for _ in response.content.iter_chunked(_CHUNK):
                pass

    async def _ask(self, session: ClientSession, url: str) -> None:
        for _ in range(self.pages):
            async with session.get(url, headers=_JSON_PAGE) as response:
                response.raise_for_status()
                await response.read()

    def _each(self, measure: Measure) -> tuple[float, float]:
        return measure.service / self.pages, measure.least / self.pages


async def _seconds(work: Work) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
