"""Here is how a frozen stage is published: look, do the next step, write it down, look again.

The same code runs in the server and in `stageproxy promote --here`; what it
needs of either is behind ports.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from packaging.utils import NormalizedName

from stageproxy.core.errors import (
    DamagedArtifactError,
    StageproxyError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.pages import UnreadablePageError
from stageproxy.core.promotion.confirmation import IndexFile
from stageproxy.core.promotion.journal import Entry
from stageproxy.core.promotion.plan import (
    Compare,
    Confirm,
    Finished,
    NextStep,
    Send,
    Stop,
    Wait,
    plan_promotion,
)
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.promotion.replies import Accepted, Refused, Reply, Unanswered
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import Clock, Credentials, JournalStore, UploadRequests
from stageproxy.services.promotion.lease_keeper import renewing_lease
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.task_groups import one_failure

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """What one run remembers: the journal, hashes that were found out, failures in a row."""

    entries: dict[str, Entry]
    sha256_of: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    blind: int = 0
    is_over: bool = False

    def count(self, name: str, *, failed: bool) -> int:
        """Return how often in a row a file has failed by now."""
        self.failures[name] = self.failures.get(name, 0) + 1 if failed else 0
        return self.failures[name]


@dataclass(frozen=True, slots=True)
class PromotionRunner:
    """Publishes the artifacts of one frozen stage to *target*.

    *report* is called with a filename and how many bytes of the file have been sent.
    """

    target: PublishTarget
    project: NormalizedName
    artifacts: Sequence[Artifact]
    journal_store: JournalStore
    upload_requests: UploadRequests
    credentials: Credentials
    clock: Clock
    report: Callable[[str, int], None]

    async def run(self) -> None:
        """Publish what is not out yet, to the end. Raise `LostLeaseError` if others took over."""
        run = _Run(dict(await self.journal_store.entries()))
        while not run.is_over:
            seen = await self._look(run)
            if seen is None:
                continue
            step = plan_promotion(
                self.artifacts,
                seen,
                run.entries,
                self.clock.now(),
                patience=self.target.pace.patience,
            )
            await self._do(run, step)

    async def _look(self, run: _Run) -> Mapping[str, IndexFile] | None:
        """Return what the index shows; nothing if it does not say, after a pause."""
        await self.journal_store.renew()
        try:
            seen = await self.target.confirmed_listing.files_of(self.project)
        except (StageproxyError, UnreadablePageError) as error:
            run.blind += 1
            if run.blind >= self.target.pace.attempts:
                await self._give_up(
                    run, f"No answer from the index about what is published: {error}"
                )
            else:
                await self._rest(self.target.pace.pause_after(run.blind))
            return None
        run.blind = 0
        return {
            name: IndexFile(one.sha256 or run.sha256_of.get(name), one.url)
            for name, one in seen.items()
        }

    async def _do(self, run: _Run, step: NextStep) -> None:
        match step:
            case Confirm(files):
                await self._confirm(run, files)
            case Compare(files):
                await self._compare(run, files)
            case Send(artifacts):
                await self._send_all(run, artifacts)
            case Wait():
                await self._rest(self.target.pace.poll)
            case Stop(reason, refused):
                await self._settle(run, refused)
                await self._give_up(run, reason)
            case Finished():
                await self.journal_store.succeed()
                run.is_over = True

    async def _confirm(self, run: _Run, files: Mapping[str, str]) -> None:
        now = self.clock.now()
        entries = [run.entries[name].confirmed(url, now) for name, url in files.items()]
        await self._record(run, *entries)
        for name in files:
            log.info("promotion of %s: %s is published", self.project, name)

    async def _compare(self, run: _Run, files: Mapping[str, str]) -> None:
        """Find out the hashes of files by downloading them, once: links may be signed anew."""
        for name, url in files.items():
            try:
                async with renewing_lease(self.journal_store, self.target.pace.renew):
                    run.sha256_of[name] = await self.target.confirmed_listing.sha256_of(url)
            except LostLeaseError:
                raise
            except StageproxyError as error:
                await self._cannot_compare(run, name, error)
                return

    async def _send_all(self, run: _Run, artifacts: Sequence[Artifact]) -> None:
        """Send artifacts, some at a time; after a failure none of them is begun any more."""
        places = asyncio.Semaphore(self.target.pace.parallel)
        replies: dict[str, Reply] = {}
        broken: list[StageproxyError] = []

        async def send(artifact: Artifact) -> None:
            async with places:
                if broken or any(map(_is_failure, replies.values())):
                    return
                try:
                    replies[artifact.filename] = await self._send(run, artifact)
                except LostLeaseError:
                    raise
                except StageproxyError as error:
                    broken.append(error)

        async with one_failure(), asyncio.TaskGroup() as group:
            for artifact in artifacts:
                group.create_task(send(artifact))
        if broken:
            await self._give_up(run, broken[0].sentence)
            return
        await self._back_off(run, replies)

    async def _send(self, run: _Run, artifact: Artifact) -> Reply:
        """Send one artifact: the journal knows of it before the index does.

        What it takes to send it may not be to be had for a moment.
        """
        try:
            upload_request = await self.upload_requests.request_for(artifact)
            credential = await self.credentials.get()
        except UpstreamUnavailableError as error:
            return Unanswered(error.sentence)
        sending = run.entries[artifact.filename].sending(self.clock.now())
        await self._record(run, sending)
        try:
            async with renewing_lease(self.journal_store, self.target.pace.renew):
                reply = await self.target.upload_client.publish(
                    upload_request, credential, partial(self.report, artifact.filename)
                )
        except DamagedArtifactError:
            await self._record(run, sending.withheld(self.clock.now()))
            raise
        await self._record(run, sending.answered(reply, self.clock.now()))
        kind = type(reply).__name__.lower()
        self.target.count(kind)
        log.info(
            "promotion of %s: %s: %s: %s", self.project, artifact.filename, kind, reply.sentence
        )
        return reply

    async def _back_off(self, run: _Run, replies: Mapping[str, Reply]) -> None:
        """Wait before the next look if the index did not answer: as long as it asks for."""
        pace = self.target.pace
        pauses: list[timedelta] = []
        for name, reply in replies.items():
            in_a_row = run.count(name, failed=isinstance(reply, Unanswered))
            if in_a_row >= pace.attempts:
                sentence = (
                    f"{name}: no answer from the index {in_a_row} times in a row: {reply.sentence}"
                )
                await self._give_up(run, sentence)
                return
            if isinstance(reply, Unanswered):
                pauses += [pace.pause_after(in_a_row - 1), reply.retry_after or timedelta()]
        if pauses:
            await self._rest(max(pauses))

    async def _settle(self, run: _Run, filenames: Sequence[str]) -> None:
        """End the doubt about files that the index does not have."""
        now = self.clock.now()
        denied = [run.entries[name].denied(now) for name in filenames]
        await self._record(run, *denied)
        await self._record(run, *(entry.settled() for entry in denied))

    async def _cannot_compare(self, run: _Run, name: str, error: StageproxyError) -> None:
        in_a_row = run.count(name, failed=True)
        if in_a_row >= self.target.pace.attempts:
            await self._give_up(run, f"Cannot compare {name} with the file on the index: {error}")
            return
        await self._rest(self.target.pace.pause_after(in_a_row))

    async def _rest(self, length: timedelta) -> None:
        """Wait, and keep the lease: an index may ask to be left alone for longer than it lasts."""
        async with renewing_lease(self.journal_store, self.target.pace.renew):
            await self.target.pause(length)

    async def _record(self, run: _Run, *entries: Entry) -> None:
        await self.journal_store.record(entries)
        run.entries.update((entry.filename, entry) for entry in entries)

    async def _give_up(self, run: _Run, reason: str) -> None:
        run.is_over = True
        await self.journal_store.fail(reason)


def _is_failure(reply: Reply) -> bool:
    match reply:
        case Unanswered() | Refused():
            return True
        case Accepted():
            return False
