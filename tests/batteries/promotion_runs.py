"""One release after the other is published, with all that goes wrong, and each is judged."""

import asyncio
import hashlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.batteries.promotion_faults import SEED, Incident, Kind, Run, When
from tests.batteries.promotion_history import broken_promises, of_project
from tests.batteries.promotion_lane import PROCESSING_SECONDS, Lane
from tests.support.builders.distributions import Distribution
from tests.support.index.history import Attempt
from tests.support.index.quirks import Quirks
from tests.support.servers.processes import Staged
from tests.support.uploads.faults import ANY_FILE

LANES = 2
LONGEST_RUN = 60
GLANCE = 0.002
GLANCES = 25
"""How often the index is looked at before the server is asked again."""

SILENT = 3.0
SIGNALS = {Kind.KILL: signal.SIGKILL, Kind.STOP: signal.SIGTERM}
ODD_PAGES = {
    Kind.RESET: b"",
    Kind.FAILURE: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    Kind.TOO_MANY: b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    Kind.SHORT: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<html>",
}
"""What comes twice instead of the page, after an answer that arrived."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: the incidents that happened, and the promises that were broken."""

    run: Run
    status: str
    struck: Sequence[Incident]
    broken: Sequence[str]
    uploads: int
    seconds: float


@dataclass(slots=True)
class Publishing:
    """One release on its way, and what happened to it so far.

    *unheard*: by filename and number, the uploads whose answer nobody could
    write down. *struck*: the incidents that happened; a second one may not be able to.
    """

    lane: Lane
    run: Run
    release: Sequence[Distribution]
    staged: Staged
    unheard: set[tuple[str, int]] = field(default_factory=set)
    struck: list[Incident] = field(default_factory=list)

    async def suffer(self) -> None:
        """Let all of it go wrong, one after the other."""
        for incident in self.run.incidents:
            if incident.when is When.ANYTIME:
                await asyncio.sleep(incident.seconds)
            elif not await self._comes_to(incident, _is_whole if _is_last(incident) else _is_told):
                return
            if await self._strike(incident):
                self.struck.append(incident)

    async def until_over(self) -> str:
        """Return the status in which the promotion ends."""
        while (status := await self._status()) == "processing":  # noqa: ASYNC110 - it is a process
            await asyncio.sleep(GLANCE * GLANCES)
        return status

    def attempts_at(self, place: int) -> list[Attempt]:
        """Return the uploads of one file so far."""
        filename = self.release[place].filename
        history = self.lane.index.uploads.history
        return [one for one in history.attempts if one.filename == filename]

    async def _comes_to(self, incident: Incident, is_there: Callable[[Attempt], bool]) -> bool:
        """Wait until an upload is so far; say whether it ever is."""
        while True:
            for _ in range(GLANCES):
                numbered = [
                    one
                    for one in self.attempts_at(incident.place)
                    if one.number == incident.attempt
                ]
                if any(map(is_there, numbered)):
                    return True
                await asyncio.sleep(GLANCE)
            if await self._status() != "processing":
                return False

    async def _strike(self, incident: Incident) -> bool:
        """Let it happen, as far as the index does not do so; say whether it was at that moment."""
        if not incident.kind.is_ours:
            if _is_last(incident):
                await self._hide_page(incident.kind)
            return True
        is_in_time = True
        if _is_last(incident):
            is_in_time = await self._end_server_unwritten(incident)
        else:
            await self._end_server(incident.kind)
        await self.lane.end()
        # What the server had sent by then is still on its way.
        await asyncio.sleep(PROCESSING_SECONDS)
        self._note_unheard()
        await self.lane.start()
        return is_in_time

    async def _end_server(self, kind: Kind) -> None:
        process = self.lane.server.process
        process.send_signal(SIGNALS[kind])
        if kind is Kind.KILL:
            await process.wait()

    async def _end_server_unwritten(self, incident: Incident) -> bool:
        """End the server when it has the answer and cannot write it down; say whether it had."""
        with self.lane.unwritable():
            is_told = await self._comes_to(incident, _is_told)
            await asyncio.sleep(PROCESSING_SECONDS)
            name = self.release[incident.place].filename
            is_unwritten = self.lane.progress(self.staged)[name] == "sending"
            await self._end_server(incident.kind)
            await asyncio.sleep(PROCESSING_SECONDS)
        return is_told and is_unwritten

    def _note_unheard(self) -> None:
        progress = self.lane.progress(self.staged)
        for place, one in enumerate(self.release):
            if progress[one.filename] in {"sending", "unknown"} and self.attempts_at(place):
                self.unheard.add((one.filename, self.attempts_at(place)[-1].number))

    async def _hide_page(self, kind: Kind) -> None:
        """Let whoever looks after an answer that arrived not see the page."""
        path, index = f"/simple/{self.run.project}/", self.lane.index
        if kind is not Kind.SILENCE:
            index.quirks = Quirks(raw={path: iter([ODD_PAGES[kind]] * 2)})
            return
        index.quirks = Quirks(delays={path: SILENT})
        asked = _count_of(path, self.lane)
        while _count_of(path, self.lane) == asked:  # noqa: ASYNC110 - no event comes from there
            await asyncio.sleep(GLANCE)
        index.quirks = Quirks()

    async def _status(self) -> str:
        document = await self.lane.ask("GET", f"/api/stages/{self.staged.id}/promotion")
        return str(document["status"])


