"""Ways out of a promotion: a person stops it."""

import logging
from dataclasses import dataclass
from datetime import datetime

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.promotion.promotion import Promotion, Publisher
from stageproxy.core.rights import Action, ApiToken
from stageproxy.ports import Clock
from stageproxy.services.background import Background
from stageproxy.services.live_stages import get_live
from stageproxy.services.promotion.transactions import request_stop
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WaysOut:
    """Stops promotions. *background* runs those that this server carries out."""

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    background: Background

    async def stop(self, token: ApiToken, stage_id: str) -> None:
        """Stop the promotion of a stage as soon as no file is being sent.

        Raise `ConflictError` if the stage was never promoted, or is published.
        """
        await self.stages.get(token, stage_id, Action.PROMOTE)
        is_running_here = self.background.is_running(stage_id)
        max_lifetime = self.stages.limits.max_lifetime
        now = self.clock.now()

        def work(rows: Rows) -> None:
            stage = get_live(rows, stage_id, now)
            promotion = rows.promotions.find(stage_id)
            is_running = is_running_here or _is_held_by_client(promotion, now)
            request_stop(
                rows, stage, token.id, now, is_running=is_running, max_lifetime=max_lifetime
            )

        await self.catalogue.write(work)
        log.info("stage %s: stop of its promotion requested by token %s", stage_id, token.id)


def _is_held_by_client(promotion: Promotion | None, now: datetime) -> bool:
    """Return whether a client publishes, as far as it has reported in time."""
    if promotion is None or promotion.publisher is not Publisher.CLIENT:
        return False
    return not promotion.has_lapsed(now)
