"""The circuits to the hosts of an index, and the requests that go through them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from aiohttp import ClientError
from yarl import URL

from stageproxy.core.circuit import Circuit
from stageproxy.core.errors import StageproxyError, UpstreamUnavailableError


class HostFailedError(UpstreamUnavailableError):
    """An error by which a host shows that it is ill: it has no answer, or not a whole one."""


_FAILURES = (TimeoutError, ClientError, HostFailedError)


class CircuitOpenError(UpstreamUnavailableError):
    """The host has failed several times in a row, and is not asked for some seconds."""


class Circuits:
    """The circuits by host. *now* returns the time in seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._by_origin: dict[URL, Circuit] = {}

    @property
    def open_count(self) -> int:
        """How many hosts are not asked at the moment, or by a probe alone."""
        return sum(one.opened_at is not None for one in self._by_origin.values())

    @contextmanager
    def trip(self, url: URL, *, always: bool) -> Iterator["Trip"]:
        """Open the circuit's part of one request, with its redirects and repetitions.

        Raise `CircuitOpenError` if the host is not asked at the moment, unless it is asked
        *always*. Errors of the block count against the host that was asked last.
        """
        trip = Trip(self, always=always)
        try:
            trip.to(url)
            yield trip
        except _FAILURES:
            trip.end(has_failed=True)
            raise
        except StageproxyError:
            # The host has answered, however useless its answer is.
            trip.arrived()
            raise
        finally:
            trip.end()

    def find(self, origin: URL) -> Circuit:
        """Return the circuit to a host."""
        return self._by_origin.get(origin, Circuit())

    def check(self, origin: URL) -> None:
        """Raise `CircuitOpenError` if a host is not asked at the moment."""
        circuit, now = self.find(origin), self._now()
        if not circuit.permits(now):
            seconds = max(1, ceil(circuit.seconds_left(now)))
            raise CircuitOpenError(
                f"{origin.host} has failed several times in a row. It is asked again in "
                f"{seconds} s.",
                retry_after=str(seconds),
            )

    def put(self, origin: URL, change: Callable[[Circuit, float], Circuit]) -> None:
        """Change the circuit to a host."""
        self._by_origin[origin] = change(self.find(origin), self._now())


@dataclass(slots=True)
class Trip:
    """A request on its way through hosts: which have answered, and which of them it probes."""

    circuits: Circuits
    always: bool
    answered: set[URL] = field(default_factory=set)
    probed: set[URL] = field(default_factory=set)
    asked: URL | None = None
    """The host that has not answered yet."""

    def to(self, url: URL) -> None:
        """Ask the host of a URL."""
        origin = url.origin()
        if not self.always and origin not in self.probed:
            self.circuits.check(origin)
            if self.circuits.find(origin).opened_at is not None:
                self.probed.add(origin)
                self.circuits.put(origin, lambda circuit, _: circuit.asked())
        self.asked = origin

    def arrived(self) -> None:
        """Note that the host which was asked last has given a whole answer."""
        if self.asked is not None:
            self.circuits.put(self.asked, lambda circuit, _: circuit.succeeded())
            self.probed.discard(self.asked)
        self.asked = None

    @property
    def is_probe(self) -> bool:
        """Whether the outcome decides on a circuit."""
        return bool(self.probed)

    def end(self, *, has_failed: bool = False) -> None:
        """Settle what is open: the host asked last *has_failed*, or the outcome is unknown."""
        if has_failed and self.asked is not None:
            was_probe = self.asked in self.probed
            self.circuits.put(
                self.asked, lambda circuit, now: circuit.failed(now, was_probe=was_probe)
            )
            self.probed.discard(self.asked)
            self.asked = None
        for origin in self.probed:
            self.circuits.put(origin, lambda circuit, _: circuit.abandoned(was_probe=True))
        self.probed.clear()
