"""Here is how a promotion is watched that somebody else carries out."""

import asyncio
from collections.abc import Mapping
from typing import Any

from stageproxy.cli.client import Client
from stageproxy.cli.output import FailedError, OutOfReachError
from stageproxy.cli.promote.progress import PromotionProgress

_ASK_EVERY = 0.5
_INTERRUPTED = (
    "This command was interrupted, and the publishing was not: it goes on. "
    "The same command follows it again."
)
_SILENCE = 120.0
"""How long the server may be away, in seconds: it goes on when it is back."""


async def follow(client: Client, stage_id: str, progress: PromotionProgress) -> Mapping[str, Any]:
    """Return a promotion when it has ended; show how far it is until then."""
    try:
        while True:
            promotion = await _ask(client, stage_id)
            progress.show(promotion["files"])
            if promotion["status"] != "processing":
                return promotion
            await asyncio.sleep(_ASK_EVERY)
    except asyncio.CancelledError:
        raise FailedError(_INTERRUPTED) from None


async def _ask(client: Client, stage_id: str) -> Mapping[str, Any]:
    """Return a promotion as it stands, as soon as the server tells."""
    give_up_at = asyncio.get_running_loop().time() + _SILENCE
    while True:
        try:
            return await client.ask("GET", f"api/stages/{stage_id}/promotion")
        except OutOfReachError:
            if asyncio.get_running_loop().time() >= give_up_at:
                raise
            await asyncio.sleep(_ASK_EVERY)
