"""Clients that guess tokens have to wait.

A valid token is accepted all the same. No token can be guessed at any rate, so that shutting out
whole addresses would gain nothing, and one guesser could stop the releases of everybody behind the
same router. (docs/adr/0034-guesses-have-to-wait.md)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from aiohttp import web

from stageproxy.core.errors import NotFoundError, TooManyGuessesError, UnknownCredentialError
from stageproxy.core.guesses import GuessLimiter
from stageproxy.core.rates import Rate, RateLimiter
from stageproxy.ports import Clock
from stageproxy.web.access.addresses import client_of


class Guessed(StrEnum):
    """What can be guessed."""

    API_TOKEN = "api-token"  # noqa: S105 - the name of what is guessed
    STAGE_URL = "stage-url"


RATES = {
    Guessed.API_TOKEN: Rate(10, timedelta(minutes=5)),
    Guessed.STAGE_URL: Rate(60, timedelta(minutes=1)),
}
_SENTENCES = {
    Guessed.API_TOKEN: "Your address has sent too many unknown API tokens.",
    Guessed.STAGE_URL: "Your address has asked for too many unknown stage URLs.",
}


def _limiters() -> dict[Guessed, GuessLimiter]:
    return {guessed: GuessLimiter(rate) for guessed, rate in RATES.items()}


@dataclass(frozen=True, slots=True)
class Guesses:
    """The unknown tokens of each client. *count* counts those that are refused."""

    clock: Clock
    count: Callable[[Guessed], None]
    _limiters: dict[Guessed, GuessLimiter] = field(default_factory=_limiters)

    @property
    def limiters(self) -> Mapping[str, RateLimiter[str]]:
        """What is counted, by name."""
        return {
            f"{guessed} {name}": limiter
            for guessed, both in self._limiters.items()
            for name, limiter in both.limiters.items()
        }

    @contextmanager
    def counted(self, guessed: Guessed, request: web.Request, token: str) -> Iterator[None]:
        """Count the *token* of a request if the block finds that it is unknown.

        Raise instead if the client has to wait: with valid tokens, it does not.
        """
        try:
            yield
        except (UnknownCredentialError, NotFoundError) as error:
            client = client_of(request.remote)
            wait = self._limiters[guessed].take(client, hash(token), self.clock.now())
            if not wait:
                raise
            self.count(guessed)
            raise TooManyGuessesError(_SENTENCES[guessed], wait) from error
