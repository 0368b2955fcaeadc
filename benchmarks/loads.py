"""Requests by wrk, over connections that stay open."""

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Self

from benchmarks.processor import children_seconds, seconds_of

CONNECTIONS = 16

_REQUESTS = re.compile(r"(\d+) requests in ([\d.]+)(ms|s|m),")
_SECONDS_OF = {"ms": 0.001, "s": 1, "m": 60}
_FAILURES = ("Non-2xx or 3xx responses", "Socket errors")


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor time for a request, in seconds of each round: of the server and of wrk."""

    server: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Load:
    """One request to one server, sent again and again."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    pid: int
    seconds: int
    connections: int = CONNECTIONS
    costs: Costs = field(default_factory=Costs)

    async def rate(self) -> float:
        """Send requests, and return how many were answered in a second."""
        server, client = seconds_of(self.pid), children_seconds()
        answered, seconds = answers_in(await self._wrk())
        self.costs.server.append((seconds_of(self.pid) - server) / answered)
        self.costs.client.append((children_seconds() - client) / answered)
        return answered / seconds

    def anew(self) -> Self:
        """Return the same load without its costs."""
        return replace(self, costs=Costs())

    async def _wrk(self) -> str:
        headers = [word for one in self.headers.items() for word in ("-H", ": ".join(one))]
        options = ("-t1", f"-c{self.connections}", f"-d{self.seconds}s", "--timeout=60s", *headers)
        process = await asyncio.create_subprocess_exec(
            "wrk", *options, self.url, stdout=PIPE, stderr=STDOUT
        )
        output, _ = await process.communicate()
        return output.decode()


def answers_in(output: str) -> tuple[int, float]:
    """Return the answers and the seconds in the output of wrk, in which nothing has failed."""
    failures = [line.strip() for line in output.splitlines() if line.strip().startswith(_FAILURES)]
    found = _REQUESTS.search(output)
    if failures or not found or found[1] == "0":
        raise RuntimeError("; ".join(failures) or "wrk got no answer.")
    return int(found[1]), float(found[2]) * _SECONDS_OF[found[3]]


def processor_times(names: Sequence[str], loads: Sequence[Load]) -> str:
    """Return what a request costs each server and, at most, wrk."""
    each = ", ".join(
        f"{_microseconds(load.costs.server)} in {name}"
        for name, load in zip(names, loads, strict=True)
    )
    client = max((load.costs.client for load in loads), key=median)
    return f"Processor time for a request: {each}; {_microseconds(client)} in wrk."


def _microseconds(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1e6:,.0f} µs"
