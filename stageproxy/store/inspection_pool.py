"""The processes that answer questions about what may be hostile, and who is next."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from pydantic import ValidationError

from stageproxy.core.errors import NoTurnError
from stageproxy.store.inspection_messages import Answer, encoded
from stageproxy.store.inspection_process import (
    InspectionFailedError,
    InspectionLimits,
    InspectionNotPossibleError,
    InspectionProcess,
    TimeLimit,
    out_of_memory,
    start_process,
)
from stageproxy.store.turns import Turns

log = logging.getLogger(__name__)

_MOST_ANSWERS = 10

NextLimit = Callable[[float, float, int], TimeLimit]
"""The limit of an answer, by when its question arrived and began, and how many came before."""


@dataclass(slots=True)
class Dialogue:
    """What a process answered, and the failure that ended it early, if any."""

    answers: list[Answer] = field(default_factory=list)
    failure: InspectionFailedError | None = None
    waited: float = 0


class InspectionPool:
    """Lends processes to questions, by turns.

    Idle processes wait for their next question. If one fails, only the question that
    it had is not answered; the next one gets another process. *show_waiting* is called
    with the number of questions that wait, whenever it changes.
    """

    def __init__(self, limits: InspectionLimits, show_waiting: Callable[[int], None]) -> None:
        self._limits = limits
        self._show_waiting = show_waiting
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="inspection")
        self._turns: Turns[asyncio.Future[None]] = Turns(limits.at_once)
        self._idle: list[InspectionProcess] = []
        self._busy: set[InspectionProcess] = set()
        self._is_closed = False

    def open(self) -> None:
        """Start a process in the background, so that the first question does not wait for it."""
        self._threads.submit(self._warm_up)

    def close(self) -> None:
        """End all processes, also those that are answering."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in tuple(self._busy):
            process.kill()
        self._threads.shutdown(wait=True)
        self._end_idle()

    def rest(self) -> None:
        """End the processes that have nothing to do, in the background."""
        if not self._is_closed:
            self._threads.submit(self._end_idle)

    async def ask(
        self, question: Mapping[str, object], asker: str, next_limit: NextLimit
    ) -> Dialogue:
        """Return what a process answers once it is the turn of the asker."""
        arrived = time.monotonic()
        await self._turn(asker)
        loop, waited = asyncio.get_running_loop(), time.monotonic() - arrived

        def free(_: Future[Dialogue]) -> None:
            # A thread goes on if its caller is cancelled: the place is free when it is done.
            loop.call_soon_threadsafe(self._end_turn, asker)

        job = self._threads.submit(self._talk, question, arrived, next_limit)
        job.add_done_callback(free)
        dialogue = await asyncio.wrap_future(job)
        dialogue.waited = waited
        return dialogue

    async def _turn(self, asker: str) -> None:
        """Wait for the turn of an asker. Raise `NoTurnError` if it takes too long."""
        turn = asyncio.get_running_loop().create_future()
        has_come = False
        self._turns.wait(asker, turn)
        self._admit()
        try:
            async with asyncio.timeout(self._limits.patience):
                await turn
            has_come = True
        except TimeoutError as error:
            raise NoTurnError from error
        finally:
            if not has_come:
                self._give_up(asker, turn)

    def _give_up(self, asker: str, turn: asyncio.Future[None]) -> None:
        """Wait no longer for a turn, which may have come at the same moment."""
        if turn.done() and not turn.cancelled():
            self._end_turn(asker)
        else:
            self._turns.withdraw(asker, turn)
            self._show_waiting(len(self._turns))

    def _admit(self) -> None:
        """Give free places to those whose turn it is."""
        while found := self._turns.next():
            asker, turn = found
            if turn.done():
                self._turns.end(asker)
            else:
                turn.set_result(None)
        self._show_waiting(len(self._turns))

    def _end_turn(self, asker: str) -> None:
        self._turns.end(asker)
        self._admit()

    def _talk(
        self, question: Mapping[str, object], arrived: float, next_limit: NextLimit
    ) -> Dialogue:
        dialogue, kind = Dialogue(), str(question["kind"])
        try:
            with self._process() as process:
                began = time.monotonic()
                process.ask(encoded(question), next_limit(arrived, began, 0))
                for number in count():
                    answer = self._read(process.listen(next_limit(arrived, began, number)))
                    _check(answer, dialogue, kind)
                    if answer.is_all:
                        break
                    dialogue.answers.append(answer)
        except InspectionFailedError as error:
            dialogue.failure = error
        return dialogue

    def _read(self, line: bytes) -> Answer:
        """Return an answer. Raise if it is a failure, or not valid."""
        try:
            answer = Answer.model_validate_json(line)
        except ValidationError as error:
            raise InspectionFailedError("the answer is invalid", level=logging.ERROR) from error
        if not answer.fault:
            return answer
        if answer.fault.startswith("MemoryError"):
            raise out_of_memory(answer.fault, self._limits)
        is_bug = not answer.fault.startswith("FileNotFoundError")  # the client went away
        raise InspectionFailedError(
            repr(answer.fault), level=logging.ERROR if is_bug else logging.WARNING
        )

    @contextmanager
    def _process(self) -> Iterator[InspectionProcess]:
        """Lend a process; it is reused only after a question that was answered completely."""
        process = self._idle_or_new()
        self._busy.add(process)
        if self._is_closed:  # it was started meanwhile
            process.kill()
        is_fit = False
        try:
            yield process
            is_fit = process.questions < self._limits.questions_per_process and not process.is_full
        finally:
            self._busy.discard(process)
            if is_fit:
                self._idle.append(process)
            else:
                process.end()

    def _idle_or_new(self) -> InspectionProcess:
        # Several threads look: one that was there may have been taken meanwhile.
        while (process := self._take_idle()) is not None:
            if process.is_silent:
                return process
            process.end()
        return start_process(self._limits)

    def _take_idle(self) -> InspectionProcess | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _end_idle(self) -> None:
        while (process := self._take_idle()) is not None:
            process.end()

    def _warm_up(self) -> None:
        try:
            self._idle.append(start_process(self._limits))
        except (InspectionNotPossibleError, OSError):
            log.exception("uploads cannot be checked; each of them tries again")


def _check(answer: Answer, dialogue: Dialogue, kind: str) -> None:
    """Raise if this cannot be the next answer to a question."""
    so_far = len(dialogue.answers)
    is_next = so_far > 0 if answer.is_all else answer.kind == kind and so_far < _MOST_ANSWERS
    if not is_next:
        raise InspectionFailedError("the answers are invalid", level=logging.ERROR)
