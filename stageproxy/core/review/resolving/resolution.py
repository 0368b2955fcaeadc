"""Resolution: whether the release can be installed today with everything that it requires."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a resolution ended."""

    RESOLVED = "resolved"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an installer on Linux with one Python would install for `project==version`.

    `chosen` are the releases, `name==version`. `reason` is what conflicts, or why it is
    unknown.
    """

    python: str
    outcome: Outcome
    chosen: tuple[str, ...] = ()
    reason: str = ""
