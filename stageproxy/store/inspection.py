"""Archives read in child processes with limits of time and memory."""

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.store.inspection_process import (
    InspectionFailedError,
    InspectionLimitError,
    InspectionLimits,
    InspectionNotPossibleError,
    InspectionProcess,
    out_of_memory,
    start_process,
)

log = logging.getLogger(__name__)

_MIB = 2**20
_MOST_ANSWERS = 10
_CERTAIN_SHARE = 1 / 5
_LIMITS = InspectionLimits()


class _Answer(BaseModel):
    """An answer of a process that has read hostile bytes, which is validated like any input."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64")

    contents: Contents | None = None
    is_all: bool = False
    fault: str = Field("", max_length=200)


class Inspection:
    """Reads archives, each in a child process with limits.

    Idle processes wait for their next file. If a process fails, only the file
    that it was reading is refused; the next file gets another process.
    """

    def __init__(self, limits: InspectionLimits = _LIMITS) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="inspection")
        self._idle: list[InspectionProcess] = []
        self._busy: set[InspectionProcess] = set()

    def __enter__(self) -> Self:
        """Start a process in the background, so that the first file does not wait for it."""
        self._threads.submit(self._warm_up)
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, also those that are reading a file."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in tuple(self._busy):
            worker.kill()
        self._threads.shutdown(wait=True)
        while self._idle:
            self._idle.pop().end()

    async def read_contents(self, path: Path, name: DistributionName) -> Contents:
        """Return the contents of the archive at *path*; a failure is one of its problems."""
        loop = asyncio.get_running_loop()
        arrived = time.monotonic()
        return await loop.run_in_executor(self._threads, self._read, path, name, arrived)

    def _read(self, path: Path, name: DistributionName, arrived: float) -> Contents:
        known: list[Contents] = []
        try:
            with self._worker() as worker:
                self._ask(worker, path, name, arrived, known)
        except InspectionFailedError as error:
            is_enough = known and isinstance(error, InspectionLimitError)
            extent = "read completely" if is_enough else "read"
            log.log(error.level, "%r was not %s: %s", name.filename, extent, error)
            if not is_enough:
                return Contents(problems=(f"Invalid distribution file. {error.reason}",))
        return known[-1]

    def _ask(
        self,
        worker: "InspectionProcess",
        path: Path,
        name: DistributionName,
        arrived: float,
        known: list[Contents],
    ) -> None:
        """Add the answers of a process about a file to *known*."""
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
            until = max(arrived + seconds, began + seconds * _CERTAIN_SHARE)
        raise InspectionFailedError("the answers are invalid", level=logging.ERROR)

    @contextmanager
    def _worker(self) -> Iterator["InspectionProcess"]:
        """Lend a process; it is reused only after a file that was read without a failure."""
        worker = self._idle_or_new()
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

    def _idle_or_new(self) -> "InspectionProcess":
        while self._idle:
            worker = self._idle.pop()
            if worker.is_silent:
                return worker
            worker.end()
        return start_process(self._limits)

    def _warm_up(self) -> None:
        try:
            self._idle.append(start_process(self._limits))
        except (InspectionNotPossibleError, OSError):
            log.exception("archives cannot be read; each upload tries again")


def _contents_in(line: bytes, limits: InspectionLimits) -> Contents | None:
    """Return the contents in a line, or `None` if there are no more."""
    try:
        answer = _Answer.model_validate_json(line)
    except ValidationError as error:
        raise InspectionFailedError("the answer is invalid", level=logging.ERROR) from error
    if answer.contents is not None or answer.is_all:
        return answer.contents
    if answer.fault.startswith("MemoryError"):
        raise out_of_memory(answer.fault, limits)
    is_bug = not answer.fault.startswith("FileNotFoundError")  # the client went away
    raise InspectionFailedError(
        repr(answer.fault), level=logging.ERROR if is_bug else logging.WARNING
    )
