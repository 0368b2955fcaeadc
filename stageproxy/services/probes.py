"""Probes of the way to this server: which instance answers, and how bodies arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stageproxy.core.rights import Action, ApiToken
from stageproxy.services.access import require


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of a server. *instance* is random, so that no other server has it."""

    instance: str
    receiving: set[str] = field(default_factory=set)

    def check(self, token: ApiToken) -> None:
        """Raise unless *token* may probe the server."""
        require(token, Action.PROBE, None)

    @contextmanager
    def arriving(self, probe_id: str) -> Iterator[None]:
        """Note that the body of a probe has begun to arrive, until the block ends."""
        self.receiving.add(probe_id)
        try:
            yield
        finally:
            self.receiving.discard(probe_id)
