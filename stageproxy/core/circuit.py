"""The circuit to one host: whether it is asked, after failures in a row.

It is closed while the host answers. After some failures in a row it is open: nothing is asked for
a time. Then one request, the probe, decides: it closes the circuit, or opens it again. Times are
in seconds, of any clock.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

FAILURES = 5
"""How many failures in a row open a circuit."""
OPEN_SECONDS = 10.0
"""How long nothing is asked of a host whose circuit is open."""


class CircuitState(Enum):
    """The states of a circuit."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit to one host.

    `failures` counts those in a row, `opened_at` is when it was opened last, and `is_probed`
    if the probe has been sent and not been answered.
    """

    failures: int = 0
    opened_at: float | None = None
    is_probed: bool = False

    def state(self, now: float) -> CircuitState:
        """Return the state."""
        if self.opened_at is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self.seconds_left(now) else CircuitState.HALF_OPEN

    def permits(self, now: float) -> bool:
        """Return whether a request may be sent."""
        match self.state(now):
            case CircuitState.CLOSED:
                return True
            case CircuitState.HALF_OPEN:
                return not self.is_probed
            case CircuitState.OPEN:
                return False

    def seconds_left(self, now: float) -> float:
        """Return how long nothing is asked from now on."""
        return 0.0 if self.opened_at is None else max(0.0, self.opened_at + OPEN_SECONDS - now)

    def asked(self) -> "Circuit":
        """Return the circuit after a permitted request was sent."""
        return self if self.opened_at is None else replace(self, is_probed=True)

    def succeeded(self) -> "Circuit":
        """Return the circuit after the host has answered."""
        return Circuit()

    def failed(self, now: float, *, was_probe: bool = False) -> "Circuit":
        """Return the circuit after the host has failed.

        A request that was sent before the circuit opened does not open it for longer.
        """
        if self.opened_at is not None:
            return Circuit(self.failures, now) if was_probe else self
        failures = self.failures + 1
        return Circuit(failures, now if failures >= FAILURES else None)

    def abandoned(self, *, was_probe: bool = False) -> "Circuit":
        """Return the circuit after a request whose outcome is not known, as its client has left."""
        return replace(self, is_probed=False) if was_probe else self
