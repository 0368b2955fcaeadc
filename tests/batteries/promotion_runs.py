"""Releases that are published under faults, and the violations found afterwards."""

import asyncio
import hashlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.batteries.promotion_faults import Incident, Kind, Run, When
from tests.batteries.promotion_violations import of_project, violations_in
from tests.batteries.report import SEED
from tests.batteries.restartable_server import PROCESSING_SECONDS, RestartableServer
from tests.support.builders.distributions import Distribution
from tests.support.index.history import Attempt
from tests.support.index.quirks import Quirks
from tests.support.servers.processes import StageLinks
from tests.support.uploads.faults import ANY_FILE

SERVERS = 2
LONGEST_RUN = 60
POLL = 0.002
POLLS = 25
"""How often the history is read before the server is asked again."""

SILENT = 3.0
SIGNALS = {Kind.KILL: signal.SIGKILL, Kind.STOP: signal.SIGTERM}
ODD_PAGES = {
    Kind.RESET: b"",
    Kind.FAILURE: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    Kind.TOO_MANY: b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    Kind.SHORT: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<html>",
}
"""Answers that replace the page twice, after the answer to an upload arrived."""


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run: the faults that happened, and the violations."""

    run: Run
    status: str
    happened: Sequence[Incident]
    violations: Sequence[str]
    uploads: int
    seconds: float


@dataclass(slots=True)
class Publishing:
    """A release that is being published, and the faults that happened so far.

    *unrecorded*: by filename and number, the uploads whose answer could not be recorded.
    *happened*: the faults that happened; a second one cannot always.
    """

    server: RestartableServer
    run: Run
    release: Sequence[Distribution]
    staged: StageLinks
    unrecorded: set[tuple[str, int]] = field(default_factory=set)
    happened: list[Incident] = field(default_factory=list)

    async def inject_faults(self) -> None:
        """Inject all faults of the run, one after the other."""
        for incident in self.run.incidents:
            if incident.when is When.ANYTIME:
                await asyncio.sleep(incident.seconds)
            elif not await self._reaches(
                incident, _is_whole if _is_last(incident) else _is_answered
            ):
                return
            if await self._inject(incident):
                self.happened.append(incident)

    async def until_over(self) -> str:
        """Return the status in which the promotion ends."""
        while (status := await self._status()) == "processing":  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL * POLLS)
        return status

    def attempts_at(self, place: int) -> list[Attempt]:
        """Return the uploads of one file so far."""
        filename = self.release[place].filename
        history = self.server.index.uploads.history
        return [one for one in history.attempts if one.filename == filename]

    async def _reaches(self, incident: Incident, has_come: Callable[[Attempt], bool]) -> bool:
        """Wait until an upload is that far; return whether it ever is."""
        while True:
            for _ in range(POLLS):
                numbered = [
                    one
                    for one in self.attempts_at(incident.place)
                    if one.number == incident.attempt
                ]
                if any(map(has_come, numbered)):
                    return True
                await asyncio.sleep(POLL)
            if await self._status() != "processing":
                return False

    async def _inject(self, incident: Incident) -> bool:
        """Inject a fault, as far as the index does not; return whether it happened in time."""
        if not incident.kind.stops_server:
            if _is_last(incident):
                await self._hide_page(incident.kind)
            return True
        is_in_time = True
        if _is_last(incident):
            is_in_time = await self._end_server_unrecorded(incident)
        else:
            await self._end_server(incident.kind)
        await self.server.end()
        # What the server has sent is still on its way.
        await asyncio.sleep(PROCESSING_SECONDS)
        self._note_unrecorded()
        await self.server.start()
        return is_in_time

    async def _end_server(self, kind: Kind) -> None:
        process = self.server.running.process
        process.send_signal(SIGNALS[kind])
        if kind is Kind.KILL:
            await process.wait()

    async def _end_server_unrecorded(self, incident: Incident) -> bool:
        """Stop the server when it has an answer that it cannot record.

        Return whether it had one.
        """
        with self.server.unwritable():
            is_answered = await self._reaches(incident, _is_answered)
            await asyncio.sleep(PROCESSING_SECONDS)
            name = self.release[incident.place].filename
            is_unrecorded = self.server.progress(self.staged)[name] == "sending"
            await self._end_server(incident.kind)
            await asyncio.sleep(PROCESSING_SECONDS)
        return is_answered and is_unrecorded

    def _note_unrecorded(self) -> None:
        progress = self.server.progress(self.staged)
        for place, one in enumerate(self.release):
            if progress[one.filename] in {"sending", "unknown"} and self.attempts_at(place):
                self.unrecorded.add((one.filename, self.attempts_at(place)[-1].number))

    async def _hide_page(self, kind: Kind) -> None:
        """Replace the page that is read after an answer that arrived."""
        path, index = f"/simple/{self.run.project}/", self.server.index
        if kind is not Kind.SILENCE:
            index.quirks = Quirks(raw={path: iter([ODD_PAGES[kind]] * 2)})
            return
        index.quirks = Quirks(delays={path: SILENT})
        asked = _count_of(path, self.server)
        while _count_of(path, self.server) == asked:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(POLL)
        index.quirks = Quirks()

    async def _status(self) -> str:
        document = await self.server.ask("GET", f"/api/stages/{self.staged.id}/promotion")
        return str(document["status"])


async def publish_all(folder: Path, runs: Sequence[Run]) -> tuple[list[Result], Mapping[str, Any]]:
    """Publish the releases of all runs, some at a time; return the results and a report."""
    began = time.monotonic()
    waiting = iter(runs)
    folders = [folder / f"server-{number}" for number in range(1, SERVERS + 1)]
    for one in folders:
        one.mkdir()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_follow(one, waiting)) for one in folders]
    results = [result for task in tasks for result in task.result()[0]]
    report = {
        "seed": SEED,
        "seconds": round(time.monotonic() - began, 1),
        "starts": sum(task.result()[1] for task in tasks),
        **_report_on(results),
    }
    return results, report


async def _follow(folder: Path, runs: Iterator[Run]) -> tuple[list[Result], int]:
    """Publish releases on one data directory, as long as there are any."""
    async with RestartableServer.open(folder) as server:
        results = [await _publish(server, run) for run in runs]
        starts = server.starts
    assert server.leaks() == []
    return results, starts


async def _publish(server: RestartableServer, run: Run) -> Result:
    began = time.monotonic()
    release = run.release()
    names = [one.filename for one in release]
    named = [*names, ANY_FILE]
    faults = (one.fault(named[one.place]) for one in run.incidents)
    server.index.uploads.faults = [one for one in faults if one is not None]
    server.index.uploads.lags = dict.fromkeys(names, run.lag)
    server.index.quirks = Quirks()
    publishing = Publishing(server, run, release, await server.running.stage(*release))
    try:
        async with asyncio.timeout(LONGEST_RUN):
            await server.promote(publishing.staged)
            await publishing.inject_faults()
            status = await publishing.until_over()
    except TimeoutError:
        status = "still processing"
    history = of_project(server.index.uploads.history, run.project)
    hashes = {one.filename: one.sha256 for one in release}
    violations = violations_in(history, hashes, publishing.unrecorded)
    violations += await _violations_in_the_end(publishing, status)
    seconds = round(time.monotonic() - began, 2)
    return Result(run, status, publishing.happened, violations, len(history.attempts), seconds)


async def _violations_in_the_end(publishing: Publishing, status: str) -> list[str]:
    """Return violations by the status of the promotion and by its receipt."""
    server, stage_id = publishing.server, publishing.staged.id
    if status != "published":
        document = await server.ask("GET", f"/api/stages/{stage_id}/promotion")
        return [f"The promotion is {status}: {document['reason']}"]
    files = (await server.ask("GET", f"/api/stages/{stage_id}/receipt"))["files"]
    hashes = {name: await _sha256_at(server, file["url"]) for name, file in files.items()}
    same = hashes == {one.filename: one.sha256 for one in publishing.release}
    return [] if same else [f"What the receipt names is not what was staged: {files}"]


async def _sha256_at(server: RestartableServer, url: str) -> str:
    status, body = await server.running.ask("GET", url)
    return hashlib.sha256(body).hexdigest() if status == 200 else str(status)


def _report_on(results: Iterable[Result]) -> Mapping[str, Any]:
    ordered = sorted(results, key=lambda one: one.run.number)
    first = [one.run.incidents[0] for one in ordered]
    return {
        "runs": len(ordered),
        "outcomes": Counter(one.status for one in ordered),
        "violations": {one.run.project: one.violations for one in ordered if one.violations},
        "missed": [one.run.project for one in ordered if not one.happened],
        "second incidents": sum(len(one.happened) > 1 for one in ordered),
        "uploads": sum(one.uploads for one in ordered),
        "slowest": max((one.seconds for one in ordered), default=0),
        "moments": Counter(one.when for one in first),
        "kinds": Counter(one.kind for one in first),
        "cells": Counter(one.cell for one in first),
        "each": [
            {
                **one.run.described(),
                "happened": len(one.happened),
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


def _is_answered(attempt: Attempt) -> bool:
    return attempt.answer != ""


def _count_of(path: str, server: RestartableServer) -> int:
    return sum(one.path == path for one in server.index.requests)
