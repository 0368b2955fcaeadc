"""A child process that reads what may be hostile, as the server sees it."""

import logging
import math
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from stageproxy.store.inspection_child import READY, memory_of
from stageproxy.store.inspection_messages import LONGEST_ANSWER

_MIB = 2**20
_START_SECONDS = 30
_GLANCE_SECONDS = 0.1
_PIECE = 2**16
_LAST_PIECE = _MIB
"""Python allocates this much memory at once; if that fails, nearly none is left."""
_PASSED_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME")
"""Without these, some Pythons do not start."""


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """How much time and memory one question may take, and how many are answered at once.

    Some uploaders wait ten seconds for an answer, which `seconds` and `rule_seconds` leave
    room for. The essential contents of an archive may take `seconds` from when reading
    begins; everything else, from when the file arrived, but at least a fifth of it. The
    rules, and all other questions, have `rule_seconds`. `memory` is in bytes, in addition
    to that of an idle process. A question waits `patience` seconds for its turn. `niceness` is
    how much the processes give way to others, 0 to 19.
    """

    seconds: float = 5
    rule_seconds: float = 3
    patience: float = 60
    memory: int = 128 * _MIB
    at_once: int = 4
    questions_per_process: int = 1000
    niceness: int = 0


class InspectionNotPossibleError(Exception):
    """No process could be started; no file is at fault."""


class InspectionFailedError(Exception):
    """A question was not answered completely; *detail* is for the log."""

    def __init__(self, detail: str, *, level: int = logging.WARNING) -> None:
        super().__init__(detail)
        self.level = level


class InspectionLimitError(InspectionFailedError):
    """A question exceeds a *limit*, such as `2 seconds`; what was answered before is valid."""

    def __init__(self, detail: str, limit: str) -> None:
        super().__init__(detail)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How many *seconds* something may take, and when they are over."""

    seconds: float
    until: float

    @classmethod
    def from_now(cls, seconds: float) -> Self:
        """Return the limit of what begins now."""
        return cls(seconds, time.monotonic() + seconds)


class InspectionProcess:
    """A child process that answers one question after another, as its calling thread sees it."""

    def __init__(self, limits: InspectionLimits) -> None:
        self.questions = 0
        self._received = bytearray()
        self._limits = limits
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-m", "stageproxy.store.inspection_child"),
                str(limits.memory),
                str(math.ceil(max(limits.seconds, limits.rule_seconds))),
                str(limits.niceness),
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
        self._input, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._input_ready = select.poll()
        self._input_ready.register(self._input, select.POLLOUT)
        self._output_ready = select.poll()
        self._output_ready.register(self._answers, select.POLLIN)

    @property
    def is_silent(self) -> bool:
        """Whether it is alive and waits for a question."""
        return not self._received and not self._output_ready.poll(0)

    @property
    def is_full(self) -> bool:
        """Whether it has nearly reached its limit of memory, where the system reports that."""
        with suppress(OSError):
            memory = memory_of(self._process.pid)
            most, _ = resource.prlimit(self._process.pid, resource.RLIMIT_AS)
            return most != resource.RLIM_INFINITY and most - memory < _LAST_PIECE
        return False

    def ask(self, question: bytes, limit: TimeLimit) -> None:
        """Send it a question, a line. It reads a long one in pieces, and may not read at all."""
        self.questions += 1
        left = memoryview(question)
        try:
            while left:
                if self._is_ready(self._input_ready, limit):
                    left = left[os.write(self._input.fileno(), left) :]
        except BrokenPipeError as error:
            raise self._ended() from error

    def listen(self, limit: TimeLimit) -> bytes:
        """Return its next line."""
        while b"\n" not in self._received[-_PIECE:]:
            if not self._is_ready(self._output_ready, limit):
                continue
            piece = os.read(self._answers.fileno(), _PIECE)
            self._received += piece
            if not piece:
                raise self._ended()
            if len(self._received) > LONGEST_ANSWER:
                raise InspectionFailedError("the answer is too long")
        line, _, self._received = self._received.partition(b"\n")
        return bytes(line)

    def _is_ready(self, pipe: select.poll, limit: TimeLimit) -> bool:
        """Wait for a pipe for a moment. Raise if it is not ready and a limit is exceeded."""
        wait = min(limit.until - time.monotonic(), _GLANCE_SECONDS)
        if pipe.poll(max(0, wait) * 1000):
            return True
        self._check_silence(limit)
        return False

    def _check_silence(self, limit: TimeLimit) -> None:
        """Raise if it has no memory left, or no time.

        Up to 3.13, a Python without memory can loop forever instead of raising
        MemoryError: python/cpython#132508.
        """
        if self.is_full:
            raise out_of_memory("no answer, and no memory is left", self._limits)
        if time.monotonic() >= limit.until:
            raise InspectionLimitError("no answer in time", f"{limit.seconds:g} seconds")

    def _ended(self) -> InspectionFailedError:
        # It has closed its output, and so is ending or useless.
        self._process.kill()
        return InspectionFailedError(f"the process ended with {self._process.wait()}")

    def kill(self) -> None:
        """Kill it while another thread waits for it; that thread then sees it end."""
        self._process.kill()

    def end(self) -> None:
        """Kill it and wait for its end."""
        with self._process:
            self._process.kill()


def start_process(limits: InspectionLimits) -> InspectionProcess:
    """Return a process that is ready. Raise `InspectionNotPossibleError` if it is not in time."""
    worker = InspectionProcess(limits)
    try:
        if worker.listen(TimeLimit.from_now(_START_SECONDS)) == READY.strip():
            return worker
        reason = "it did not report that it is ready"
    except InspectionFailedError as error:
        reason = str(error)
    worker.end()
    raise InspectionNotPossibleError(f"The process that reads uploads did not start: {reason}.")


def _environment() -> Mapping[str, str]:
    """Return the variables that the process needs, without the server's secrets."""
    passed = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
    return {**passed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def out_of_memory(detail: str, limits: InspectionLimits) -> InspectionLimitError:
    """Return the failure of a question that takes more memory than allowed."""
    return InspectionLimitError(detail, f"{limits.memory // _MIB} MiB of memory")


def outcome_of(failure: InspectionFailedError | None) -> str:
    """Return how a question ended, for counting."""
    if failure is None:
        return "answered"
    return "over-limit" if isinstance(failure, InspectionLimitError) else "failed"
