"""Here is how archives are looked into: by processes that may take little and may end badly."""

import asyncio
import json
import logging
import math
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.store.inspection_worker import READY, memory_of

log = logging.getLogger(__name__)

_MIB = 2**20
_LONGEST_ANSWER = 16 * _MIB
_START_SECONDS = 30
_GLANCE_SECONDS = 0.1
_PIECE = 2**16
_MOST_ANSWERS = 10
_CERTAIN_SHARE = 1 / 5
_LAST_PIECE = _MIB
"""Python asks the system for this much memory at once; where that fails, nearly none is left."""
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME")
"""Without these, some Pythons do not start."""


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """What one file may take, and how many are looked into at once.

    Some uploaders wait ten seconds for an answer: `seconds` leaves room for
    the rest. The essential may take as long from when the file's turn comes;
    all that goes beyond it, from when the file came, but a fifth in any case:
    however many wait, it is soon everybody's turn. `memory` is in bytes and
    counts from what an idle process takes.
    """

    seconds: float = 5
    memory: int = 128 * _MIB
    at_once: int = 4
    files_per_process: int = 500


class _Answer(BaseModel):
    """What a process that has read hostile bytes says: nothing of it is taken on trust."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64")

    contents: Contents | None = None
    is_all: bool = False
    fault: str = Field("", max_length=200)


class InspectionNotPossibleError(Exception):
    """No process could be started, which is no fault of any file."""


class _FailedError(Exception):
    """A file was not read: *detail* is for the log, `reason` for who sent it."""

    reason = "File cannot be read"

    def __init__(self, detail: str, *, level: int = logging.WARNING) -> None:
        super().__init__(detail)
        self.level = level


class _LimitError(_FailedError):
    """A file takes more than it may: what is known of it by then is good."""

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Inspection:
    """Looks into archives, each in a process and within limits.

    Processes wait for their next file. Whatever becomes of one, only the file
    that it had is refused, and the next file gets another.
    """

    def __init__(self, limits: InspectionLimits = InspectionLimits()) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="inspection")
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def __enter__(self) -> Self:
        """Start a process in the background, so that the first file does not wait for it."""
        self._threads.submit(self._warm_up)
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes; files that are being looked into are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in tuple(self._busy):
            worker.kill()
        self._threads.shutdown(wait=True)
        while self._idle:
            self._idle.pop().end()

    async def read_contents(self, path: Path, name: DistributionName) -> Contents:
        """Return what stands in the archive at *path*; that it cannot be read is a problem."""
        loop = asyncio.get_running_loop()
        came = time.monotonic()
        return await loop.run_in_executor(self._threads, self._read, path, name, came)

    def _read(self, path: Path, name: DistributionName, came: float) -> Contents:
        known: list[Contents] = []
        try:
            with self._worker() as worker:
                self._ask(worker, path, name, came, known)
        except _FailedError as error:
            is_enough = known and isinstance(error, _LimitError)
            looked = "looked into to its end" if is_enough else "looked into"
            log.log(error.level, "%r was not %s: %s", name.filename, looked, error)
            if not is_enough:
                return Contents(problems=(f"Invalid distribution file. {error.reason}",))
        return known[-1]

    def _ask(
        self,
        worker: "_Worker",
        path: Path,
        name: DistributionName,
        came: float,
        known: list[Contents],
    ) -> None:
        """Add all that a process says of a file to what is *known* of it."""
        began, seconds = time.monotonic(), self._limits.seconds
        worker.ask(path, name.filename)
        until = began + seconds
        for _ in range(_MOST_ANSWERS):
            contents = _contents_in(worker.listen(until), self._limits)
            if contents is None and known:
                return
            if contents is None:
                break
            known.append(contents)
            until = max(came + seconds, began + seconds * _CERTAIN_SHARE)
        raise _FailedError("the answers make no sense", level=logging.ERROR)

    @contextmanager
    def _worker(self) -> Iterator["_Worker"]:
        """Lend a process; it comes back only from a file that ended well."""
        worker = self._take()
        self._busy.add(worker)
        try:
            yield worker
            is_fit = worker.files < self._limits.files_per_process and not worker.is_full
        except BaseException:
            is_fit = False
            raise
        finally:
            self._busy.discard(worker)
            if is_fit:
                self._idle.append(worker)
            else:
                worker.end()

    def _take(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.is_silent:
                return worker
            worker.end()
        return _started(self._limits)

    def _warm_up(self) -> None:
        try:
            self._idle.append(_started(self._limits))
        except (InspectionNotPossibleError, OSError):
            log.exception("no archive can be looked into; each upload tries again")


class _Worker:
    """A process that looks into one file after another, as seen from the thread that asks it."""

    def __init__(self, limits: InspectionLimits) -> None:
        self.files = 0
        self._heard = bytearray()
        self._limits = limits
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-m", "stageproxy.store.inspection_worker"),
                *(str(limits.memory), str(math.ceil(limits.seconds))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self._said = select.poll()
        self._said.register(self._answers, select.POLLIN)

    @property
    def is_silent(self) -> bool:
        """Say whether it waits: it is alive, and says nothing that nobody asked for."""
        return not self._heard and not self._said.poll(0)

    @property
    def is_full(self) -> bool:
        """Say whether it has nearly all the memory that it may have, where the system tells."""
        with suppress(OSError):
            memory = memory_of(self._process.pid)
            most, _ = resource.prlimit(self._process.pid, resource.RLIMIT_AS)
            return most != resource.RLIM_INFINITY and most - memory < _LAST_PIECE
        return False

    def ask(self, path: Path, filename: str) -> None:
        """Give it a file to look into."""
        self.files += 1
        try:
            self._questions.write(json.dumps([str(path), filename]).encode() + b"\n")
        except BrokenPipeError as error:
            raise self._ended() from error

    def listen(self, until: float) -> bytes:
        """Return the next line that it says; *until* is when that is too late."""
        while b"\n" not in self._heard[-_PIECE:]:
            wait = min(until - time.monotonic(), _GLANCE_SECONDS)
            if not self._said.poll(max(0, wait) * 1000):
                self._check_silence(until)
                continue
            piece = os.read(self._answers.fileno(), _PIECE)
            self._heard += piece
            if not piece:
                raise self._ended()
            if len(self._heard) > _LONGEST_ANSWER:
                raise _FailedError("the answer has no end")
        line, _, self._heard = self._heard.partition(b"\n")
        return bytes(line)

    def _check_silence(self, until: float) -> None:
        """Raise if it may not be silent any longer.

        Up to 3.13, a Python without any memory can stay in a loop for ever
        instead of raising a MemoryError: python/cpython#132508.
        """
        if self.is_full:
            raise _out_of_memory("no answer, and no memory is left", self._limits)
        if time.monotonic() >= until:
            seconds = f"{self._limits.seconds:g} seconds"
            raise _LimitError("no answer in time", f"File takes more than {seconds} to read")

    def _ended(self) -> _FailedError:
        # It has closed its side, and so is about to end or of no use any more.
        self._process.kill()
        return _FailedError(f"the process ended with {self._process.wait()}")

    def kill(self) -> None:
        """End it while another thread listens to it: that one hears the end."""
        self._process.kill()

    def end(self) -> None:
        """End it, and leave nothing of it."""
        with self._process:
            self._process.kill()


def _started(limits: InspectionLimits) -> _Worker:
    worker = _Worker(limits)
    try:
        if worker.listen(time.monotonic() + _START_SECONDS) == READY.strip():
            return worker
        reason = "it does not say that it is ready"
    except _FailedError as error:
        reason = str(error)
    worker.end()
    raise InspectionNotPossibleError(f"The process for archives did not start: {reason}.")


def _environment() -> Mapping[str, str]:
    """Return what the process needs to find our modules, and none of the server's secrets."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _contents_in(line: bytes, limits: InspectionLimits) -> Contents | None:
    """Return what a line says of a file, or nothing if that was all."""
    try:
        answer = _Answer.model_validate_json(line)
    except ValidationError as error:
        raise _FailedError("the answer makes no sense", level=logging.ERROR) from error
    if answer.contents is not None or answer.is_all:
        return answer.contents
    if answer.fault.startswith("MemoryError"):
        raise _out_of_memory(answer.fault, limits)
    is_bug = not answer.fault.startswith("FileNotFoundError")  # the client went away
    raise _FailedError(repr(answer.fault), level=logging.ERROR if is_bug else logging.WARNING)


def _out_of_memory(detail: str, limits: InspectionLimits) -> _LimitError:
    memory = f"{limits.memory // _MIB} MiB of memory"
    return _LimitError(detail, f"File takes more than {memory} to read")
