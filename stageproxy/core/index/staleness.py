"""Documents that are shown although upstream cannot be asked whether they still hold."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from stageproxy.core.errors import Kind, StageproxyError

STALE = '110 - "Response is Stale"'
"""The Warning header of a stale document (RFC 7234, section 5.5.1)."""


class Freshness(Enum):
    """What a reader wants of a document.

    `ANY` may be some seconds old. For `ASKED`, upstream is asked, and a kept copy is used if it
    cannot answer. `CURRENT` is what upstream has now, or an error.
    """

    ANY = auto()
    ASKED = auto()
    CURRENT = auto()


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which upstream fails: since when, and how it failed first."""

    since: datetime
    failure: StageproxyError

    @property
    def sentence(self) -> str:
        """What is wrong, and since when."""
        return f"{self.failure.sentence} Since {_time(self.since)}."

    @property
    def is_silence(self) -> bool:
        """Whether upstream has no answer, rather than a useless one."""
        return self.failure.kind in {Kind.UPSTREAM_UNAVAILABLE, Kind.UPSTREAM_SLOW}


def outage_notice(outage: Outage, shown: datetime | None) -> str:
    """Return what readers of a stage have to know. *shown*: the time of the copy of its page."""
    begin = f"PyPI cannot be reached since {_time(outage.since)}."
    if shown is None:
        return (
            f"{begin} Until it answers, the pages at this URL are errors; the staged files can be "
            "downloaded."
        )
    return f"{begin} The pages at this URL show its state of {_time(shown)}."


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
