"""How requests learn the present, which their prepared answers depend on, from a catalogue."""

import asyncio
from asyncio import Future
from datetime import UTC, datetime

import pytest

from stageproxy.core.errors import FailedDatabaseError
from stageproxy.web.serving.prepared import Present, PresentReader

NOW = datetime(2026, 12, 1, tzinfo=UTC)


class AskedCatalogue:
    """A catalogue that several servers share, with the question that is open."""

    def __init__(self) -> None:
        self.questions: list[Future[int]] = []

    def state(self) -> int | None:
        """Return that the state is not known."""
        return None

    def ask_state(self) -> Future[int]:
        """Return the question that is open."""
        if not self.questions or self.questions[-1].done():
            self.questions.append(asyncio.get_running_loop().create_future())
        return self.questions[-1]


class Waiting:
    """Requests that have asked for the present, and what they were told."""

    def __init__(self) -> None:
        self.catalogue = AskedCatalogue()
        self.told: list[Present | None] = []
        self._reader = PresentReader(self.catalogue, lambda: 3, lambda: 4.0, lambda: NOW)  # type: ignore[arg-type] # nothing else of it is used

    def ask(self, count: int) -> None:
        """Let so many requests ask."""
        for _ in range(count):
            self._reader.ask(self.told.append)

    def ask_and_fail(self) -> None:
        """Let a request ask that cannot be answered."""

        def fail(_: Present | None) -> None:
            raise RuntimeError("a fault of the test")

        self._reader.ask(fail)


async def test_requests_share_a_question() -> None:
    """All who ask before there is an answer are told it; who asks then begins another question."""
    waiting = Waiting()
    waiting.ask(3)
    waiting.catalogue.questions[0].set_result(7)
    waiting.ask(1)
    await asyncio.sleep(0)

    assert waiting.told == [Present((7, 3), 4.0, NOW)] * 3

    waiting.catalogue.questions[1].set_result(8)
    await asyncio.sleep(0)

    assert waiting.told[3:] == [Present((8, 3), 4.0, NOW)]


async def test_catalogue_that_fails() -> None:
    """If the catalogue does not answer, nobody is told a state."""
    waiting = Waiting()
    waiting.ask(2)
    waiting.catalogue.questions[0].set_exception(FailedDatabaseError())
    await asyncio.sleep(0)

    assert waiting.told == [None, None]


async def test_request_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A request that cannot be answered does not stop those that share its question."""
    waiting = Waiting()
    waiting.ask(1)
    waiting.ask_and_fail()
    waiting.ask(1)
    waiting.catalogue.questions[0].set_result(7)
    await asyncio.sleep(0)

    assert len(waiting.told) == 2
    assert "a fault of the test" in caplog.text
