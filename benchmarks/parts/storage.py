"""Servers over PostgreSQL and a bucket, beside one over SQLite and a folder."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Load
from benchmarks.parts.pages import PLAIN
from benchmarks.parts.uploads import end_stages, form_of
from benchmarks.processor import children_seconds, core_alone_for, seconds_of
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL
from benchmarks.uploader import Uploader
from tests.support.builders.distributions import a_wheel
from tests.support.builders.large_wheel import write_large_wheel
from tests.support.servers.postgres import running_postgres
from tests.support.servers.processes import Server
from tests.support.servers.s3 import running_ministack

_LOCAL = "SQLite and a folder"
_ONE = "one of them"
_STORES = "PostgreSQL and a bucket"
_LEAST_OF_LOCAL = 0.8
_LEAST_OF_TWO = 1.7
_AT_ONCE = 4
_PARTS_OF_SIZE = 32
_NEW = 100
"""A version that the index does not have."""
_MIB = 2**20

_SHARED = "The client and PostgreSQL need their share of the cores that the servers run on."
_ALONE = "One core is the server's alone; the client and PostgreSQL share the others."
_ON_CORES = "Computed from the processor time of the servers, as if each had a core of its own."
_STORE = "The S3 server is one for tests, a single process of Python."

SMALL_PAGE = Goal(f"small merged page, {_STORES}", _LOCAL, least=_LEAST_OF_LOCAL, reason=_ALONE)
SMALL_PAGE_CORES = replace(SMALL_PAGE, what=f"{SMALL_PAGE.what}, a core for it", reason=_ON_CORES)
LARGE_PAGE = replace(SMALL_PAGE, what=f"merged page of 4,400 files, plain, {_STORES}")
TWO = Goal(
    f"small merged page, two servers over {_STORES}", _ONE, least=_LEAST_OF_TWO, reason=_SHARED
)
TWO_CORES = replace(TWO, what=f"{TWO.what}, a core for each", reason=_ON_CORES)
UPLOADS = Goal(f"four uploads at the same time, {_STORES}", _LOCAL, "MiB/s", reason=_STORE)
TWO_UPLOADS = Goal(
    f"four uploads at the same time, two servers over {_STORES}", _ONE, "MiB/s", reason=_STORE
)
UPLOADS_CORES = replace(
    TWO_UPLOADS,
    what=f"{TWO_UPLOADS.what}, a core for each",
    least=_LEAST_OF_TWO,
    reason=_ON_CORES,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time for a request or a MiB, in seconds of each round."""

    servers: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)

    def capacities(self, servers: int) -> list[float]:
        """Return what so many servers would do in a second if each had a core of its own."""
        return [servers / one for one in self.servers]


@dataclass(frozen=True, slots=True)
class Side:
    """Servers that share a load, and the process of their database, if there is one."""

    servers: Sequence[Server]
    database: int | None = None
    spent: Spent = field(default_factory=Spent)

    @contextmanager
    def measured(self) -> Iterator[list[float]]:
        """Note the processor time within a block, for each of what it appends to the list."""
        before, done = self._seconds(), list[float]()
        yield done
        used = [later - earlier for earlier, later in zip(before, self._seconds(), strict=True)]
        lists = (self.spent.servers, self.spent.database, self.spent.client)
        for one, seconds in zip(lists, used, strict=True):
            one.append(seconds / sum(done))

    def _seconds(self) -> tuple[float, float, float]:
        servers = sum(seconds_of(one.process.pid) for one in self.servers)
        database = seconds_of(self.database) if self.database else 0.0
        return servers, database, children_seconds() + time.process_time()


