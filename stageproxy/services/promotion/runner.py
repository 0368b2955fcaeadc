"""The run of a promotion: read the index, do the next step, record it, and repeat.

The same code runs in the server and in `stageproxy promote --here`. What
differs between them is behind ports.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from packaging.utils import NormalizedName

from stageproxy.core.errors import (
    DamagedArtifactError,
    StageproxyError,
    StorageError,
    UpstreamUnavailableError,
)
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
from stageproxy.core.rights import Credential
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import Clock, Credentials, JournalStore, UploadRequest, UploadRequests
from stageproxy.services.background import one_failure
from stageproxy.services.promotion.lease_keeper import renewing_lease
from stageproxy.services.promotion.publish_target import PublishTarget

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """The state of one run: the journal, hashes of downloaded files, failures in a row."""

    entries: dict[str, Entry]
    sha256_of: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    failed_reads: int = 0
    unread_since: datetime | None = None
    has_ended: bool = False

    def count(self, name: str, *, failed: bool) -> int:
        """Count an attempt at a file, and return how many in a row have failed."""
        self.failures[name] = self.failures.get(name, 0) + 1 if failed else 0
        return self.failures[name]


@dataclass(frozen=True, slots=True)
class PromotionRunner:
    """Publishes the artifacts of one frozen stage to *target*.

    *report* is called with a filename and how many bytes of the file have been sent, and
    *wait_for* with a sentence on what the promotion waits for, empty when it goes on.
    """

    target: PublishTarget
    project: NormalizedName
    artifacts: Sequence[Artifact]
    journal_store: JournalStore
    upload_requests: UploadRequests
    credentials: Credentials
    clock: Clock
    report: Callable[[str, int], None]
    wait_for: Callable[[str], None]

    async def run(self) -> None:
        """Publish what is not published yet. Raise `LostLeaseError` if the lease was lost.

        Raise `StorageError` if the journal or a file cannot be used: another run goes on then.
        """
        run = _Run(dict(await self.journal_store.entries()))
        while not run.has_ended:
            listed = await self._read_index(run)
            if listed is None:
                continue
            step = plan_promotion(
                self.artifacts,
                listed,
                run.entries,
                self.clock.now(),
                patience=self.target.pace.patience,
            )
            await self._do(run, step)

    async def _read_index(self, run: _Run) -> Mapping[str, IndexFile] | None:
        """Return the files that the index lists; `None`, after a pause, if it cannot be read."""
        await self.journal_store.renew()
        try:
            listed = await self.target.confirmed_listing.files_of(self.project)
        except StageproxyError as error:
            await self._wait_for_index(run, error)
            return None
        if run.failed_reads:
            self.wait_for("")
        run.failed_reads, run.unread_since = 0, None
        return {
            name: IndexFile(one.sha256 or run.sha256_of.get(name), one.url)
            for name, one in listed.items()
        }

    async def _wait_for_index(self, run: _Run, error: StageproxyError) -> None:
        """Wait until the index can be read, for as long as the settings have patience."""
        now = self.clock.now()
        run.unread_since = run.unread_since or now
        left = self.target.pace.patience - abs(now - run.unread_since)
        if left <= timedelta():
            await self._fail(run, f"Could not check which files are published: {error}")
            return
        run.failed_reads += 1
        sentence = f"Waiting for the index until {now + left:%H:%M:%S} UTC at most: {error}"
        self.wait_for(sentence)
        log.warning("promotion of %s: %s", self.project, sentence)
        await self._wait(min(self.target.pace.pause_after(run.failed_reads), left))

    async def _do(self, run: _Run, step: NextStep) -> None:
        match step:
            case Confirm(files):
                await self._confirm(run, files)
            case Compare(files):
                await self._compare(run, files)
            case Send(artifacts):
                await self._send_all(run, artifacts)
            case Wait():
                await self._wait(self.target.pace.poll)
            case Stop(reason, refused):
                await self._settle(run, refused)
                await self._fail(run, reason)
            case Finished():
                await self.journal_store.succeed()
                run.has_ended = True

    async def _confirm(self, run: _Run, files: Mapping[str, str]) -> None:
        now = self.clock.now()
        entries = [run.entries[name].confirmed(url, now) for name, url in files.items()]
        await self._record(run, *entries)
        for name in files:
            log.info("promotion of %s: %s is published", self.project, name)

    async def _compare(self, run: _Run, files: Mapping[str, str]) -> None:
        """Download files for their hashes, once each: their links may differ every time."""
        listing = self.target.confirmed_listing
        sizes = {one.filename: one.size for one in self.artifacts}
        for name, url in files.items():
            try:
                async with renewing_lease(self.journal_store, self.target.pace.renew):
                    run.sha256_of[name] = await listing.sha256_of(url, size=sizes[name])
            except (LostLeaseError, StorageError):
                raise
            except StageproxyError as error:
                await self._retry_comparison(run, name, error)
                return

    async def _send_all(self, run: _Run, artifacts: Sequence[Artifact]) -> None:
        """Send artifacts, a few at a time. After a failure none of the others is started.

        Those that are being sent go on to their end: a file that is cut off is in doubt.
        """
        slots = asyncio.Semaphore(self.target.pace.parallel)
        replies: dict[str, Reply] = {}
        errors: list[StageproxyError] = []

        async def send(artifact: Artifact) -> None:
            async with slots:
                if errors or any(map(_is_failure, replies.values())):
                    return
                try:
                    replies[artifact.filename] = await self._send(run, artifact)
                except LostLeaseError:
                    raise
                except StageproxyError as error:
                    errors.append(error)

        async with one_failure(), asyncio.TaskGroup() as group:
            for artifact in artifacts:
                group.create_task(send(artifact))
        lasting = [one for one in errors if not isinstance(one, StorageError)]
        if lasting:
            await self._fail(run, lasting[0].sentence)
            return
        if errors:
            raise errors[0]
        await self._back_off(run, replies)

    async def _send(self, run: _Run, artifact: Artifact) -> Reply:
        """Send one artifact, and record that before the first byte is sent.

        A credential or a file that is not available now counts as no answer.
        """
        async with AsyncExitStack() as opened:
            try:
                upload_request = await opened.enter_async_context(
                    self.upload_requests.request_for(artifact)
                )
                credential = await self.credentials.get()
            except UpstreamUnavailableError as error:
                return Unanswered(error.sentence)
            return await self._publish(run, artifact, upload_request, credential)

    async def _publish(
        self, run: _Run, artifact: Artifact, upload_request: UploadRequest, credential: Credential
    ) -> Reply:
        sending = run.entries[artifact.filename].sending(self.clock.now())
        await self._record(run, sending)
        try:
            async with renewing_lease(self.journal_store, self.target.pace.renew):
                reply = await self.target.upload_client.publish(
                    upload_request, credential, partial(self.report, artifact.filename)
                )
        except DamagedArtifactError:
            await self._record(run, sending.interrupted(self.clock.now()))
            raise
        await self._record(run, sending.answered(reply, self.clock.now()))
        kind = type(reply).__name__.lower()
        self.target.count(kind)
        log.info(
            "promotion of %s: %s: %s: %s", self.project, artifact.filename, kind, reply.sentence
        )
        return reply

    async def _back_off(self, run: _Run, replies: Mapping[str, Reply]) -> None:
        """Wait if the index did not answer, for as long as it asks for."""
        pace = self.target.pace
        pauses: list[timedelta] = []
        for name, reply in replies.items():
            in_a_row = run.count(name, failed=isinstance(reply, Unanswered))
            if in_a_row >= pace.attempts:
                sentence = (
                    f"{name}: no answer from the index {in_a_row} times in a row: {reply.sentence}"
                )
                await self._fail(run, sentence)
                return
            if isinstance(reply, Unanswered):
                pauses += [pace.pause_after(in_a_row - 1), reply.retry_after or timedelta()]
        if pauses:
            await self._wait(max(pauses))

    async def _settle(self, run: _Run, filenames: Sequence[str]) -> None:
        """Record that the index does not have files whose uploads had no answer."""
        now = self.clock.now()
        denied = [run.entries[name].refused_in_doubt(now) for name in filenames]
        await self._record(run, *denied)
        await self._record(run, *(entry.settled() for entry in denied))

    async def _retry_comparison(self, run: _Run, name: str, error: StageproxyError) -> None:
        in_a_row = run.count(name, failed=True)
        if in_a_row >= self.target.pace.attempts:
            await self._fail(run, f"Cannot compare {name} with the file on the index: {error}")
            return
        await self._wait(self.target.pace.pause_after(in_a_row))

    async def _wait(self, length: timedelta) -> None:
        """Wait and renew the lease: an index may ask for a pause that is longer than it lasts."""
        async with renewing_lease(self.journal_store, self.target.pace.renew):
            await self.target.pause(length)

    async def _record(self, run: _Run, *entries: Entry) -> None:
        await self.journal_store.record(entries)
        run.entries.update((entry.filename, entry) for entry in entries)

    async def _fail(self, run: _Run, reason: str) -> None:
        run.has_ended = True
        await self.journal_store.fail(reason)


def _is_failure(reply: Reply) -> bool:
    match reply:
        case Unanswered() | Refused():
            return True
        case Accepted():
            return False
