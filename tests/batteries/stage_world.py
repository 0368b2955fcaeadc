"""A whole service over a fake index, and a model of its stages: what is done to both."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from stageproxy.core.stage.stage import Stage
from tests.batteries.promotion_races import publishing_on
from tests.batteries.stage_model import ANSWERS, RIGHTS, Announced, Model, ModelStage
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.clients.http import Answer
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.index.projects import Project
from tests.support.ports.clock import FakeClock
from tests.support.servers.service import RunningService, running_service
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault

PROJECT = "demo"
SDIST = 2
TAGS = ("py2-none-any", "py3-none-any")
NOT_FOUND = 404
POLL = 0.002
PATIENT_POLLS = 500
"""How often the status is read before the time for which the promotion waits is over."""
MOST_POLLS = 5000
JUMP = timedelta(days=40)
REFUSED = {400, 404, 409, 410}


def a_file(version: str, place: int, variant: int) -> Distribution:
    """Return one of the three files of a release, in one of its variants."""
    extra = {f"variant_{variant}.txt": b"x"}
    if place == SDIST:
        return an_sdist(PROJECT, version, extra=extra)
    return a_wheel(PROJECT, version, tag=TAGS[place], extra=extra)


@dataclass(slots=True)
class World:
    """The service, its index, and the model. Each action checks its answer by the model."""

    data: Path
    counts: Counter[str]
    model: Model = field(default_factory=Model)
    clock: FakeClock = field(default_factory=FakeClock)
    tokens: dict[str, str] = field(default_factory=dict)
    longest: timedelta = timedelta(days=30)
    token_ids: dict[str, str] = field(default_factory=dict)
    known: dict[str, Distribution] = field(default_factory=dict)
    _begun: int = 0
    _hanging: set[str] = field(default_factory=set)
    _seen: int = 0
    _index: FakeIndex | None = None
    _service: RunningService | None = None
    _around: AsyncExitStack = field(default_factory=AsyncExitStack)
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def index(self) -> FakeIndex:
        """Return the index."""
        assert self._index is not None
        return self._index

    @property
    def service(self) -> RunningService:
        """Return the running service."""
        assert self._service is not None
        return self._service

    async def open(self) -> Self:
        """Start an index and a service, and make tokens."""
        self._index = await self._around.enter_async_context(FakeIndex.running())
        self._index.uploads.use(self.clock)
        self._index.uploads.processing = 0
        await self._start()
        self.tokens["admin"] = self.service.admin
        for kind in ("manage", "upload", "upload"):
            await self.make_token(kind)
        return self

    async def close(self) -> None:
        """Stop both."""
        await self._running.aclose()
        await self._around.aclose()

    async def renew_upload(self) -> None:
        """Revoke the token that can upload, and make another one."""
        await self.make_token("upload")

    async def renew_manage(self) -> None:
        """Revoke the token that can manage, and make another one."""
        await self.make_token("manage")

    async def make_token(self, kind: str) -> None:
        """Make a token of a kind, and revoke the last one."""
        if kind in self.tokens:
            answer = await self._api("admin", "DELETE", f"tokens/{self.token_ids[kind]}")
            assert answer.status < 300, answer.text
            self.tokens["revoked"] = self.tokens[kind]
        made = (await self._api("admin", "POST", "tokens", can=kind, project=PROJECT)).document
        self.tokens[kind], self.token_ids[kind] = made["token"], made["id"]

    async def open_stage(self, actor: str, version: str) -> None:
        """Open a stage; a release has only one."""
        taken = self.model.live(version) is not None
        answer = await self._api(actor, "POST", "stages", name=PROJECT, version=version)
        if self._is(answer, actor, "open", {409 if taken else 201}):
            await self._adopt(self._see(answer.document))

    async def upload(self, actor: str, version: str, file: Distribution) -> None:
        """Upload a file to the stage of its release, which is opened if there is none."""
        self.known[file.sha256] = file
        stage, public = self.model.live(version), self.public(version)
        form = twine_form(file, staged="true")
        answer = await self.service.post(form, token=self.tokens[actor])
        expected = self._for_edit("upload", stage) | ({200, 400, 409} if public else set())
        if not self._is(answer, actor, "upload", expected):
            return
        if answer.headers["Content-Type"].startswith("text/plain"):
            assert public.get(file.filename) == file.sha256, answer.text
            return
        stage = stage or self._see(answer.document)
        self._put(stage, file)
        await self._adopt(stage)

    async def withdraw(self, actor: str, stage: ModelStage, file: Distribution) -> None:
        """Withdraw a file, which may not be there."""
        name = file.filename
        answer = await self._api(actor, "DELETE", f"stages/{stage.id}/files/{name}")
        expected = self._for_edit("withdraw", stage)
        if name not in stage.files and stage.state in {"open", "error", "partial"}:
            expected = {NOT_FOUND}
        if self._is(answer, actor, "withdraw", expected):
            self._leave(stage, name)
            stage.events["withdrawn"] += 1
            await self._adopt(stage)

    async def extend(self, actor: str, stage: ModelStage) -> None:
        """Extend the lifetime of a stage by three days."""
        path, before = f"stages/{stage.id}/extend", stage.expires_at
        answer = await self._api(actor, "POST", path, **{"extend-for": "3d"})
        if self._is(answer, actor, "extend", self._for(stage, "extend")):
            await self._adopt(stage)
            stage.events["extended"] += before != stage.expires_at

    async def rotate(self, actor: str, stage: ModelStage) -> None:
        """Replace the URL of a stage."""
        answer = await self._api(actor, "POST", f"stages/{stage.id}/rotate")
        if self._is(answer, actor, "rotate", self._for(stage, "rotate")):
            stage.former_paths.append(stage.path)
            stage.path = _path_in(answer.document)
            stage.events["rotated"] += 1

    async def cancel(self, actor: str, stage: ModelStage) -> None:
        """Cancel a stage."""
        answer = await self._api(actor, "DELETE", f"stages/{stage.id}")
        if self._is(answer, actor, "cancel", self._for(stage, "cancel")):
            stage.end(self.model.now)
            stage.events["canceled"] += 1

    async def announce(self, stage: ModelStage, file: Distribution) -> None:
        """Announce a file, as clients of PEP 694 do."""
        self.known[file.sha256] = file
        session = {"links": {"upload": f"/upload/2.0/sessions/{stage.id}/files"}}
        answer = await self._pep694.announce(session, file)
        expected = {202 if one == 200 else one for one in self._for_edit("upload", stage)}
        if file.filename in stage.uploads and 202 in expected:
            expected = {409}
        if file.filename in self.public(stage.version):
            expected |= {409}
        if self._is(answer, "admin", "upload", expected):
            url = urlsplit(answer.document["links"]["file-upload-session"]).path
            expires_at = stage.expires_at
            stage.uploads[file.filename] = Announced(url, file.sha256, expires_at)
            await self._adopt(stage)

    async def send(self, stage: ModelStage, name: str) -> None:
        """Send the bytes of a file that was announced."""
        upload = stage.uploads[name]
        answer = await self._pep694.send(
            {"mechanism": {"file_url": f"{upload.url}/bytes"}}, self.known[upload.sha256].content
        )
        expected = {409} if upload.has_failed or stage.status == "processing" else {201}
        if self._is(answer, "admin", "upload", expected):
            upload.is_sent = True
            await self._adopt(stage)

    async def complete(self, stage: ModelStage, name: str) -> None:
        """Complete a file upload: its file is staged, or it fails for good."""
        upload, public = stage.uploads[name], self.public(stage.version)
        answer = await self._pep694.complete({"links": {"complete": f"{upload.url}/complete"}})
        expected = {201} if upload.is_sent and not upload.has_failed else {400, 409}
        if public or stage.is_sent:
            expected = {201, 400, 409}
        if self._is(answer, "admin", "upload", expected):
            del stage.uploads[name]
            self._put(stage, self.known[upload.sha256])
        await self._adopt(stage)

    async def delete_upload(self, stage: ModelStage, name: str) -> None:
        """Cancel a file upload."""
        upload = stage.uploads[name]
        links = {"links": {"file-upload-session": upload.url}}
        answer = await self._pep694.delete(links)
        if self._is(answer, "admin", "withdraw", {204}):
            del stage.uploads[name]
            await self._adopt(stage)

    async def promote(
        self, actor: str, stage: ModelStage, faults: Iterable[Fault] = (), lag: int = 0
    ) -> None:
        """Approve a stage as it is, and publish it, until that is over or the index hangs."""
        path = f"stages/{stage.id}/promotion"
        plan = await self._api(actor, "POST", f"{path}/plan", publisher="server")
        can_start = stage.state in {"open", "error", "partial"} and not stage.uploads
        if actor in RIGHTS and "promote" in RIGHTS[actor] and can_start and stage.files:
            assert plan.status in ({200} | ({409} if stage.is_sent else set())), plan.text
        if plan.status != 200:
            assert plan.status in REFUSED | {403}, plan.text
            return
        uploads = self.index.uploads
        uploads.faults, uploads.lag = list(faults), Lag(pages=lag)
        self._begun = len(uploads.history.attempts)
        order = {
            "manifest-digest": plan.document["manifest-digest"],
            "acknowledged": plan.document["warnings-digest"],
            "publisher": "server",
        }
        answer = await self._api(actor, "POST", path, **order)
        assert answer.status in {202, 400, 409}, answer.text
        self.counts[f"promotions {'begun' if answer.status == 202 else 'refused'}"] += 1
        if answer.status == 202:
            stage.approved |= {(one["filename"], one["sha256"]) for one in plan.document["files"]}
            stage.status = "processing"
            await self.settle(stage)

    async def stop(self, stage: ModelStage) -> None:
        """Stop a promotion, which takes effect when no file is being sent."""
        answer = await self._api("admin", "POST", f"stages/{stage.id}/promotion/stop")
        assert answer.status in {200} | REFUSED, answer.text
        assert stage.status != "processing" or answer.status == 200, answer.text
        await self.settle(stage)

    async def give_up(self, stage: ModelStage) -> None:
        """Give up what is not public of a partially published stage."""
        answer = await self._api("admin", "POST", f"stages/{stage.id}/promotion/give-up")
        assert answer.status in {200} | REFUSED, answer.text
        assert answer.status != 200 or stage.state == "partial", answer.text
        if answer.status == 200:
            stage.end(self.model.now)

    async def restart(self) -> None:
        """Stop the service, in the middle of whatever it does, and start it again."""
        self.index.uploads.faults = []
        self._hanging.clear()
        await self._running.aclose()
        await self._start()
        for stage in self.model.stages.values():
            await self.settle(stage)

    async def pass_time(self, length: timedelta) -> None:
        """Let time pass, unless something is being published."""
        self.clock.time += length
        self.model.pass_time(length)
        for stage in self.model.all_live():
            await self._adopt(stage)

    async def sweep(self) -> None:
        """Delete what is not needed."""
        await self.service.parts.expiry.sweep()

    async def jump(self) -> None:
        """Let the clock jump ahead and back again, and sweep in between: nothing has expired."""
        self.counts["jumps"] += 1
        before, self.clock.doubt = self.clock.time, JUMP
        self.clock.time += JUMP
        await self.sweep()
        self.clock.time, self.clock.doubt = before, timedelta()

    async def settle(self, stage: ModelStage) -> None:
        """Wait until a promotion is over, or hangs."""
        if stage.status != "processing" or stage.id in self._hanging:
            return
        row = await self._stored(stage)
        for polls in range(MOST_POLLS):
            row = await self._stored(stage)
            if row.status != "processing" or self._hangs():
                break
            if polls % PATIENT_POLLS == PATIENT_POLLS - 1:
                await self.pass_time(timedelta(minutes=16))
            await asyncio.sleep(POLL)
        if row.status == "processing":
            # Only a restart ends it, whatever is published meanwhile.
            self._hanging.add(stage.id)
        stage.status, stage.is_sent, stage.ended_at = row.status, row.sent, row.ended_at
        accepted = self.index.uploads.history.accepted
        stage.accepted += [name for name in accepted[self._seen :] if f"-{stage.version}" in name]
        self._seen = len(accepted)
        await self._adopt(stage)
        self.counts[f"promotions then {stage.state}"] += 1

    def everything_public(self) -> dict[str, str]:
        """Return what the index has of the project: the SHA-256 of each file."""
        return _hashes_in(self.index.projects.find(PROJECT))

    def everything_listed(self) -> dict[str, str]:
        """Return what pages of the index list already: an upload may take a while to appear."""
        return _hashes_in(self.index.uploads.as_listed(self.index.projects.find(PROJECT)))

    def public(self, version: str) -> dict[str, str]:
        """Return what the index has of a release."""
        all_files = self.everything_public().items()
        return {name: sha256 for name, sha256 in all_files if f"-{version}" in name}

    async def row(self, stage: ModelStage) -> Stage | None:
        """Return a stage as it is stored."""
        return await self.service.parts.database.read(lambda rows: rows.stages.find(stage.id))

    async def _stored(self, stage: ModelStage) -> Stage:
        row = await self.row(stage)
        assert row is not None, f"{stage.id} was forgotten while it was being published."
        return row

    async def _start(self) -> None:
        service = running_service(
            self.data,
            self.index,
            clock=self.clock,
            promotion=publishing_on(self.index),
            upstream={"fresh_for": "0s"},
            stage={"max_per_project": 1000},
        )
        self._service = await self._running.enter_async_context(service)

    def _hangs(self) -> bool:
        attempts = self.index.uploads.history.attempts[self._begun :]
        return bool(self.index.uploads.faults) and any("hang" in one.answer for one in attempts)

    @property
    def _pep694(self) -> Pep694Client:
        return Pep694Client(self.service)

    async def _api(self, actor: str, method: str, path: str, **document: Any) -> Answer:
        return await self.service.api(method, path, self.tokens[actor], **document)

    def _is(self, answer: Answer, actor: str, action: str, expected: set[int]) -> bool:
        """Check the status of an answer, and return whether it was a success."""
        if action not in RIGHTS[actor]:
            # An upload token can cancel a stage that it has opened, while that is empty.
            own = {200, 404, 409, 410} if (actor, action) == ("upload", "cancel") else set()
            expected = {403} | own
        assert answer.status in expected, f"{action} by {actor}: {answer.status}, {answer.text}"
        self.counts[f"{action} {answer.status}"] += 1
        return answer.status < 300

    def _for(self, stage: ModelStage, action: str) -> set[int]:
        """Return the status code of a request about a stage that may have been forgotten."""
        forgotten = {NOT_FOUND} if self.model.is_over(stage) else set()
        return {ANSWERS[action][stage.state]} | forgotten

    def _for_edit(self, action: str, stage: ModelStage | None) -> set[int]:
        """Return the status code of a change of files; of a partial stage some can change."""
        if stage is None:
            return {200}
        return {200, 400, 409} if stage.state == "partial" else self._for(stage, action)

    def _see(self, document: Any) -> ModelStage:
        """Add a new stage to the model."""
        stage = ModelStage(document["id"], document["version"], _path_in(document), self.model.now)
        stage.events["opened"] += 1
        self.model.stages[stage.id] = stage
        return stage

    def _put(self, stage: ModelStage, file: Distribution) -> None:
        """Stage a file in the model; another one of its name is replaced."""
        former = stage.files.get(file.filename)
        if former == file.sha256:
            return
        if former is not None:
            self._leave(stage, file.filename)
        stage.events["uploaded" if former is None else "replaced"] += 1
        stage.files[file.filename] = file.sha256
        stage.former_files.discard(_file_path(file))

    def _leave(self, stage: ModelStage, name: str) -> None:
        stage.former_files.add(_file_path(self.known[stage.files.pop(name)]))

    async def _adopt(self, stage: ModelStage) -> None:
        """Adopt from the service what the model does not predict: times, and failed uploads."""
        row = await self.row(stage)
        if row is None:
            return
        assert row.expires_at >= stage.expires_at, f"{stage.id} expires earlier."
        stage.expires_at = row.expires_at
        for one in row.uploads:
            if one.filename in stage.uploads:
                stage.uploads[one.filename].expires_at = one.expires_at
                stage.uploads[one.filename].has_failed = one.status == "error"


def _path_in(document: Any) -> str:
    """Return the path of the stage URL in a document, whatever the server's port."""
    return str(urlsplit(document["links"]["stage"]).path)


def _file_path(file: Distribution) -> str:
    digest = file.blake2b_256
    return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}"


def _hashes_in(project: Project | None) -> dict[str, str]:
    files = [one.distribution for one in project.files] if project else []
    return {one.filename: one.sha256 for one in files}