@dataclass(frozen=True, slots=True)
class Pages:
    """One page, asked for at each server of a side."""

    side: Side
    loads: Sequence[Load]

    @classmethod
    def of(cls, run: Run, side: Side, path: str) -> "Pages":
        """Return a load for each server."""
        loads = [
            Load(f"{one.url}{path}", PLAIN, one.process.pid, run.seconds) for one in side.servers
        ]
        return cls(side, loads)

    async def rate(self) -> float:
        """Send requests to all servers, and return how many were answered in a second."""
        with self.side.measured() as answered:
            rates = await asyncio.gather(*(one.rate() for one in self.loads))
            answered.extend(
                rate * load.seconds for rate, load in zip(rates, self.loads, strict=True)
            )
        return sum(rates)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Wheels that are uploaded at the same time, in turn to each server of a side."""

    side: Side
    uploaders: Sequence[Uploader]

    @classmethod
    def of(cls, side: Side, wheels: Sequence[Path], token: str) -> "Uploads":
        """Return uploads of wheels that have versions of their own."""
        urls = [f"{one.url}/legacy/" for one in side.servers]
        uploaders = [
            Uploader(urls[number % len(urls)], wheel, form_of(wheel, _version(number)), token)
            for number, wheel in enumerate(wheels)
        ]
        return cls(side, uploaders)

    async def rate(self) -> float:
        """Upload all wheels to new stages, and return MiB a second."""
        await end_stages(self.side.servers[0])
        size = sum(one.file.stat().st_size for one in self.uploaders) / _MIB
        began = time.perf_counter()
        with self.side.measured() as done:
            await asyncio.gather(*(one.seconds() for one in self.uploaders))
            done.append(size)
        return size / (time.perf_counter() - began)


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load one server with each kind of storage, and two that share a database and a bucket."""
    async with running_child("upstream") as upstream, _sides(run, upstream.url) as sides:
        local, one, two = sides
        paths = {}
        for project in (SMALL, LARGE):
            for side in (local, one):
                first = side.servers[0]
                stage = await first.stage(a_wheel(project, "99.0"))
                paths[project, side is local] = f"{stage.index}{project}/".removeprefix(first.url)
        for goal, project in ((SMALL_PAGE, SMALL), (LARGE_PAGE, LARGE)):
            stored = Pages.of(run, _anew(one), paths[project, False])
            kept = Pages.of(run, _anew(local), paths[project, True])
            with core_alone_for(*(side.servers[0].process.pid for side in (local, one))):
                row = await _compared(run, goal, stored, kept)
            yield row
            if goal is SMALL_PAGE:
                yield _on_cores(SMALL_PAGE_CORES, stored.side, kept.side)
        both, single = (Pages.of(run, _anew(side), paths[SMALL, False]) for side in (two, one))
        row = await _compared(run, TWO, both, single)
        yield replace(row, limit=f"{row.limit} {_most(single.side, row)}")
        yield _on_cores(TWO_CORES, both.side, single.side)
        wheels = await asyncio.to_thread(_wheels, run)
        loads = [
            Uploads.of(_anew(side), wheels, side.servers[0].admin_token)
            for side in (one, local, two, one)
        ]
        yield await _compared(run, UPLOADS, *loads[:2])
        yield await _compared(run, TWO_UPLOADS, *loads[2:])
        yield _on_cores(UPLOADS_CORES, loads[2].side, loads[3].side)


@asynccontextmanager
async def _sides(run: Run, upstream: str) -> AsyncIterator[tuple[Side, Side, Side]]:
    """Run a server with its own storage, and two that share theirs: these alone, and together."""
    with (
        running_postgres(run.new_folder("postgres"), durable=True) as postgres,
        running_ministack(run.new_folder("s3")) as s3,
    ):
        bucket = s3.settings(s3.create_bucket())
        shared = {
            "upstream__url": upstream,
            "storage__database": postgres.create_database(),
            "server__secret": "the secret of both servers",
            **{name.lower(): text for name, text in bucket.items()},
        }
        async with (
            running_stageproxy(run, "local", upstream__url=upstream) as local,
            running_stageproxy(run, "first", **shared) as first,
            running_stageproxy(run, "second", **shared) as second,
        ):
            servers = first.server, second.server
            yield (
                Side([local.server]),
                Side(servers[:1], postgres.pid),
                Side(servers, postgres.pid),
            )


def _anew(side: Side) -> Side:
    """Return the same servers, of which nothing was measured."""
    return replace(side, spent=Spent())


async def _compared(run: Run, goal: Goal, ours: Pages | Uploads, beside: Pages | Uploads) -> Row:
    numbers = await alternate(run.rounds, ours.rate, beside.rate)
    unit = "MiB" if isinstance(ours, Uploads) else "request"
    client = median(ours.side.spent.client)
    return Row(
        goal,
        Samples(*numbers),
        f"Processor time for a {unit}: {_shown(ours.side)}, beside {_shown(beside.side)};"
        f" {client * 1e6:,.0f} µs in the client.",
    )


def _most(one: Side, row: Row) -> str:
    """Return the ratio that the machine allows, if all its cores do nothing but this."""
    cores = os.cpu_count() or 1
    lists = (one.spent.servers, one.spent.database, one.spent.client)
    ratio = cores / sum(map(median, lists)) / median(row.samples.beside if row.samples else [])
    return (
        f"All share {cores} cores: on this machine, no more than {ratio:.2f} times one server is"
        " possible."
    )


def _on_cores(goal: Goal, ours: Side, beside: Side) -> Row:
    """Return what the servers would do if nothing else ran on their cores."""
    samples = Samples(*(side.spent.capacities(len(side.servers)) for side in (ours, beside)))
    return Row(
        goal, samples, "Computed from the processor time of the servers in the rounds above."
    )


def _shown(side: Side) -> str:
    names = ("one server", "two servers")
    text = f"{_microseconds(side.spent.servers)} in {names[len(side.servers) - 1]}"
    if not side.database:
        return text
    return f"{text} and {_microseconds(side.spent.database)} in PostgreSQL"


def _wheels(run: Run) -> list[Path]:
    folder = run.new_folder("wheels")
    size = run.size // _PARTS_OF_SIZE
    return [
        write_large_wheel(folder, size + number, version=_version(number))
        for number in range(_AT_ONCE)
    ]


def _version(number: int) -> str:
    return f"{_NEW + number}.0"


def _microseconds(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1e6:,.0f} µs"


PART = Part(
    "storage",
    "one and two servers over PostgreSQL and a bucket, beside SQLite and a folder",
    (SMALL_PAGE, SMALL_PAGE_CORES, LARGE_PAGE, TWO, TWO_CORES, UPLOADS, TWO_UPLOADS, UPLOADS_CORES),
    measure,
)
