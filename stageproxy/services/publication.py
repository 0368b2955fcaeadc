"""Here is how a frozen stage is published: look, do the next step, write it down, look again.

The same code runs in the server and in `stageproxy promote --here`; what it
needs of either is behind ports.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from urllib.parse import urldefrag, urljoin

from packaging.utils import NormalizedName

from stageproxy.core.errors import DamagedArtifactError, StageproxyError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, UnreadablePageError
from stageproxy.core.index.simple import read_page
from stageproxy.core.release.journal import Entry, Progress
from stageproxy.core.release.lease import LostLeaseError
from stageproxy.core.release.promotion import (
    Compare,
    Confirm,
    Finished,
    NextStep,
    Seen,
    Send,
    Stop,
    Wait,
    plan_promotion,
)
from stageproxy.core.release.replies import Accepted, Refused, Reply, Unanswered
from stageproxy.core.release.stages import Artifact
from stageproxy.ports import (
    Clock,
    Credentials,
    Downloads,
    Index,
    Journalist,
    Parcels,
    Publisher,
)

log = logging.getLogger(__name__)

_LONGEST_PAUSE = timedelta(minutes=2)
_MOST_DOUBLINGS = 16
_RENEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to go, and when to give up.

    `parallel`: how many files are sent at the same time; `poll`: how long to
    wait before looking or sending again, doubled with each failure in a row;
    `patience`: how long the index may take to show what it accepted;
    `attempts`: how often in a row a file may go unanswered.
    """

    parallel: int
    poll: timedelta
    patience: timedelta
    attempts: int = 10

    def pause_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row."""
        doubled: timedelta = self.poll * 2 ** min(failures, _MOST_DOUBLINGS)
        return min(doubled, _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Shelves:
    """What the index that confirms shows of a project, never from a cache of ours."""

    index: Index
    downloads: Downloads

    async def files_of(self, project: NormalizedName) -> Mapping[str, Seen]:
        """Return what is shown, by filename. Raise `StageproxyError` if it cannot be told."""
        return (await self.look(project))[1]

    async def look(self, project: NormalizedName) -> tuple[Listing, Mapping[str, Seen]]:
        """Return the page of a project as it is now, and where its files are."""
        accept = ACCEPT_FOR[SimpleType.V1_JSON]
        page = await self.index.find(f"simple/{project}/", accept, fresh=True)
        if page is None:
            return Listing(is_there=False), {}
        listing = await asyncio.to_thread(read_page, page, project)
        return listing, {
            name: Seen(one.sha256, urldefrag(urljoin(page.url, one.link)).url)
            for name, one in listing.files.items()
        }


@dataclass(slots=True)
class _Run:
    """What one run remembers: the journal, hashes that were found out, failures in a row."""

    entries: dict[str, Entry]
    sha256_at: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    blind: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """Publishes the artifacts of one frozen stage.

    *report* is told how many bytes of which file went out.
    """

    project: NormalizedName
    artifacts: Sequence[Artifact]
    journalist: Journalist
    parcels: Parcels
    shelves: Shelves
    publisher: Publisher
    credentials: Credentials
    clock: Clock
    pause: Callable[[timedelta], Awaitable[None]]
    pace: Pace
    report: Callable[[str, int], None]

    async def run(self) -> None:
        """Publish what is not out yet, to the end. Raise `LostLeaseError` if others took over."""
        run = _Run(dict(await self.journalist.entries()))
        while not run.is_over:
            seen = await self._look(run)
            if seen is None:
                continue
            step = plan_promotion(
                self.artifacts,
                seen,
                run.entries,
                self.clock.now(),
                patience=self.pace.patience,
            )
            await self._do(run, step)

    async def _look(self, run: _Run) -> Mapping[str, Seen] | None:
        """Return what the index shows; nothing if it does not say, after a pause."""
        await self.journalist.renew()
        try:
            seen = await self.shelves.files_of(self.project)
        except (StageproxyError, UnreadablePageError) as error:
            run.blind += 1
            if run.blind >= self.pace.attempts:
                await self._give_up(run, f"The index does not say what is published: {error}")
            else:
                await self.pause(self.pace.pause_after(run.blind))
            return None
        run.blind = 0
        return {
            name: Seen(one.sha256 or run.sha256_at.get(one.url), one.url)
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
                await self.pause(self.pace.poll)
            case Stop(reason):
                await self._give_up(run, reason)
            case Finished():
                await self.journalist.succeed()
                run.is_over = True

    async def _confirm(self, run: _Run, files: Mapping[str, str]) -> None:
        now = self.clock.now()
        entries = [run.entries[name].confirmed(url, now) for name, url in files.items()]
        await self._record(run, *entries)
        for name in files:
            log.info("promotion of %s: %s is out", self.project, name)

    async def _compare(self, run: _Run, files: Mapping[str, str]) -> None:
        """Find out the hashes of files by downloading them."""
        for name, url in files.items():
            await self.journalist.renew()
            try:
                run.sha256_at[url] = await self.shelves.downloads.sha256_of(url)
            except StageproxyError as error:
                await self._failed(run, name, str(error))
                return

    async def _send_all(self, run: _Run, artifacts: Sequence[Artifact]) -> None:
        """Send artifacts, some at a time; after a failure none of them is begun any more."""
        places = asyncio.Semaphore(self.pace.parallel)
        replies: list[Reply] = []
        broken: list[StageproxyError] = []

        async def send(artifact: Artifact) -> None:
            async with places:
                if broken or any(map(_is_failure, replies)):
                    return
                try:
                    replies.append(await self._send(run, artifact))
                except LostLeaseError:
                    raise
                except StageproxyError as error:
                    broken.append(error)

        async with _one_failure(), asyncio.TaskGroup() as group:
            for artifact in artifacts:
                group.create_task(send(artifact))
        if broken:
            await self._give_up(run, broken[0].sentence)
            return
        await self._back_off(run, replies)

    async def _send(self, run: _Run, artifact: Artifact) -> Reply:
        """Send one artifact: the journal knows of it before the index does."""
        parcel = await self.parcels.parcel_of(artifact)
        credential = await self.credentials.get()
        sending = run.entries[artifact.filename].sending(self.clock.now())
        await self._record(run, sending)
        try:
            async with _signs_of_life(self.journalist):
                reply = await self.publisher.publish(
                    parcel, credential, partial(self.report, artifact.filename)
                )
        except DamagedArtifactError:
            await self._record(run, sending.withheld(self.clock.now()))
            raise
        await self._record(run, sending.answered(reply, self.clock.now()))
        log.info("promotion of %s: %s: %s", self.project, artifact.filename, reply)
        return reply

    async def _back_off(self, run: _Run, replies: Sequence[Reply]) -> None:
        """Wait before looking again, if the index did not answer, as long as it wishes."""
        unanswered = [one for one in replies if isinstance(one, Unanswered)]
        in_a_row = 0
        for name, entry in run.entries.items():
            is_unknown = entry.progress is Progress.UNKNOWN
            run.failures[name] = run.failures.get(name, 0) + 1 if is_unknown else 0
            in_a_row = max(in_a_row, run.failures[name])
            if run.failures[name] >= self.pace.attempts:
                sentence = f"{name}: the index did not answer {in_a_row} times: {entry.said}"
                await self._give_up(run, sentence)
                return
        if unanswered:
            wishes = [one.retry_after for one in unanswered if one.retry_after is not None]
            await self.pause(max([self.pace.pause_after(in_a_row - 1), *wishes]))

    async def _failed(self, run: _Run, name: str, reason: str) -> None:
        run.failures[name] = run.failures.get(name, 0) + 1
        if run.failures[name] >= self.pace.attempts:
            await self._give_up(run, f"{name} cannot be compared: {reason}")
            return
        await self.pause(self.pace.pause_after(run.failures[name]))

    async def _record(self, run: _Run, *entries: Entry) -> None:
        await self.journalist.record(entries)
        run.entries.update((entry.filename, entry) for entry in entries)

    async def _give_up(self, run: _Run, reason: str) -> None:
        run.is_over = True
        await self.journalist.fail(reason)


@asynccontextmanager
async def _signs_of_life(journalist: Journalist) -> AsyncIterator[None]:
    """Renew the lease for as long as the block lasts; end the block if it was lost."""

    async def renew_for_ever() -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await journalist.renew()

    async with _one_failure(), asyncio.TaskGroup() as group:
        renewing = group.create_task(renew_for_ever())
        yield
        renewing.cancel()


@asynccontextmanager
async def _one_failure() -> AsyncIterator[None]:
    """Raise one failure of a group as it is: whoever waits for the block knows no groups."""
    try:
        yield
    except ExceptionGroup as group:
        lost, others = group.split(LostLeaseError)
        failure: BaseException = lost or others or group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from group


def _is_failure(reply: Reply) -> bool:
    match reply:
        case Unanswered() | Refused():
            return True
        case Accepted():
            return False
