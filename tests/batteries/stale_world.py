"""Stages that change at random beside readers who know what they may see."""

import asyncio
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, FormData

from tests.batteries.stale_model import (
    File,
    Files,
    Listed,
    Question,
    Seen,
    StageState,
    Timeline,
    violation,
)
from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.index.fake_index import FakeIndex

JSON_PAGE = "application/vnd.pypi.simple.v1+json"
ACCEPTS = {
    "page": JSON_PAGE,
    "only": JSON_PAGE,
    "other": JSON_PAGE,
    "page as HTML": "text/html",
}
LINK = re.compile(r'href="[^"#]*#sha256=([0-9a-f]{64})"[^>]*>([^<]+)</a>')
DOCUMENTS = (
    "page",
    "page",
    "page as HTML",
    "only",
    "project",
    "other",
    "stage",
    "file",
    "file",
    "metadata",
)
FORMS = ("plain", "gzip", "known", "known", "head")
UNKNOWN = "stgv_" + "0" * 38
PAUSES = (0, 0.02, 0.1, 0.5)
"""How long nothing of a project changes, in seconds."""
MOST_IN_A_ROW = 8
POLL = 0.01
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MANY = 20
"""After so many violations a run ends."""


class Gate:
    """Lets many readers through, or one change that nobody reads beside."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._readers = 0
        self._is_held = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Be one of the readers."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_held)
            self._readers += 1
        try:
            yield
        finally:
            async with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nobody reads, and be the only one."""
        async with self._changed:
            self._is_held = True
            await self._changed.wait_for(lambda: not self._readers)
        try:
            yield
        finally:
            async with self._changed:
                self._is_held = False
                self._changed.notify_all()


