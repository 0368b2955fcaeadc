"""A client of the promotion API, and its reports."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.builders.distributions import Distribution
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService

TOKEN = "pypi-of-the-fake"
POLL = "0.01s"
REPORTED_AT = "2026-11-22T12:00:00Z"


def promotion_settings(index: FakeIndex, **changes: str) -> Mapping[str, str]:
    """Return the settings of a server that publishes on a fake index, with *changes*."""
    urls = {"repository_url": f"{index.url}/legacy/", "index_url": f"{index.url}/simple/"}
    return {**urls, "token": TOKEN, "poll": POLL, **changes}


def an_entry(filename: str, progress: str = "confirmed", **changes: Any) -> dict[str, Any]:
    """Return the state of a file as a client reports it."""
    url = f"https://files.example/{filename}" if progress == "confirmed" else ""
    state = {"changed-at": REPORTED_AT, "attempts": 1, "in-doubt": False, "said": "", "url": url}
    return {"filename": filename, "progress": progress, **state, **changes}


def manifest_digest_of(*distributions: Distribution) -> str:
    """Return the manifest digest of a release of exactly these files."""
    lines = sorted(f"{one.sha256}  {one.filename}\n" for one in distributions)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PromotionClient:
    """A client that publishes stages, with its own token or the admin's."""

    service: RunningService
    token: str | None = None

    async def ask(self, method: str, stage: Any, path: str = "", **document: Any) -> Answer:
        """Return the answer of a path below a stage in /api/."""
        return await self.service.api(method, f"stages/{stage['id']}{path}", self.token, **document)

    async def plan(self, stage: Any, publisher: str = "server") -> Answer:
        """Return the answer to a request for the plan."""
        return await self.ask("POST", stage, "/promotion/plan", publisher=publisher)

    async def start(self, stage: Any, publisher: str = "server", **changes: Any) -> Answer:
        """Request the plan and start it, with all warnings acknowledged and with *changes*."""
        plan = (await self.plan(stage, publisher)).document
        approved = {
            "manifest-digest": plan["manifest-digest"],
            "acknowledged": plan["warnings-digest"],
        }
        order = {**approved, "publisher": publisher, **changes}
        return await self.ask("POST", stage, "/promotion", **order)

    async def show(self, stage: Any) -> Any:
        """Return a promotion."""
        return (await self.ask("GET", stage, "/promotion")).document

    async def report(self, promotion: Any, *entries: Any, **more: Any) -> Answer:
        """Return the answer to a report on a promotion by a client."""
        document = {"fence": promotion["fence"], "entries": entries, **more}
        stage = {"id": promotion["stage"]}
        return await self.ask("POST", stage, "/promotion/journal", **document)

    async def publish_as_client(self, stage: Any, *distributions: Distribution) -> Any:
        """Put the files of a stage on the index, and report it; return the promotion."""
        promotion = (await self.start(stage, "client")).document
        self.service.index.add(promotion["project"], *distributions)
        return (await self.report_end(promotion)).document

    async def report_end(self, promotion: Any) -> Answer:
        """Return the answer to the report that every file of a stage is published."""
        entries = map(an_entry, promotion["files"])
        return await self.report(promotion, *entries, ending="published")

    async def abort(self, stage: Any) -> None:
        """End a promotion by a client before anything was sent."""
        await self.report(await self.show(stage), ending="error", reason="It was given up.")

    async def until_over(self, stage: Any) -> Any:
        """Wait for the end of a promotion by the server, and return it."""
        async with asyncio.timeout(60):
            while (shown := await self.show(stage))["status"] == "processing":
                pass
        return shown

    async def publish(self, stage: Any) -> Any:
        """Let the server publish a stage, and return the promotion."""
        assert (await self.start(stage)).status == 202
        return await self.until_over(stage)
