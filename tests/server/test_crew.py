"""Which workers are started, replaced and stopped, and when."""

from dataclasses import dataclass, field

import pytest

from stageproxy.server.crew import Crew
from stageproxy.server.worker_process import Drain, Ended, Failed, Ready, ToWorker


@dataclass(slots=True, eq=False)
class FakeWorker:
    """A worker process that does nothing."""

    id: str
    seat: int
    pid: int
    ending: str = "signal 9"
    told: list[ToWorker | str] = field(default_factory=list)

    def send(self, message: ToWorker) -> None:
        """Take note of a message."""
        self.told.append(message)

    def stop(self) -> None:
        """Take note of the end."""
        self.told.append("stop")

    def kill(self) -> None:
        """Take note of the violent end."""
        self.told.append("kill")


class Ship:
    """A crew with workers that tests end, and a clock that they set."""

    def __init__(self, seats: int = 2, *, are_ready: bool = True) -> None:
        self.time = 100.0
        self.started: list[FakeWorker] = []
        self.crew = Crew(seats, self._start, lambda: self.time)
        self.crew.begin()
        if are_ready:
            for worker in self.started:
                self.crew.receive(worker, Ready())

    def wait(self, seconds: float) -> list[FakeWorker]:
        """Let time pass, and return the workers that are started then."""
        known = len(self.started)
        self.time += seconds
        self.crew.act()
        return self.started[known:]

    def _start(self, seat: int) -> FakeWorker:
        number = len(self.started)
        worker = FakeWorker(f"w{number}", seat, 1000 + number)
        self.started.append(worker)
        return worker


def test_ready() -> None:
    """A server is ready once a worker on each seat is."""
    ship = Ship(are_ready=False)
    first, second = ship.started

    ship.crew.receive(first, Ready())
    assert not ship.crew.is_ready
    ship.crew.receive(second, Ready())
    assert ship.crew.is_ready


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([Failed("There is no room.")], "There is no room.", id="with its sentence"),
        pytest.param(
            [],
            "A worker ended while it was starting (signal 9). The lines before this one say why.",
            id="without a word",
        ),
    ],
)
def test_failed_start(said: list[Failed], expected: str) -> None:
    """If a worker cannot start at first, the others are stopped, and the server fails."""
    ship = Ship(are_ready=False)
    first, second = ship.started
    ship.crew.receive(first, Ready())
    for message in said:
        ship.crew.receive(second, message)
    ship.crew.end(second)
    ship.crew.end(first)

    assert first.told[-1] == "stop"
    assert ship.crew.is_over
    assert ship.crew.failure == expected
    assert ship.wait(3600) == []


def test_replaced_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that ends after a while is replaced on its seat at once, with one line."""
    ship = Ship()
    ship.wait(60)
    ship.crew.end(ship.started[1])

    assert [one.seat for one in ship.wait(0)] == [1]
    assert caplog.messages == ["worker process 1001 ended unexpectedly (signal 9): it is replaced"]


def test_growing_pause() -> None:
    """A worker that ends again and again is replaced after a pause that grows, to a limit."""
    ship = Ship()
    pauses = []
    for _ in range(9):
        [worker] = [one for one in ship.crew.workers if one.id == ship.started[-1].id]
        ship.crew.receive(worker, Ready())
        ship.crew.end(worker)
        assert ship.crew.next_at is not None
        pauses.append(ship.crew.next_at - ship.time)
        ship.wait(pauses[-1])

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, [Ended("w0"), Ended("w1")]), (60, [Ended("w1")])],
    ids=["at once", "later"],
)
def test_taking_over(seconds: float, expected: list[Ended]) -> None:
    """Of a worker that has ended, a living one is told, and no other one; if need be, later.

    One that ends soon after it was told had hardly the time to take over.
    """
    ship = Ship()
    first, second = ship.started
    ship.crew.end(first)
    ship.time += seconds
    ship.crew.end(second)
    third, _ = ship.wait(1)
    ship.crew.receive(third, Ready())

    assert second.told == [Ended("w0")]
    assert third.told == expected


def test_restart_one_by_one() -> None:
    """Workers are replaced one by one: the old one drains when the new one answers."""
    ship = Ship()
    first, second = ship.started
    ship.crew.restart()
    [third] = ship.wait(0)
    told_before = list(first.told)
    ship.crew.receive(third, Ready())
    none_meanwhile = ship.wait(5)
    ship.crew.end(first)
    [fourth] = ship.wait(0)
    ship.crew.receive(fourth, Ready())
    ship.crew.end(second)

    assert (third.seat, fourth.seat) == (0, 1)
    assert told_before == []
    assert first.told == [Drain()]
    assert none_meanwhile == []
    assert Drain() in second.told
    assert ship.wait(3600) == []


def test_restart_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """If a new worker cannot start, the former ones go on, and no other one is replaced."""
    ship = Ship()
    ship.crew.restart()
    [third] = ship.wait(0)
    ship.crew.receive(third, Failed("There is no room."))
    ship.crew.end(third)

    assert ship.wait(3600) == []
    assert [one.told for one in ship.started[:2]] == [[Ended("w2")], []]
    assert "a worker could not start: There is no room." in caplog.messages


def test_death_during_a_restart() -> None:
    """A worker that dies while its successor starts is not replaced twice."""
    ship = Ship()
    ship.wait(60)
    ship.crew.restart()
    [third] = ship.wait(0)
    ship.crew.end(ship.started[0])
    assert ship.wait(60) == []
    ship.crew.receive(third, Ready())

    assert [one.seat for one in ship.wait(0)] == [1]


def test_stop() -> None:
    """All workers are stopped, those that do not end are killed, and none is replaced."""
    ship = Ship()
    first, second = ship.started
    ship.crew.stop()
    ship.crew.end(first)
    ship.wait(44)
    told_in_time = list(second.told)
    ship.wait(1)
    ship.crew.end(second)

    assert told_in_time == ["stop"]
    assert second.told == ["stop", "kill"]
    assert ship.crew.is_over
    assert ship.wait(3600) == []
