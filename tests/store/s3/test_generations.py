"""Which generations of a file are deleted."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.store.s3.generations import Generation, folder_with, list_unneeded, new_key
from tests.store.builders import DAY, HOUR, NOW

A, B = "a" * 64, "ab" + "b" * 62
OLD, YOUNG = NOW - 2 * HOUR, NOW


def generation(sha256: str, number: int, *, hours: float = 0) -> Generation:
    """Return a generation that was put some hours before, with a number to order it."""
    return Generation(f"kept/{sha256[:2]}/{sha256}/{number}", 1, NOW - hours * HOUR)


def unneeded(generations: Collection[Generation], known: Collection[str]) -> list[str]:
    """Return the ends of the names of those that are an hour old and not needed."""
    found = list_unneeded(generations, known, NOW - HOUR)
    return [one.key[-3:] for one in found]


@pytest.mark.parametrize(
    ("generations", "known", "expected"),
    [
        pytest.param([generation(A, 1, hours=2)], [A], [], id="the only one of a named file"),
        pytest.param([generation(A, 1, hours=2)], [], ["a/1"], id="one that no row names"),
        pytest.param([generation(A, 1)], [], [], id="a young one that no row names"),
        pytest.param(
            [generation(A, 2, hours=2), generation(A, 1, hours=3)],
            [A],
            ["a/1"],
            id="a replaced one",
        ),
        pytest.param(
            [generation(A, 2), generation(A, 1, hours=2)], [A], ["a/1"], id="replaced just now"
        ),
        pytest.param(
            [generation(A, 2, hours=2), generation(A, 1)],
            [A],
            [],
            id="a young one, though replaced",
        ),
        pytest.param(
            [generation(A, 1, hours=2), generation(B, 1, hours=2)], [A], ["b/1"], id="another file"
        ),
        pytest.param([], [A], [], id="nothing is stored"),
    ],
)
def test_unneeded(
    generations: Collection[Generation], known: Collection[str], expected: list[str]
) -> None:
    """A generation goes if it is old, and no row names the file or a later one exists."""
    assert unneeded(generations, known) == expected


def test_names_sort_by_time() -> None:
    """The later of two generations has the greater name; no two have the same."""
    names = [new_key(A, NOW - DAY), new_key(A, NOW), new_key(A, NOW + timedelta(milliseconds=1))]

    assert names == sorted(names)
    assert new_key(A, NOW) != new_key(A, NOW)
    assert {one.rpartition("/")[0] for one in names} == {f"kept/aa/{A}"}


@pytest.mark.parametrize(
    ("prefix", "folder"), [("", "kept"), ("a", "kept"), ("ab", "kept/ab"), ("abc", "kept/ab")]
)
def test_folder_with_a_prefix(prefix: str, folder: str) -> None:
    """A sweep of the files whose digests have a prefix lists the folder that holds them."""
    assert folder_with(prefix) == folder


@dataclass(slots=True)
class World:
    """A bucket, sweeps that have decided but not deleted yet, and uploads that may be named.

    Every sweep is as late as it likes; a put of which nobody heard may arrive again.
    """

    stored: dict[str, Generation] = field(default_factory=dict)
    lost: list[Generation] = field(default_factory=list)
    decided: list[list[Generation]] = field(default_factory=list)
    fresh: dict[str, int] = field(default_factory=dict)
    is_named: bool = False
    minutes: int = 0
    number: int = 0

    def put(self, *, again: bool) -> None:
        """Put a generation; with *again*, the same request arrives once more, later."""
        self.number += 1
        now = NOW + timedelta(minutes=self.minutes)
        one = Generation(f"kept/aa/{A}/{self.number:04}", 1, now)
        self.stored[one.key] = one
        self.fresh[one.key] = self.minutes
        if again:
            self.lost.append(one)

    def name(self) -> None:
        """Name the file if a put is recent enough, as a transaction does."""
        if any(self.minutes - since <= 10 for since in self.fresh.values()):
            self.is_named = True
            self.fresh.clear()

    def arrive(self) -> None:
        """Let a repeated put arrive. It is not exclusive: it takes the place of what is there."""
        if self.lost:
            one = self.lost.pop()
            now = NOW + timedelta(minutes=self.minutes)
            self.stored[one.key] = Generation(one.key, 1, now)

    def decide(self) -> None:
        """Decide what a sweep deletes, from what it lists and what rows name now."""
        before = NOW + timedelta(minutes=self.minutes) - HOUR
        known = [A] if self.is_named else []
        self.decided.append([*list_unneeded([*self.stored.values()], known, before)])

    def delete(self, which: int) -> None:
        """Delete what one of the sweeps has decided."""
        if self.decided:
            for one in self.decided.pop(which % len(self.decided)):
                self.stored.pop(one.key, None)

    def step(self, kind: str, number: int) -> None:
        """Do one thing."""
        match kind:
            case "put":
                self.put(again=number % 2 == 0)
            case "name":
                self.name()
            case "unname":
                self.is_named = False
            case "arrive":
                self.arrive()
            case "decide":
                self.decide()
            case "delete":
                self.delete(number)
            case _:
                self.minutes += number * 10


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "name", "unname", "arrive", "decide", "delete", "wait"]),
        st.integers(0, 12),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_named_file_is_never_lost(steps: list[tuple[str, int]]) -> None:
    """For any uploads, repeated puts and late sweeps of any number, a named file is stored."""
    world = World()
    for kind, number in steps:
        world.step(kind, number)

        assert world.stored or not world.is_named
