"""A child process that reads archives, as the server sees it."""

import json
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
from pathlib import Path

from stageproxy.store.inspection_worker import READY, memory_of

_MIB = 2**20
_START_SECONDS = 30
_GLANCE_SECONDS = 0.1
_PIECE = 2**16
_LONGEST_ANSWER = 16 * _MIB
_LAST_PIECE = _MIB
"""Python allocates this much memory at once; if that fails, nearly none is left."""
_PASSED_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME")
"""Without these, some Pythons do not start."""


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """How much time and memory one file may take, and how many are read at once.

    Some uploaders wait ten seconds for an answer, which `seconds` leaves room
    for. The essential contents may take that long from when reading begins;
    everything else, from when the file arrived, but at least a fifth of it.
    `memory` is in bytes, in addition to that of an idle process.
    """

    seconds: float = 5
    memory: int = 128 * _MIB
    at_once: int = 4
    files_per_process: int = 500


class InspectionNotPossibleError(Exception):
    """No process could be started; no file is at fault."""


class InspectionFailedError(Exception):
    """A file was not read: *detail* is for the log, `reason` for the client."""

    reason = "File cannot be read"

    def __init__(self, detail: str, *, level: int = logging.WARNING) -> None:
        super().__init__(detail)
        self.level = level


class InspectionLimitError(InspectionFailedError):
    """A file exceeds a limit; what was read before is valid."""

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class InspectionProcess:
    """A child process that reads one file after another, as its calling thread sees it."""

    def __init__(self, limits: InspectionLimits) -> None:
        self.files = 0
        self._received = bytearray()
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
        self._output_ready = select.poll()
        self._output_ready.register(self._answers, select.POLLIN)

    @property
    def is_silent(self) -> bool:
        """Whether it is alive and waits for a file."""
        return not self._received and not self._output_ready.poll(0)

    @property
    def is_full(self) -> bool:
        """Whether it has nearly reached its limit of memory, where the system reports that."""
        with suppress(OSError):
            memory = memory_of(self._process.pid)
            most, _ = resource.prlimit(self._process.pid, resource.RLIMIT_AS)
            return most != resource.RLIM_INFINITY and most - memory < _LAST_PIECE
        return False

    def ask(self, path: Path, filename: str) -> None:
        """Send it a file to read."""
        self.files += 1
        try:
            self._questions.write(json.dumps([str(path), filename]).encode() + b"\n")
        except BrokenPipeError as error:
            raise self._ended() from error

    def listen(self, until: float) -> bytes:
        """Return its next line; *until* is the deadline."""
        while b"\n" not in self._received[-_PIECE:]:
            wait = min(until - time.monotonic(), _GLANCE_SECONDS)
            if not self._output_ready.poll(max(0, wait) * 1000):
                self._check_silence(until)
                continue
            piece = os.read(self._answers.fileno(), _PIECE)
            self._received += piece
            if not piece:
                raise self._ended()
            if len(self._received) > _LONGEST_ANSWER:
                raise InspectionFailedError("the answer is too long")
        line, _, self._received = self._received.partition(b"\n")
        return bytes(line)

    def _check_silence(self, until: float) -> None:
        """Raise if it has no memory left, or no time.

        Up to 3.13, a Python without memory can loop forever instead of raising
        MemoryError: python/cpython#132508.
        """
        if self.is_full:
            raise out_of_memory("no answer, and no memory is left", self._limits)
        if time.monotonic() >= until:
            seconds = f"{self._limits.seconds:g} seconds"
            raise InspectionLimitError(
                "no answer in time", f"File takes more than {seconds} to read"
            )

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
        if worker.listen(time.monotonic() + _START_SECONDS) == READY.strip():
            return worker
        reason = "it did not report that it is ready"
    except InspectionFailedError as error:
        reason = str(error)
    worker.end()
    raise InspectionNotPossibleError(f"The process that reads archives did not start: {reason}.")


def _environment() -> Mapping[str, str]:
    """Return the variables that the process needs, without the server's secrets."""
    passed = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
    return {**passed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def out_of_memory(detail: str, limits: InspectionLimits) -> InspectionLimitError:
    """Return the failure of a file that takes more memory than allowed."""
    memory = f"{limits.memory // _MIB} MiB of memory"
    return InspectionLimitError(detail, f"File takes more than {memory} to read")
