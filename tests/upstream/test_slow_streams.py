"""Responses that arrive slowly: cut off by their rate and their time, not by silence alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from stageproxy.core.errors import UpstreamSlowError
from stageproxy.upstream.responses import StreamedResponse, StreamLimits

LONG = 100_000
LIMITS = StreamLimits(total_timeout=timedelta(hours=1), min_rate=1000)


@dataclass(slots=True)
class Sender:
    """An upstream that sends chunks of a *size* every few *seconds*, by its own clock."""

    size: int
    seconds: float
    now: float = 0

    def response(self, limits: StreamLimits = LIMITS) -> StreamedResponse:
        """Return a response that never ends."""
        return StreamedResponse(200, {}, "index.example", self._sent(), limits, lambda: self.now)

    async def _sent(self) -> AsyncIterator[bytes]:
        while True:
            self.now += self.seconds
            yield bytes(self.size)


async def read(sender: Sender, limits: StreamLimits = LIMITS, *, pause: float = 0) -> str:
    """Read until upstream is cut off; return the reason. The reader pauses after each chunk."""
    try:
        async for _ in sender.response(limits).chunks():
            sender.now += pause
            assert sender.now < LONG
    except UpstreamSlowError as error:
        return error.sentence
    raise AssertionError("the response has no end")


async def test_drip() -> None:
    """A byte a second is cut off after a minute, however steady it is."""
    sender = Sender(size=1, seconds=1)

    assert await read(sender) == (
        "index.example sends too slowly: fewer than 1000 bytes a second arrived for 60 seconds."
    )
    assert sender.now == 60


async def test_response_without_an_end() -> None:
    """A response that is fast and never ends is cut off after the time that a file may take."""
    sender = Sender(size=10_000, seconds=1)

    assert await read(sender) == "The response of index.example takes longer than 1h."
    assert sender.now == 3601


async def test_slow_reader() -> None:
    """The time in which the reader does not read is not upstream's, but counts in all."""
    sender = Sender(size=1000, seconds=0.5)

    assert await read(sender, pause=50) == "The response of index.example takes longer than 1h."


async def test_no_rate() -> None:
    """A rate of 0 is no limit."""
    limits = StreamLimits(total_timeout=timedelta(hours=1), min_rate=0)

    assert await read(Sender(size=1, seconds=9), limits) == (
        "The response of index.example takes longer than 1h."
    )
