"""The circuit to a host that fails."""

from collections.abc import Callable

import pytest

from stageproxy.core.circuit import FAILURES, OPEN_SECONDS, Circuit, CircuitState

Step = tuple[float, str]
"""When something happens, and what."""

DO: dict[str, Callable[[Circuit, float], Circuit]] = {
    "asked": lambda circuit, _: circuit.asked(),
    "succeeded": lambda circuit, _: circuit.succeeded(),
    "failed": lambda circuit, now: circuit.failed(now),
    "probe failed": lambda circuit, now: circuit.failed(now, was_probe=True),
    "abandoned": lambda circuit, _: circuit.abandoned(),
    "probe abandoned": lambda circuit, _: circuit.abandoned(was_probe=True),
}
OPENED: list[Step] = [(float(second), "failed") for second in range(FAILURES)]
AT = FAILURES - 1.0
HALF = AT + OPEN_SECONDS
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
LIVES: dict[str, tuple[list[Step], float, CircuitState, bool]] = {
    "new": ([], 0, CLOSED, True),
    "four failures": (OPENED[:-1], 3, CLOSED, True),
    "five failures in a row": (OPENED, AT, OPEN, False),
    "a success in between": ([*OPENED[:-1], (3.5, "succeeded"), OPENED[-1]], AT, CLOSED, True),
    "requests whose clients left": ([(0, "abandoned")] * 9, 1, CLOSED, True),
    "just before the probe": (OPENED, HALF - 0.01, OPEN, False),
    "time for the probe": (OPENED, HALF, HALF_OPEN, True),
    "the probe is sent": ([*OPENED, (HALF, "asked")], HALF + 1, HALF_OPEN, False),
    "the probe fails": (
        [*OPENED, (HALF, "asked"), (HALF + 2, "probe failed")],
        HALF + 11.9,
        OPEN,
        False,
    ),
    "the next probe": (
        [*OPENED, (HALF, "asked"), (HALF + 2, "probe failed")],
        HALF + 12,
        HALF_OPEN,
        True,
    ),
    "the probe succeeds": (
        [*OPENED, (HALF, "asked"), (HALF + 2, "succeeded")],
        HALF + 2,
        CLOSED,
        True,
    ),
    "the client of the probe leaves": (
        [*OPENED, (HALF, "asked"), (HALF + 2, "probe abandoned")],
        HALF + 2,
        HALF_OPEN,
        True,
    ),
    "a late failure while it is open": ([*OPENED, (AT + 9, "failed")], HALF, HALF_OPEN, True),
    "a late failure during the probe": (
        [*OPENED, (HALF, "asked"), (HALF + 1, "failed")],
        HALF + 1,
        HALF_OPEN,
        False,
    ),
    "a late success while it is open": ([*OPENED, (AT + 1, "succeeded")], AT + 1, CLOSED, True),
    "four failures after it has closed": (
        [*OPENED, (AT, "succeeded"), *OPENED[:-1]],
        AT,
        CLOSED,
        True,
    ),
}


@pytest.mark.parametrize(("steps", "now", "state", "permits"), LIVES.values(), ids=LIVES)
def test_life(steps: list[Step], now: float, state: CircuitState, *, permits: bool) -> None:
    """Five failures in a row open a circuit; ten seconds later one probe decides."""
    circuit = Circuit()
    for at, what in steps:
        circuit = DO[what](circuit, at)

    assert (circuit.state(now), circuit.permits(now)) == (state, permits)


def test_time_left() -> None:
    """An open circuit knows how long it stays open; a closed one is not open at all."""
    opened = Circuit()
    for at, what in OPENED:
        opened = DO[what](opened, at)

    assert [opened.seconds_left(now) for now in (AT, AT + 4, AT + 99)] == [OPEN_SECONDS, 6, 0]
    assert Circuit().seconds_left(0) == 0
