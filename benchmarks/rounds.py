"""Rounds, in which each side has its turn."""

from collections.abc import Awaitable, Callable

Side = Callable[[], Awaitable[float]]
"""Measures one side once, and returns its number."""


async def alternate(rounds: int, *sides: Side) -> list[list[float]]:
    """Return the numbers of each side, a number for each round.

    Every other round has the opposite order, so that no side is always the first.
    """
    numbers: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        turns = list(zip(sides, numbers, strict=True))
        for side, measured in turns if number % 2 == 0 else reversed(turns):
            measured.append(await side())
    return numbers
