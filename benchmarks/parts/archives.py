"""How long the review of a large release takes, and how much memory its processes need."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.processor import seconds_of
from benchmarks.run import Part, Run
from stageproxy.ports import ReviewedFile
from stageproxy.store.review_inspection import ReviewInspection
from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import metadata_of, record_of, wheel_file
from tests.support.servers.inspection_processes import inspection_processes, memory_of

WHEELS = 60
SECONDS = Goal(
    "60 wheels of 20 MB each read beside those of the last release",
    unit="s",
    figure=Figure.ALONE,
    most=60,
)
MEMORY = Goal("memory of the processes that read them", unit="MB", figure=Figure.ALONE, most=200)

_EXTENSIONS, _EXTENSION = 6, 8 * 2**20
_PACKED_SHARE = 0.38
"""Which share of compiled code cannot be packed: a wheel of 20 MB unpacks to 50."""
_MODULES = 400
_MEGA = 10**6
_CHANGED_EACH = 20


@dataclass(slots=True)
class Release:
    """Two releases, each of 60 wheels with the same bytes under other names.

    `most` and `spent` are the memory in MB and the processor time of the reading processes.
    """

    folder: Path
    most: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[ReviewedFile, ReviewedFile]]:
        """Yield each wheel with its counterpart."""
        paths = {version: self.folder / version for version in ("1.0", "1.1")}
        for version, path in paths.items():
            path.write_bytes(_wheel(version))
        for number in range(WHEELS):
            tag = f"cp3{number % 6 + 9}-abi3-linux_{number}"
            yield tuple(  # type: ignore[misc]
                ReviewedFile(paths[version], f"demo-{version}-{tag}.whl")
                for version in ("1.1", "1.0")
            )

    async def review(self) -> float:
        """Return the seconds that all of them take, one after the other as a server does it."""
        pairs = [*self.pairs()]
        with ReviewInspection() as inspection:
            began = time.perf_counter()
            for after, before in pairs:
                review = await inspection.review(after, before, "demo")
                if review.delta.not_compared or not review.capabilities:
                    raise AssertionError("the wheels were not compared")
            took = time.perf_counter() - began
            pids = inspection_processes(os.getpid())
            self.spent.append(sum(seconds_of(pid) for pid in pids))
            self.most.append(sum(memory_of(pid, most=True) for pid in pids) / _MEGA)
        return took


def _wheel(version: str) -> bytes:
    """Return a wheel of 20 MB: compiled code, and modules of which some differ by version."""
    random = Random(version)  # noqa: S311 - the same bytes in every run
    dist_info = f"demo-{version}.dist-info"
    members = [(f"demo/_part{number}.abi3.so", _extension(random)) for number in range(_EXTENSIONS)]
    members += [
        (f"demo/module_{number}.py", _module(number, version)) for number in range(_MODULES)
    ]
    members += [
        (f"{dist_info}/METADATA", metadata_of("demo", version).encode()),
        (f"{dist_info}/WHEEL", wheel_file("cp39-abi3-linux_x86_64")),
    ]
    return zip_of([*members, record_of(members, f"{dist_info}/RECORD")])


def _extension(random: Random) -> bytes:
    dense = random.randbytes(int(_EXTENSION * _PACKED_SHARE))
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + dense + bytes(_EXTENSION - len(dense))


def _module(number: int, version: str) -> bytes:
    lines = [f"def part_{line}(value):\n    return value + {line}\n\n" for line in range(200)]
    if number % _CHANGED_EACH == 0:
        lines.append(f"VERSION = {version!r}\n")
        if version != "1.0":
            lines.append("import subprocess\nsubprocess.run(['true'])\n")
    return "".join(lines).encode()


async def _measure(run: Run) -> AsyncIterator[Row]:
    release = Release(run.new_folder("archives"))
    seconds = [await release.review() for _ in range(min(run.rounds, 2))]
    size = (release.folder / "1.1").stat().st_size / _MEGA
    limit = f"{size:.0f} MB a wheel, {max(release.spent):.0f} s of one processor"
    yield Row(SECONDS, Samples(seconds), limit)
    yield Row(MEMORY, Samples(release.most), "the peak of all of them")


PART = Part("archives", "Archives read for a review", (SECONDS, MEMORY), _measure)
