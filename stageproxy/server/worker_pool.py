"""The workers of a server: which are started, replaced and stopped, and when.

This only decides. `supervisor.py` waits for what happens, and reports it here.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from stageproxy.server.worker_process import Drain, Ended, Failed, FromWorker, Ready, ToWorker
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS

log = logging.getLogger(__name__)

_STABLE_SECONDS = 10.0
"""A worker that ends earlier may do so again: the next one has to wait."""
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LONGEST_STOP = SHUTDOWN_SECONDS + 15.0
"""When workers are killed that were asked to stop."""


class Worker(Protocol):
    """A worker process, as far as it matters here; see `worker_process.WorkerProcess`."""

    @property
    def id(self) -> str:
        """The id of the worker in leases."""

    @property
    def pid(self) -> int:
        """The id of the process."""

    @property
    def ending(self) -> str:
        """How the process has ended, in words."""

    def send(self, message: ToWorker) -> None:
        """Send a message."""

    def stop(self) -> None:
        """Ask the process to end."""

    def kill(self) -> None:
        """End the process now."""


class _State(Enum):
    STARTING = auto()
    ANSWERING = auto()
    DRAINING = auto()


@dataclass(slots=True)
class _Member:
    """A worker, its slot, and its state. A slot is the number of a socket.

    `reported`: which other workers have been reported to it as ended, and when.
    """

    worker: Worker
    slot: int
    started_at: float
    state: _State = _State.STARTING
    reason: str = ""
    reported: list[tuple[str, float]] = field(default_factory=list)

    def report(self, ended: str, now: float) -> None:
        """Have the worker take over the work of another one that has ended."""
        self.worker.send(Ended(ended))
        self.reported.append((ended, now))

    def reported_lately(self, now: float) -> Sequence[str]:
        """Return the workers whose work it may not have taken over yet."""
        return [ended for ended, at in self.reported if now - at < _STABLE_SECONDS]


@dataclass(slots=True)
class WorkerPool:
    """The workers of a server, one in each of its *slots*; two while one replaces the other.

    *start* starts a worker in a slot. *now* returns the seconds of a monotonic clock.
    """

    slots: int
    start: Callable[[int], Worker]
    now: Callable[[], float]
    is_ready: bool = False
    is_stopping: bool = False
    failure: str | None = None
    _members: list[_Member] = field(default_factory=list)
    _failures: dict[int, int] = field(default_factory=dict)
    _due: dict[int, float] = field(default_factory=dict)
    _to_replace: list[int] = field(default_factory=list)
    _ended: list[str] = field(default_factory=list)
    _kill_at: float | None = None

    @property
    def workers(self) -> Sequence[Worker]:
        """All workers whose processes run."""
        return [one.worker for one in self._members]

    @property
    def is_over(self) -> bool:
        """Whether the server has ended."""
        return self.is_stopping and not self._members

    @property
    def next_at(self) -> float | None:
        """When something is to be done even if nothing happens."""
        times = [*self._due.values(), *([] if self._kill_at is None else [self._kill_at])]
        return min(times, default=None)

    def begin(self) -> None:
        """Start a worker in each slot."""
        for slot in range(self.slots):
            self._start(slot)

    def restart(self) -> None:
        """Replace all workers, one after the other."""
        self._to_replace = list(range(self.slots))

    def stop(self) -> None:
        """Ask all workers to end."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self._due.clear()
        self._to_replace.clear()
        self._kill_at = self.now() + _LONGEST_STOP
        for one in self._members:
            one.worker.stop()

    def receive(self, worker: Worker, message: FromWorker) -> None:
        """Handle a message of a worker."""
        member = self._member(worker)
        match message:
            case Ready():
                self._mark_answering(member)
            case Failed(reason):
                member.reason = reason

    def end(self, worker: Worker) -> None:
        """Handle the end of a worker's process."""
        member = self._member(worker)
        self._members.remove(member)
        if self.is_stopping:
            return
        self._ended += [*member.reported_lately(self.now()), worker.id]
        self._report_ended()
        match member.state:
            case _State.STARTING:
                self._handle_failed_start(member)
            case _State.ANSWERING:
                self._handle_unexpected_end(member)
            case _State.DRAINING:
                log.info("worker process %d has been replaced", worker.pid)

    def act(self) -> None:
        """Do what is due."""
        now = self.now()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            for one in self._members:
                log.error("worker process %d did not stop in time: it is killed", one.worker.pid)
                one.worker.kill()
        for slot in [slot for slot, time in self._due.items() if now >= time]:
            del self._due[slot]
            self._start(slot)
        if self._to_replace and not self._is_changing():
            self._start(self._to_replace.pop(0))

    def _start(self, slot: int) -> None:
        self._members.append(_Member(self.start(slot), slot, self.now()))

    def _member(self, worker: Worker) -> _Member:
        [member] = [one for one in self._members if one.worker is worker]
        return member

    def _is_changing(self) -> bool:
        """Return whether a worker is being started or drained."""
        return bool(self._due) or any(one.state is not _State.ANSWERING for one in self._members)

    def _mark_answering(self, member: _Member) -> None:
        """Mark a worker as answering, and drain its predecessor."""
        for former in self._answering_in(member.slot):
            former.state = _State.DRAINING
            former.worker.send(Drain())
        member.state = _State.ANSWERING
        log.info("worker process %d answers requests", member.worker.pid)
        self.is_ready = self.is_ready or len([*self._answering()]) == self.slots
        self._report_ended()

    def _handle_failed_start(self, member: _Member) -> None:
        reason = member.reason or (
            f"A worker ended while it was starting ({member.worker.ending}). The lines before "
            "this one say why."
        )
        if not self.is_ready:
            self.failure = self.failure or reason
            self.stop()
            return
        log.error("a worker could not start: %s", reason)
        if [*self._answering_in(member.slot)]:
            log.error("the former workers go on; send SIGHUP again once the cause is gone")
            self._to_replace.clear()
            return
        self._replace(member)

    def _handle_unexpected_end(self, member: _Member) -> None:
        pid, ending = member.worker.pid, member.worker.ending
        log.error("worker process %d ended unexpectedly (%s): it is replaced", pid, ending)
        has_successor = any(one.slot == member.slot for one in self._starting())
        if not has_successor:
            self._replace(member)

    def _replace(self, member: _Member) -> None:
        """Start another worker in a slot: at once, unless workers end there one after the other."""
        slot, now = member.slot, self.now()
        is_early = now - member.started_at < _STABLE_SECONDS
        failures = self._failures.get(slot, 0) + 1 if is_early else 0
        self._failures[slot] = failures
        pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE) if failures else 0.0
        self._due[slot] = now + pause

    def _report_ended(self) -> None:
        """Have a worker take over the work of those that have ended."""
        for one in self._answering():
            for worker in self._ended:
                one.report(worker, self.now())
            self._ended.clear()
            return

    def _answering(self) -> Iterator[_Member]:
        return (one for one in self._members if one.state is _State.ANSWERING)

    def _answering_in(self, slot: int) -> Sequence[_Member]:
        return [one for one in self._answering() if one.slot == slot]

    def _starting(self) -> Iterator[_Member]:
        return (one for one in self._members if one.state is _State.STARTING)
