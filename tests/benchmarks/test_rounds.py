"""Rounds of measurements."""

from benchmarks.rounds import Side, alternate


async def test_sides_take_turns() -> None:
    """Each side is measured once in each round, in the opposite order in every other one."""
    turns: list[str] = []

    def side(name: str) -> Side:
        async def measured() -> float:
            turns.append(name)
            return len(turns)

        return measured

    numbers = await alternate(3, side("a"), side("b"))

    assert "".join(turns) == "abbaab"
    assert numbers == [[1, 4, 5], [2, 3, 6]]
