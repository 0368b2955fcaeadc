"""A worker as its supervisor sees it: a process, and messages in both directions.

A worker is a fork of the supervisor, which has everything imported and has one thread, so that a
worker starts in some milliseconds. It ends with its supervisor: it reads from a
pipe that is never written to, and whose other end only the supervisor has.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

_FORK = multiprocessing.get_context("fork")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that a supervisor handles."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker answers requests."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker cannot start; the reason is a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drain:
    """A worker is to accept no more connections, and to end once its clients have left."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Another worker has ended: what it did is to be taken over."""

    worker: str


FromWorker = Ready | Failed
ToWorker = Drain | Ended
WorkerEnd = Connection
"""The end of the messages that a worker has: it sends `FromWorker` and receives `ToWorker`."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker process. *id* is that of the worker in leases."""

    id: str
    messages: Connection = field(repr=False)
    _process: ForkProcess

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes ready when the process ends."""
        return self._process.sentinel

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid or 0

    @property
    def ending(self) -> str:
        """How the process has ended, in words."""
        self._process.join()
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def receive(self) -> FromWorker | None:
        """Return the next message, `None` if there is none because the process has ended."""
        try:
            return self.messages.recv() if self.messages.poll() else None
        except (EOFError, OSError):
            return None

    def send(self, message: ToWorker) -> None:
        """Send a message. A worker that is about to end does not get it."""
        with suppress(OSError):
            self.messages.send(message)

    def stop(self) -> None:
        """Ask the process to end: running requests have their time."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process now."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Free what is left of a process that has ended."""
        self.messages.close()
        self._process.join()
        self._process.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def start_process(worker_id: str, run: Callable[[WorkerEnd], None]) -> WorkerProcess:
    """Start a process that runs *run* with its end of the messages."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_run, args=(run, ours, theirs), name=f"worker {worker_id}")
    # A signal that comes before the worker handles signals waits until it does.
    with _blocked():
        process.start()
    theirs.close()
    return WorkerProcess(worker_id, ours, process)


def accept_signals() -> None:
    """Let the signals through that waited for this worker."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _run(
    run: Callable[[WorkerEnd], None],
    ours: Connection,
    theirs: WorkerEnd,
) -> None:
    ours.close()
    signal.set_wakeup_fd(-1)
    # A terminal that hangs up is the supervisor's matter.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    run(theirs)


@contextmanager
def _blocked() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