@dataclass(slots=True)
class WatchedStage:
    """A stage, its URLs so far, and the paths of all files that it has ever had.

    *metadata*: the SHA-256 of the metadata, by that of the file.

    *expires_at* is the latest time that was acknowledged.
    """

    id: str
    version: str
    urls: list[str]
    timeline: Timeline[StageState]
    paths: dict[File, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    expires_at: datetime = LONG_AGO

    def extend(self, document: Any) -> None:
        """Remember until when the stage lives at least."""
        self.expires_at = max(self.expires_at, datetime.fromisoformat(document["expires-at"]))

    @property
    def now(self) -> StageState:
        """The state that was requested last."""
        return self.timeline.last


@dataclass(slots=True)
class WatchedProject:
    """A project: its stages, its files on the index, and its API token."""

    name: str
    listed: Timeline[Listed]
    stages: list[WatchedStage] = field(default_factory=list)
    token: tuple[str, str] = ("", "")
    is_valid: Timeline[bool] = field(default_factory=lambda: Timeline.of(True))  # noqa: FBT003 - its value
    gate: Gate = field(default_factory=Gate)
    number: int = 0

    @property
    def live(self) -> WatchedStage | None:
        """The stage that is not over."""
        last = self.stages[-1] if self.stages else None
        return last if last and last.now.status == "open" else None

    def next_number(self) -> int:
        """Return a number that was not used before."""
        self.number += 1
        return self.number


Kept = dict[tuple[str, str, str], tuple[str, Seen]]
"""The last ETag and what was seen with it, by path, type and encoding."""


@dataclass(slots=True)
class World:
    """Servers with the same stages, their upstream, the model of both, and what was wrong.

    *fresh_for* are the seconds in which upstream need not be asked again.
    """

    urls: Sequence[str]
    admin: str = field(repr=False)
    index: FakeIndex
    random: Random
    fresh_for: float
    wanted: int
    projects: list[WatchedProject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    by_etag: dict[tuple[str, str, str], Seen] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether enough was read, or enough is wrong."""
        return self.counts["reads"] >= self.wanted or len(self.violations) >= MANY

    @property
    def url(self) -> str:
        """The URL of any of the servers: whatever one has acknowledged, all have to show."""
        return self.random.choice(self.urls)

    def now(self) -> float:
        """Return the time of this machine, in seconds."""
        return asyncio.get_running_loop().time()

    async def run(self, projects: int, readers: int) -> None:
        """Change and read until it is over."""
        async with ClientSession(headers={"Authorization": f"Bearer {self.admin}"}) as session:
            for number in range(projects):
                self.projects.append(await self._new_project(session, f"stale-{number}"))
            async with asyncio.TaskGroup() as group:
                for project in self.projects:
                    random = Random(self.random.random())
                    group.create_task(Changes(self, project, session, random).go_on())
                for _ in range(readers):
                    group.create_task(Reads(self, Random(self.random.random())).go_on())

    async def _new_project(self, session: ClientSession, name: str) -> WatchedProject:
        old = a_wheel(name, "0.0.1")
        self.index.add(name, old)
        files = frozenset({(old.filename, old.sha256)})
        project = WatchedProject(name, Timeline.of(Listed(files, files)))
        changes = Changes(self, project, session, self.random)
        await changes.make_token()
        return project


@dataclass(slots=True)
class Changes:
    """Random changes of one project, one after the other."""

    world: World
    project: WatchedProject
    session: ClientSession = field(repr=False)
    random: Random

    async def go_on(self) -> None:
        """Change without pause, or after a short one.

        A document is read before a change, and again as soon as the change is acknowledged.
        """
        while not self.world.is_over:
            change = self._next()
            self.world.counts[f"changes: {change.__name__}"] += 1
            document = self.random.choice(DOCUMENTS)
            await self._read_last(document)
            await change()
            await self._read_last(document)
            await asyncio.sleep(self.random.choice(PAUSES))

    async def _read_last(self, document: str) -> None:
        reads = Reads(self.world, self.random)
        for stage in self.project.stages[-1:]:
            await reads.read_one(self.session, self.project, stage, document, "plain")

    def _next(self) -> Callable[[], Awaitable[object]]:
        stage = self.project.live
        if stage is None:
            return self.random.choice((self.upload, self.upload, self.open_stage))
        ways: list[Callable[[], Awaitable[object]]] = [self.upload] * 4
        ways += [self.extend, self.revoke_token, self.publish_elsewhere, self.rotate, self.rotate]
        if stage.now.files:
            ways += [self.replace] * 4 + [self.withdraw] * 3 + [self.cancel, self.promote]
        return self.random.choice(ways)

    async def upload(self) -> None:
        """Stage a new file, which opens a stage if there is none."""
        number = self.project.next_number()
        await self._send(self._wheel(f"py3{number % 40}-none-any"))

    async def replace(self) -> None:
        """Stage other bytes under a name that is taken."""
        name, _ = self.random.choice(sorted(self._stage.now.files))
        await self._send(self._wheel(name.split("-", 2)[2].removesuffix(".whl")))

    async def withdraw(self) -> None:
        """Withdraw a file."""
        stage = self._stage
        file = self.random.choice(sorted(stage.now.files))
        files = stage.now.files - {file}
        with_it = StageState("open", files, stage.now.url)
        document = await self._change(
            stage, with_it, "DELETE", f"/api/stages/{stage.id}/files/{file[0]}"
        )
        stage.extend(document)

    async def open_stage(self) -> None:
        """Open an empty stage."""
        body = {"name": self.project.name, "version": self._next_version()}
        self._add_stage(await self.ask("POST", "/api/stages", body), frozenset())

    async def extend(self) -> None:
        """Extend the stage."""
        path = f"/api/stages/{self._stage.id}/extend"
        stage = self._stage
        stage.extend(await self.ask("POST", path, {"extend-for": self.random.randrange(60, 6000)}))

    async def rotate(self) -> None:
        """Give the stage another URL."""
        stage = self._stage
        state = StageState("open", stage.now.files, stage.now.url + 1)
        document = await self._change(stage, state, "POST", f"/api/stages/{stage.id}/rotate")
        stage.urls.append(_path_of(document["links"]["stage"]))

    async def cancel(self) -> None:
        """Cancel the stage."""
        stage = self._stage
        state = StageState("canceled", stage.now.files, stage.now.url)
        await self._change(stage, state, "DELETE", f"/api/stages/{stage.id}")

    async def promote(self) -> None:
        """Publish the stage on the index."""
        stage, listed = self._stage, self.project.listed
        path = f"/api/stages/{stage.id}/promotion"
        plan = await self.ask("POST", f"{path}/plan", {"publisher": "server"})
        order = {"manifest-digest": plan["manifest-digest"], "publisher": "server"}
        known = {**order, "acknowledged": plan["warnings-digest"]}
        before, files, url = listed.last.certain, stage.now.files, stage.now.url
        start = self.world.now()
        processing = stage.timeline.begin(StageState("processing", files, url), start)
        published = stage.timeline.begin(StageState("published", files, url), start)
        listed.begin(Listed(before, before | files), start)
        all_listed = listed.begin(Listed(before | files, before | files), start)
        await self.ask("POST", path, known)
        stage.timeline.acknowledge(processing, self.world.now())
        status = await self._until_over(path)
        if status != "published":
            self.world.violations.append(f"{self.project.name}: a promotion ended as {status}")
        end = self.world.now()
        stage.timeline.acknowledge(published, end)
        listed.acknowledge(all_listed, end + self.world.fresh_for)

    async def _until_over(self, path: str) -> str:
        """Wait until a promotion is over, and return how the stage is then."""
        while True:
            status = str((await self.ask("GET", path))["status"])
            if status != "processing":
                return status
            await asyncio.sleep(POLL)

    async def publish_elsewhere(self) -> None:
        """Let the index list a new file of another release, which nobody announces.

        Nobody reads meanwhile, so that a request of upstream that began before is not shared.
        """
        file = a_wheel(self.project.name, f"0.1.{self.project.next_number()}")
        async with self.project.gate.alone():
            before, at = self.project.listed.last.certain, self.world.now()
            self.world.index.add(self.project.name, file)
            files = before | {(file.filename, file.sha256)}
            span = self.project.listed.begin(Listed(files, files), at)
            self.project.listed.acknowledge(span, at + self.world.fresh_for)
            reads = Reads(self.world, self.random)
            for document in ("page", "page as HTML", "project"):
                await reads.read_current(self.session, self.project, self._stage, document)

    async def make_token(self) -> None:
        """Make an API token for the project."""
        order = {"project": self.project.name, "can": "manage"}
        made = await self.ask("POST", "/api/tokens", order)
        self.project.token = (made["id"], made["token"])
        self.project.is_valid = Timeline.of(True)  # noqa: FBT003 - its value

    async def revoke_token(self) -> None:
        """Revoke the API token of the project, and after a while make another one."""
        span = self.project.is_valid.begin(False, self.world.now())  # noqa: FBT003 - its value
        await self.ask("DELETE", f"/api/tokens/{self.project.token[0]}")
        self.project.is_valid.acknowledge(span, self.world.now())
        await asyncio.sleep(0.01)
        await self.make_token()

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the document of an answer, which has to be a success."""
        async with self.session.request(method, self.world.url + path, json=body) as response:
            text = await response.text()
            assert response.status < 300, f"{method} {path}: {response.status} {text}"
        return json.loads(text)

    @property
    def _stage(self) -> WatchedStage:
        stage = self.project.live
        assert stage is not None
        return stage

    def _next_version(self) -> str:
        return f"{len(self.project.stages) + 1}.0"

    def _wheel(self, tag: str) -> Distribution:
        stage = self.project.live
        version = stage.version if stage else self._next_version()
        summary = f"Number {self.project.next_number()}"
        return a_wheel(self.project.name, version, tag=tag, summary=summary)

    async def _send(self, wheel: Distribution) -> None:
        """Upload a file, in place of one of the same name."""
        stage, file = self.project.live, (wheel.filename, wheel.sha256)
        before = stage.now.files if stage else frozenset()
        files = frozenset({file, *(one for one in before if one[0] != wheel.filename)})
        metadata = hashlib.sha256(wheel.metadata or b"").hexdigest()
        if stage is None:
            stage = self._add_stage(await self._post(wheel), files)
            stage.metadata[wheel.sha256] = metadata
            return
        stage.metadata[wheel.sha256] = metadata
        state = StageState("open", files, stage.now.url)
        span = stage.timeline.begin(state, self.world.now())
        document = await self._post(wheel)
        stage.timeline.acknowledge(span, self.world.now())
        self._learn(stage, document)

    async def _post(self, wheel: Distribution) -> Any:
        form = FormData([*upload_form(wheel), ("staged", "true")])
        form.add_field("content", io.BytesIO(wheel.content), filename=wheel.filename)
        async with self.session.post(f"{self.world.url}/legacy/", data=form) as response:
            text = await response.text()
            assert response.status == 200, text
        return json.loads(text)

    async def _change(self, stage: WatchedStage, state: StageState, method: str, path: str) -> Any:
        """Make a change after which the stage is in another state."""
        span = stage.timeline.begin(state, self.world.now())
        document = await self.ask(method, path)
        stage.timeline.acknowledge(span, self.world.now())
        return document

    def _add_stage(self, document: Any, files: Files) -> WatchedStage:
        stage = WatchedStage(
            document["id"],
            document["version"],
            [_path_of(document["links"]["stage"])],
            Timeline.of(StageState(files=files)),
        )
        self._learn(stage, document)
        self.project.stages.append(stage)
        return stage

    def _learn(self, stage: WatchedStage, document: Any) -> None:
        """Remember the paths of files, and until when the stage lives."""
        stage.extend(document)
        for name, file in document["files"].items():
            path = _path_of(file["link"]).split("/packages/")[1]
            stage.paths[name, file["hashes"]["sha256"]] = f"packages/{path}"


@dataclass(slots=True)
class Reads:
    """Random reads, each of which is compared with the model."""

    world: World
    random: Random
    kept: Kept = field(default_factory=dict)

    async def go_on(self) -> None:
        """Read without pause; from time to time on a new connection."""
        while not self.world.is_over:
            async with ClientSession(auto_decompress=True) as session:
                for _ in range(self.random.randrange(1, 40)):
                    await self._read_something(session)
                    if self.world.is_over:
                        return

    async def _read_something(self, session: ClientSession) -> None:
        project = self.random.choice(self.world.projects)
        chance = self.random.random()
        if not project.stages:
            await asyncio.sleep(0.01)
        elif chance < 0.03:
            await self._try_token(session, project)
        elif chance < 0.05:
            await self._try_unknown(session, project)
        else:
            recent = project.stages[-1] if self.random.random() < 0.85 else None
            stage = recent or self.random.choice(project.stages[-5:])
            document = self.random.choice(DOCUMENTS)
            for _ in range(self.random.randrange(1, MOST_IN_A_ROW)):
                form = self.random.choice(FORMS)
                await self.read_one(session, project, stage, document, form)

    async def _try_token(self, session: ClientSession, project: WatchedProject) -> None:
        """Ask with an API token, which may be revoked."""
        is_valid, start = project.is_valid, self.world.now()
        headers = {"Authorization": f"Bearer {project.token[1]}"}
        url = f"{self.world.url}/api/projects/{project.name}/limits"
        async with session.get(url, headers=headers) as response:
            await response.read()
        valid = is_valid.possible(start, self.world.now())
        self._count("token", len(valid))
        if response.status not in {200 if one else 403 for one in valid}:
            self.world.violations.append(f"an API token was {response.status}, it is {valid}")

    async def _try_unknown(self, session: ClientSession, project: WatchedProject) -> None:
        """Ask for a stage that there is not."""
        url = f"{self.world.url}/tmp/{project.name}/{UNKNOWN}/simple/{project.name}/"
        async with session.get(url) as response:
            body = await response.read()
        self._count("unknown", 1)
        if (response.status, body) != (404, b"404 Not Found"):
            self.world.violations.append(f"an unknown stage URL was {response.status}: {body!r}")

    async def read_one(
        self,
        session: ClientSession,
        project: WatchedProject,
        stage: WatchedStage,
        document: str,
        form: str,
    ) -> None:
        """Read a document in some form, unless upstream changes now."""
        async with project.gate.reading():
            await self._read(session, project, stage, document, form)

    async def _read(
        self,
        session: ClientSession,
        project: WatchedProject,
        stage: WatchedStage,
        document: str,
        form: str,
    ) -> None:
        last = len(stage.urls) - 1
        url = last if self.random.random() < 0.9 else self.random.randrange(last + 1)
        file = self.random.choice(sorted(stage.paths)) if stage.paths else ("", "")
        if document in {"file", "metadata"} and not stage.paths:
            document = "only"
        is_file = document in {"file", "metadata"}
        sha256 = stage.metadata[file[1]] if document == "metadata" else file[1]
        question = Question(document, url, *((file, sha256) if is_file else ()))
        # Pages of another project show what the index lists of that one.
        shown = self._another(project) if document == "other" else project
        path = stage.urls[url] + path_below(question, shown.name, stage)
        expires, start = stage.expires_at, self.world.now()
        seen = await self._seen(session, path, question, form)
        end = self.world.now()
        states = stage.timeline.possible(start, end)
        listed = shown.listed.possible(start, end)
        self._count(document, len(states))
        self._judge(project, seen, question, states, listed, form)
        if seen and seen.expires_at and seen.expires_at < expires:
            self.world.violations.append(f"{project.name}: {seen.expires_at} is before {expires}")

    def _another(self, project: WatchedProject) -> WatchedProject:
        return self.random.choice([one for one in self.world.projects if one is not project])

    async def read_current(
        self, session: ClientSession, project: WatchedProject, stage: WatchedStage, document: str
    ) -> None:
        """Read past all caches of upstream what upstream has just changed."""
        question = Question(document, len(stage.urls) - 1)
        path = stage.urls[-1] + path_below(question, project.name, stage)
        seen = await self._seen(session, path, question, "plain", {"Cache-Control": "no-cache"})
        self._count(f"{document} without a cache", 1)
        self._judge(project, seen, question, [stage.now], [project.listed.last], "no-cache")

    def _judge(
        self,
        project: WatchedProject,
        seen: Seen | None,
        question: Question,
        states: list[StageState],
        listed: list[Listed],
        form: str,
    ) -> None:
        wrong = violation(seen, question, states, listed) if seen else ""
        if wrong:
            self.world.violations.append(f"{project.name}, {form}: {wrong}")

    def _count(self, what: str, possible: int) -> None:
        self.world.counts["reads"] += 1
        self.world.counts[f"reads: {what}"] += 1
        self.world.counts["reads beside a change"] += possible > 1

    async def _seen(
        self,
        session: ClientSession,
        path: str,
        question: Question,
        form: str,
        headers: Mapping[str, str] = {},
    ) -> Seen | None:
        """Return what an answer shows, or nothing if it shows nothing that is known."""
        accept = ACCEPTS.get(question.document, "application/json")
        encoding = self.random.choice(("gzip", "identity")) if form != "plain" else "identity"
        key = (path, accept, encoding)
        etag, before = self.kept.get(key, ("", None))
        sent = {"Accept": accept, "Accept-Encoding": encoding, **headers}
        if form == "known" and etag:
            sent["If-None-Match"] = etag
        method = "HEAD" if form == "head" else "GET"
        async with session.request(
            method, self.world.url + path, headers=sent, allow_redirects=False
        ) as response:
            body = await response.read()
        found = response.headers.get("ETag", "")
        if response.status == 304:
            self.world.counts["reads: not modified"] += 1
            return before if found == etag else Seen(304)
        if method == "HEAD":
            known = self.world.by_etag.get((path, accept, found))
            return known if response.status == 200 else Seen(response.status)
        seen = shown_in(response.status, body, question)
        if found and response.status == 200:
            self.kept[key] = (found, seen)
            self._remember((path, accept, found), seen)
        return seen

    def _remember(self, key: tuple[str, str, str], seen: Seen) -> None:
        """Check that no two answers of one URL have the same ETag and show different things."""
        known = self.world.by_etag.setdefault(key, seen)
        if (known, known.expires_at) != (seen, seen.expires_at):
            self.world.violations.append(f"two bodies of {key[0].split('/', 4)[4]} have one ETag")


def path_below(question: Question, project: str, stage: WatchedStage) -> str:
    """Return the path of a document below its stage URL."""
    match question.document:
        case "page" | "page as HTML" | "other":
            return f"simple/{project}/"
        case "only":
            return f"+only/simple/{project}/"
        case "project":
            return f"pypi/{project}/json"
        case "stage":
            return ""
        case "file":
            return stage.paths[question.file]
        case _:
            return f"{stage.paths[question.file]}.metadata"


def shown_in(status: int, body: bytes, question: Question) -> Seen:
    """Return what the body of an answer shows."""
    if status != 200:
        return Seen(status)
    match question.document:
        case "page" | "only" | "other":
            files = json.loads(body)["files"]
            return Seen(200, frozenset((one["filename"], one["hashes"]["sha256"]) for one in files))
        case "page as HTML":
            return Seen(200, frozenset((name, sha) for sha, name in LINK.findall(body.decode())))
        case "project":
            releases = json.loads(body)["releases"].values()
            files = [one for release in releases for one in release]
            return Seen(
                200, frozenset((one["filename"], one["digests"]["sha256"]) for one in files)
            )
        case "stage":
            document = json.loads(body)
            found = ((name, one["hashes"]["sha256"]) for name, one in document["files"].items())
            expires = datetime.fromisoformat(document["expires-at"])
            return Seen(200, frozenset(found), document["status"], expires)
        case _:
            sha256 = hashlib.sha256(body).hexdigest()
            file = question.file if sha256 == question.sha256 else ("other bytes", sha256)
            return Seen(200, frozenset({file}))


def _path_of(url: str) -> str:
    return urlsplit(url).path