async def publish_all(folder: Path, runs: Sequence[Run]) -> tuple[list[Result], Mapping[str, Any]]:
    """Publish the releases of all runs, some at a time, and return a report, too."""
    began = time.monotonic()
    waiting = iter(runs)
    folders = [folder / f"lane-{number}" for number in range(1, LANES + 1)]
    for one in folders:
        one.mkdir()
    async with asyncio.TaskGroup() as group:
        lanes = [group.create_task(_follow(one, waiting)) for one in folders]
    results = [result for lane in lanes for result in lane.result()[0]]
    report = {
        "seed": SEED,
        "seconds": round(time.monotonic() - began, 1),
        "starts": sum(lane.result()[1] for lane in lanes),
        **_report_on(results),
    }
    return results, report


async def _follow(folder: Path, runs: Iterator[Run]) -> tuple[list[Result], int]:
    """Publish one release after the other on one data directory, as long as there are any."""
    async with Lane.open(folder) as lane:
        results = [await _publish(lane, run) for run in runs]
        starts = lane.starts
    assert lane.leaks() == []
    return results, starts


async def _publish(lane: Lane, run: Run) -> Result:
    began = time.monotonic()
    release = run.release()
    names = [one.filename for one in release]
    named = [*names, ANY_FILE]
    faults = (one.fault(named[one.place]) for one in run.incidents)
    lane.index.uploads.faults = [one for one in faults if one is not None]
    lane.index.uploads.lags = dict.fromkeys(names, run.lag)
    lane.index.quirks = Quirks()
    publishing = Publishing(lane, run, release, await lane.server.stage(*release))
    try:
        async with asyncio.timeout(LONGEST_RUN):
            await lane.promote(publishing.staged)
            await publishing.suffer()
            status = await publishing.until_over()
    except TimeoutError:
        status = "still processing"
    history = of_project(lane.index.uploads.history, run.project)
    hashes = {one.filename: one.sha256 for one in release}
    broken = broken_promises(history, hashes, publishing.unheard)
    broken += await _not_promised_by_receipt(publishing, status)
    seconds = round(time.monotonic() - began, 2)
    return Result(run, status, publishing.struck, broken, len(history.attempts), seconds)


async def _not_promised_by_receipt(publishing: Publishing, status: str) -> list[str]:
    """Return what is wrong with the end of a promotion: its status, and what its receipt tells."""
    lane, stage_id = publishing.lane, publishing.staged.id
    if status != "published":
        document = await lane.ask("GET", f"/api/stages/{stage_id}/promotion")
        return [f"The promotion is {status}: {document['reason']}"]
    files = (await lane.ask("GET", f"/api/stages/{stage_id}/receipt"))["files"]
    hashes = {name: await _sha256_at(lane, file["url"]) for name, file in files.items()}
    same = hashes == {one.filename: one.sha256 for one in publishing.release}
    return [] if same else [f"What the receipt names is not what was staged: {files}"]


async def _sha256_at(lane: Lane, url: str) -> str:
    status, body = await lane.server.ask("GET", url)
    return hashlib.sha256(body).hexdigest() if status == 200 else str(status)


def _report_on(results: Iterable[Result]) -> Mapping[str, Any]:
    ordered = sorted(results, key=lambda one: one.run.number)
    first = [one.run.incidents[0] for one in ordered]
    return {
        "runs": len(ordered),
        "outcomes": Counter(one.status for one in ordered),
        "broken": {one.run.project: one.broken for one in ordered if one.broken},
        "missed": [one.run.project for one in ordered if not one.struck],
        "second incidents": sum(len(one.struck) > 1 for one in ordered),
        "uploads": sum(one.uploads for one in ordered),
        "slowest": max((one.seconds for one in ordered), default=0),
        "moments": Counter(one.when for one in first),
        "kinds": Counter(one.kind for one in first),
        "cells": Counter(one.cell for one in first),
        "each": [
            {
                **one.run.described(),
                "struck": len(one.struck),
                "status": one.status,
                "uploads": one.uploads,
                "seconds": one.seconds,
            }
            for one in ordered
        ],
    }


def _is_last(incident: Incident) -> bool:
    return incident.when is When.ANSWERED


def _is_whole(attempt: Attempt) -> bool:
    return attempt.sha256 != ""


def _is_told(attempt: Attempt) -> bool:
    return attempt.told != ""


def _count_of(path: str, lane: Lane) -> int:
    return sum(one.path == path for one in lane.index.requests)
