"""Responses of upstream that are sent on as they arrive: to how many readers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from stageproxy.core.errors import TooManyError
from stageproxy.core.stage.stage import Stage
from stageproxy.places import NoPlaceError, PlacesByKey
from stageproxy.web.access.addresses import client_of
from stageproxy.web.answers.departures import while_connected

_RETRY_SECONDS = "10"


class TooManyStreamsError(TooManyError):
    """A stage or a client has as many responses of upstream running as it may."""

    retry_after = _RETRY_SECONDS

    def __init__(self, whose: str, most: int) -> None:
        super().__init__(
            f"{whose} already has {most} files or pages of PyPI that are being sent, as many as it "
            "may. Read them to their ends, or try again later."
        )


@dataclass(frozen=True, slots=True)
class StreamShares:
    """How many responses of upstream are sent on at the same time, by stage and by client."""

    stages: PlacesByKey[str]
    addresses: PlacesByKey[str]

    @asynccontextmanager
    async def share(self, request: web.Request, stage: Stage) -> AsyncIterator[None]:
        """Hold a share of the stage and one of the client; wait for them in a queue.

        The stage comes first: who has its URL cannot use up the shares of an address that
        others have, too. Raise `TooManyStreamsError` after some seconds. The block ends
        when the client leaves.
        """
        async with (
            while_connected(request),
            _place(self.stages, stage.id, "This stage"),
            _place(self.addresses, client_of(request.remote), "Your address"),
        ):
            yield


@asynccontextmanager
async def _place(places: PlacesByKey[str], key: str, whose: str) -> AsyncIterator[None]:
    try:
        async with places.place(key):
            yield
    except NoPlaceError as error:
        raise TooManyStreamsError(whose, places.most) from error
