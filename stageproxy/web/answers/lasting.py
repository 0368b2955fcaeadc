"""How long the bytes of an answer hold."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long an answer holds unless something changes.

    `fresh_until`: in seconds of a monotonic clock, when upstream has to be asked again.
    `changes_at`: when the stage changes by time alone, if it does.
    """

    fresh_until: float
    changes_at: datetime | None


LASTING = web.ResponseKey("lasting", Lasting)
"""An answer with this key is the same for every request like this one, as long as it holds."""
