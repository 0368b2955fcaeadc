"""Which workers are started, replaced and stopped, and when."""

from dataclasses import dataclass, field

import pytest

from stageproxy.server.worker_pool import WorkerPool
from stageproxy.server.worker_process import Drain, Ended, Failed, Ready, ToWorker


@dataclass(slots=True, eq=False)
class FakeWorker:
    """A worker process that does nothing."""

    id: str
    slot: int
    pid: int
    ending: str = "signal 9"
    messages: list[ToWorker | str] = field(default_factory=list)

    def send(self, message: ToWorker) -> None:
        """Record a message."""
        self.messages.append(message)

    def stop(self) -> None:
        """Record the request to end."""
        self.messages.append("stop")

    def kill(self) -> None:
        """Record the kill."""
        self.messages.append("kill")


class PoolRun:
    """A pool, its fake workers, and its clock."""

    def __init__(self, slots: int = 2, *, are_ready: bool = True) -> None:
        self.time = 100.0
        self.started: list[FakeWorker] = []
        self.pool = WorkerPool(slots, self._start, lambda: self.time)
        self.pool.begin()
        if are_ready:
            for worker in self.started:
                self.pool.receive(worker, Ready())

    def wait(self, seconds: float) -> list[FakeWorker]:
        """Let time pass, and return the workers that are started then."""
        known = len(self.started)
        self.time += seconds
        self.pool.act()
        return self.started[known:]

    def _start(self, slot: int) -> FakeWorker:
        number = len(self.started)
        worker = FakeWorker(f"w{number}", slot, 1000 + number)
        self.started.append(worker)
        return worker


def test_ready() -> None:
    """A server is ready once a worker in each slot is."""
    run = PoolRun(are_ready=False)
    first, second = run.started

    run.pool.receive(first, Ready())
    assert not run.pool.is_ready
    run.pool.receive(second, Ready())
    assert run.pool.is_ready


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([Failed("There is no room.")], "There is no room.", id="with a reason"),
        pytest.param(
            [],
            "A worker ended while it was starting (signal 9). The lines before this one say why.",
            id="without a reason",
        ),
    ],
)
def test_failed_start(messages: list[Failed], expected: str) -> None:
    """If a worker cannot start at first, the others are stopped, and the server fails."""
    run = PoolRun(are_ready=False)
    first, second = run.started
    run.pool.receive(first, Ready())
    for message in messages:
        run.pool.receive(second, message)
    run.pool.end(second)
    run.pool.end(first)

    assert first.messages[-1] == "stop"
    assert run.pool.is_over
    assert run.pool.failure == expected
    assert run.wait(3600) == []


def test_replaced_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that ends after a while is replaced in its slot at once, with one line."""
    run = PoolRun()
    run.wait(60)
    run.pool.end(run.started[1])

    assert [one.slot for one in run.wait(0)] == [1]
    assert caplog.messages == ["worker process 1001 ended unexpectedly (signal 9): it is replaced"]


def test_growing_pause() -> None:
    """A worker that ends again and again is replaced after a pause that grows, to a limit."""
    run = PoolRun()
    pauses = []
    for _ in range(9):
        [worker] = [one for one in run.pool.workers if one.id == run.started[-1].id]
        run.pool.receive(worker, Ready())
        run.pool.end(worker)
        assert run.pool.next_at is not None
        pauses.append(run.pool.next_at - run.time)
        run.wait(pauses[-1])

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, [Ended("w0"), Ended("w1")]), (60, [Ended("w1")])],
    ids=["at once", "later"],
)
def test_taking_over(seconds: float, expected: list[Ended]) -> None:
    """The end of a worker is reported to one that answers, and to no other; if need be, later.

    One that ends soon after such a report had hardly the time to take over.
    """
    run = PoolRun()
    first, second = run.started
    run.pool.end(first)
    run.time += seconds
    run.pool.end(second)
    third, _ = run.wait(1)
    run.pool.receive(third, Ready())

    assert second.messages == [Ended("w0")]
    assert third.messages == expected


def test_restart_one_by_one() -> None:
    """Workers are replaced one by one: the old one drains when the new one answers."""
    run = PoolRun()
    first, second = run.started
    run.pool.restart()
    [third] = run.wait(0)
    messages_before = list(first.messages)
    run.pool.receive(third, Ready())
    none_meanwhile = run.wait(5)
    run.pool.end(first)
    [fourth] = run.wait(0)
    run.pool.receive(fourth, Ready())
    run.pool.end(second)

    assert (third.slot, fourth.slot) == (0, 1)
    assert messages_before == []
    assert first.messages == [Drain()]
    assert none_meanwhile == []
    assert Drain() in second.messages
    assert run.wait(3600) == []


def test_restart_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """If a new worker cannot start, the former ones go on, and no other one is replaced."""
    run = PoolRun()
    run.pool.restart()
    [third] = run.wait(0)
    run.pool.receive(third, Failed("There is no room."))
    run.pool.end(third)

    assert run.wait(3600) == []
    assert [one.messages for one in run.started[:2]] == [[Ended("w2")], []]
    assert "a worker could not start: There is no room." in caplog.messages


def test_death_during_a_restart() -> None:
    """A worker that dies while its successor starts is not replaced twice."""
    run = PoolRun()
    run.wait(60)
    run.pool.restart()
    [third] = run.wait(0)
    run.pool.end(run.started[0])
    assert run.wait(60) == []
    run.pool.receive(third, Ready())

    assert [one.slot for one in run.wait(0)] == [1]


def test_stop() -> None:
    """All workers are stopped, those that do not end are killed, and none is replaced."""
    run = PoolRun()
    first, second = run.started
    run.pool.stop()
    run.pool.end(first)
    run.wait(44)
    messages_in_time = list(second.messages)
    run.wait(1)
    run.pool.end(second)

    assert messages_in_time == ["stop"]
    assert second.messages == ["stop", "kill"]
    assert run.pool.is_over
    assert run.wait(3600) == []
