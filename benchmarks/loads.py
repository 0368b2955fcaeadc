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
class Load:
    """One request to one server, sent again and again.

    `spent` has the seconds of processor time that the server used for a request, and
    `sending` the share of a core that wrk used, both for each round.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str]
    pid: int
    seconds: int
    connections: int = CONNECTIONS
    spent: list[float] = field(default_factory=list)
    sending: list[float] = field(default_factory=list)

    async def rate(self) -> float:
        """Send requests, and return how many were answered in a second."""
        server, client = seconds_of(self.pid), children_seconds()
        answered, seconds = answers_in(await self._wrk())
        self.spent.append((seconds_of(self.pid) - server) / answered)
        self.sending.append((children_seconds() - client) / seconds)
        return answered / seconds

    def anew(self) -> Self:
        """Return the same load without its numbers."""
        return replace(self, spent=[], sending=[])

    @property
    def microseconds(self) -> float:
        """Return the processor time of the server for a request."""
        return median(self.spent) * 1e6

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
    """Return what a request costs each server, and how busy the client was."""
    each = ", ".join(
        f"{load.microseconds:,.0f} µs in {name}" for name, load in zip(names, loads, strict=True)
    )
    busiest = max(median(load.sending) for load in loads)
    return f"Processor time for a request: {each}; wrk used {busiest:.0%} of a core at most."
