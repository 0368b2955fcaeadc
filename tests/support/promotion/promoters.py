"""Promotion as a client of /api/ asks for it, and reports of what was sent from elsewhere."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.builders.distributions import Distribution
from tests.support.clients.asking import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService

TOKEN = "pypi-of-the-fake"
POLL = "0.01s"
REPORTED_AT = "2026-11-22T12:00:00Z"


def publishing_on(index: FakeIndex, **changes: str) -> Mapping[str, str]:
    """Return the settings of a server that publishes on a fake index, with some *changes*."""
    urls = {"repository_url": f"{index.url}/legacy/", "index_url": f"{index.url}/simple/"}
    return {**urls, "token": TOKEN, "poll": POLL, **changes}


def an_entry(filename: str, progress: str = "confirmed", **changes: Any) -> dict[str, Any]:
    """Return how far a file is, as whoever sends it tells the server."""
    url = f"https://files.example/{filename}" if progress == "confirmed" else ""
    told = {"changed-at": REPORTED_AT, "attempts": 1, "in-doubt": False, "said": "", "url": url}
    return {"filename": filename, "progress": progress, **told, **changes}


def manifest_digest_of(*distributions: Distribution) -> str:
    """Return what stands for a release of exactly these files."""
    lines = sorted(f"{one.sha256}  {one.filename}\n" for one in distributions)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Promoter:
    """Somebody who publishes stages, with a token of their own or the admin's."""

    service: RunningService
    token: str | None = None

    async def ask(self, method: str, stage: Any, path: str = "", **document: Any) -> Answer:
        """Return the answer of a path below a stage in /api/."""
        return await self.service.api(method, f"stages/{stage['id']}{path}", self.token, **document)

    async def plan(self, stage: Any, publisher: str = "server") -> Answer:
        """Return the answer to whoever wants to look first."""
        return await self.ask("POST", stage, "/promotion/plan", publisher=publisher)

    async def start(self, stage: Any, publisher: str = "server", **changes: Any) -> Answer:
        """Look, and publish what was seen, knowing of all warnings, but for some *changes*."""
        plan = (await self.plan(stage, publisher)).document
        seen = {"manifest-digest": plan["manifest-digest"], "acknowledged": plan["warnings-digest"]}
        order = {**seen, "publisher": publisher, **changes}
        return await self.ask("POST", stage, "/promotion", **order)

    async def show(self, stage: Any) -> Any:
        """Return how far a promotion is."""
        return (await self.ask("GET", stage, "/promotion")).document

    async def report(self, promotion: Any, *entries: Any, **more: Any) -> Answer:
        """Return the answer to a report on a promotion that is carried out elsewhere."""
        document = {"fence": promotion["fence"], "entries": entries, **more}
        stage = {"id": promotion["stage"]}
        return await self.ask("POST", stage, "/promotion/journal", **document)

    async def publish_elsewhere(self, stage: Any, *distributions: Distribution) -> Any:
        """Put all of a stage on the index, and say so; return what became of its promotion."""
        promotion = (await self.start(stage, "client")).document
        self.service.index.add(promotion["project"], *distributions)
        return (await self.report_end(promotion)).document

    async def report_end(self, promotion: Any) -> Answer:
        """Return the answer to who says that every file of a stage is out."""
        entries = map(an_entry, promotion["files"])
        return await self.report(promotion, *entries, ending="published")

    async def give_up(self, stage: Any) -> None:
        """End a promotion that is carried out elsewhere, before anything was sent."""
        await self.report(await self.show(stage), ending="error", reason="It was given up.")

    async def until_over(self, stage: Any) -> Any:
        """Wait for the end of a promotion by the server; return what became of it."""
        async with asyncio.timeout(60):
            while (shown := await self.show(stage))["status"] == "processing":
                pass
        return shown

    async def publish(self, stage: Any) -> Any:
        """Let the server publish a stage; return what became of it."""
        assert (await self.start(stage)).status == 202
        return await self.until_over(stage)
