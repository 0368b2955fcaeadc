"""Clients of several servers, each of which may fail at any time: uploads, looks, cancellations."""

import asyncio
import hashlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from tests.batteries.uploaders import JSON_PAGE, SMALL, StoredFile
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form

UPLOADERS = 5
READERS = 2
CANCELED = 0.15
"""The share of stages that are canceled again."""
PATIENCE = ClientTimeout(total=30)
LONGEST_WAIT = 120
MOMENT = 0.02
MANY = 20
"""After so many violations a run ends."""
BUSY = frozenset({502, 503, 504})
GONE = 410
PAGE = {"Accept": JSON_PAGE}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: its status and its body."""

    status: int
    body: bytes

    def __str__(self) -> str:
        """Return what a violation shows of it."""
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


@dataclass(slots=True)
class ClusterLoad:
    """Clients that never pause, what they were told, and what of it was wrong.

    *kept* are the files that were acknowledged, *canceled* those whose stage was canceled. After
    each change, a client looks for it at any server: whatever one has acknowledged, all have to
    show.
    """

    urls: Sequence[str]
    token: str = field(repr=False)
    random: Random
    sizes: Sequence[int] = SMALL
    number: int = 0
    kept: list[StoredFile] = field(default_factory=list)
    canceled: list[StoredFile] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    is_over: bool = False
    _progress: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Upload, look and cancel while the block runs."""
        async with self._session() as session, asyncio.TaskGroup() as group:
            for work in (*[self._release] * UPLOADERS, *[self._read] * READERS):
                group.create_task(self._repeat(session, work))
            try:
                yield
            finally:
                self.is_over = True

    async def until_acknowledged(self, count: int) -> None:
        """Wait until so many more uploads are acknowledged, or something is wrong."""
        wanted = self.counts["acknowledged"] + count
        while self.counts["acknowledged"] < wanted and not self.violations:
            self._progress.clear()
            async with asyncio.timeout(LONGEST_WAIT):
                await self._progress.wait()

    async def check_everything(self) -> None:
        """Look for all that was acknowledged, at any server, when all of them work."""
        waiting = iter([*self.kept, *self.canceled])
        canceled = frozenset(self.canceled)

        async def look_for_some() -> None:
            for file in waiting:
                if file in canceled:
                    await self._look_for_its_end(session, file)
                else:
                    await self._look(session, file)
                    await self._read_bytes(session, file)

        async with self._session() as session:
            async with asyncio.TaskGroup() as group:
                for _ in range(READERS):
                    group.create_task(look_for_some())
            trail = await self._answered(session, "GET", "/api/audit/verify")
        if not json.loads(trail.body)["ok"]:
            self.violations.append(f"The audit trail: {trail}")

    def _session(self) -> ClientSession:
        return ClientSession(headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE)

    async def _repeat(
        self, session: ClientSession, work: Callable[[ClientSession], Awaitable[None]]
    ) -> None:
        while not self.is_over and len(self.violations) < MANY:
            await work(session)

    async def _release(self, session: ClientSession) -> None:
        """Upload a file, look for it, and sometimes cancel its stage."""
        staged = await self._upload(session, self._next())
        if staged is None:
            return
        stage_id, file = staged
        await self._look(session, file)
        if self.random.random() >= CANCELED:
            self.kept.append(file)
        elif await self._cancel(session, stage_id):
            await self._look_for_its_end(session, file)
            self.canceled.append(file)

    async def _read(self, session: ClientSession) -> None:
        """Read the page or the bytes of a file that was acknowledged before."""
        if not self.kept:
            await asyncio.sleep(MOMENT)
            return
        file = self.random.choice(self.kept)
        await self.random.choice((self._look, self._read_bytes))(session, file)

    def _next(self) -> Distribution:
        self.number += 1
        make = self.random.choice((a_wheel, an_sdist))
        noise = self.random.randbytes(self.random.choice(self.sizes))
        return make(f"storm-{self.number}", extra={"noise": noise})

    async def _upload(
        self, session: ClientSession, one: Distribution
    ) -> tuple[str, StoredFile] | None:
        def form() -> Mapping[str, Any]:
            made = FormData([*upload_form(one), ("staged", "true")])
            made.add_field("content", io.BytesIO(one.content), filename=one.filename)
            return {"data": made}

        answer = await self._answered(session, "POST", "/legacy/", form)
        if answer.status != 200:
            self.violations.append(f"The upload of {one.filename} was {answer}")
            return None
        self.counts["acknowledged"] += 1
        self._progress.set()
        document = json.loads(answer.body)
        [file] = document["files"].values()
        return document["id"], StoredFile(urlsplit(file["link"]).path, one.sha256)

    async def _cancel(self, session: ClientSession, stage_id: str) -> bool:
        """Cancel a stage; return whether it was. It may have been before the answer was lost."""
        answer = await self._answered(session, "DELETE", f"/api/stages/{stage_id}")
        if answer.status >= 300 and answer.status not in {409, GONE}:
            self.violations.append(f"The cancellation of {stage_id} was {answer}")
            return False
        self.counts["canceled"] += 1
        return True

    async def _look(self, session: ClientSession, file: StoredFile) -> None:
        """Read the page that has to list a file."""
        answer = await self._answered(session, "GET", page_of(file), lambda: {"headers": PAGE})
        self.counts["pages"] += 1
        if answer.status != 200 or file.sha256.encode() not in answer.body:
            self.violations.append(f"{file.name} was acknowledged, and its page is {answer}")

    async def _look_for_its_end(self, session: ClientSession, file: StoredFile) -> None:
        answer = await self._answered(session, "GET", page_of(file), lambda: {"headers": PAGE})
        self.counts["pages of canceled stages"] += 1
        if answer.status != GONE:
            self.violations.append(f"The stage of {file.name} was canceled, its page is {answer}")

    async def _read_bytes(self, session: ClientSession, file: StoredFile) -> None:
        answer = await self._answered(session, "GET", file.path)
        self.counts["files"] += 1
        sha256 = hashlib.sha256(answer.body).hexdigest()
        if (answer.status, sha256) != (200, file.sha256):
            self.violations.append(f"{file.name} was acknowledged, and reading it is {answer}")

    async def _answered(
        self,
        session: ClientSession,
        method: str,
        path: str,
        request: Callable[[], Mapping[str, Any]] = dict,
    ) -> Answered:
        """Ask one server after the other until one answers."""
        async with asyncio.timeout(LONGEST_WAIT):
            while True:
                url = self.random.choice(self.urls) + path
                answer = await self._asked(session, method, url, request())
                if answer is not None and answer.status not in BUSY:
                    return answer
                self.counts["no answer" if answer is None else "busy"] += 1
                await asyncio.sleep(MOMENT)

    async def _asked(
        self, session: ClientSession, method: str, url: str, request: Mapping[str, Any]
    ) -> Answered | None:
        try:
            async with session.request(method, url, **request) as answer:
                return Answered(answer.status, await answer.read())
        except (ClientError, ConnectionError, TimeoutError):
            return None


def page_of(file: StoredFile) -> str:
    """Return the path of the project page that lists a file."""
    _, _, project, token, _ = file.path.split("/", 4)
    return f"/tmp/{project}/{token}/simple/{project}/"
