"""Ways out of a promotion: a person stops it, or gives up what is not published."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction, PlainValue
from stageproxy.core.errors import ConflictError, StageproxyError
from stageproxy.core.index.pages import UnreadablePageError
from stageproxy.core.promotion.confirmation import IndexFile, looked_up
from stageproxy.core.promotion.events import promotion_event
from stageproxy.core.promotion.outcome import give_up_message, published_state
from stageproxy.core.promotion.promotion import Promotion, Publisher, StopRequest
from stageproxy.core.rights import Action, ApiToken, actor_label
from stageproxy.core.stage.stage import Stage, Step, ended
from stageproxy.ports import Clock
from stageproxy.services.access import require_still
from stageproxy.services.leases import shared_time
from stageproxy.services.live_stages import get_live
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.transactions import end_if_stopped, save_entry
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WaysOut:
    """Stops promotions, and gives up partially published stages.

    *is_running*: whether a worker of this server publishes a stage, by its id. *publish_target*
    has the index on which files in doubt are looked up; `None` if the settings name none.
    """

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    is_running: Callable[[Rows, str], bool]
    publish_target: PublishTarget | None

    async def stop(self, token: ApiToken, stage_id: str) -> None:
        """Stop the promotion of a stage as soon as no file is being sent.

        Raise `ConflictError` if the stage was never promoted, or is published.
        """
        await self.stages.get(token, stage_id, Action.PROMOTE)
        max_lifetime = self.stages.limits.max_lifetime

        def work(rows: Rows) -> None:
            now = self.clock.now()
            stage = get_live(rows, stage_id, now)
            require_still(rows, token, Action.PROMOTE, stage.project, stage.version, now)
            promotion = rows.promotions.find(stage_id)
            # Read here: a server that has recorded a file as being sent is running then.
            is_running_here = self.is_running(rows, stage_id)
            is_running = is_running_here or _is_held_by_client(promotion, shared_time(rows, now))
            _request_stop(
                rows, stage, token.id, now, is_running=is_running, max_lifetime=max_lifetime
            )

        await self.catalogue.write(work)
        log.info("stage %s: stop of its promotion requested by token %s", stage_id, token.label)

    async def give_up(self, token: ApiToken, stage_id: str) -> None:
        """End a partially published stage. The files in doubt are looked up on the index before.

        Raise `ConflictError` unless something may be published, and something is not.
        """
        await self.stages.get(token, stage_id, Action.PROMOTE)
        stage = await self.catalogue.read(lambda rows: get_live(rows, stage_id, self.clock.now()))
        stage.after(Step.GIVE_UP)
        listed = await self._look_up(stage)

        def work(rows: Rows) -> None:
            now = self.clock.now()
            stage = get_live(rows, stage_id, now)
            require_still(rows, token, Action.PROMOTE, stage.project, stage.version, now)
            _give_up(rows, stage, token.id, listed, now)

        await self.catalogue.write(work)
        log.warning("stage %s: given up by token %s", stage_id, token.label)

    async def _look_up(self, stage: Stage) -> Mapping[str, IndexFile] | None:
        """Return the files in doubt that the index of the promotion lists, with hashes.

        Return `None` if it cannot be read, or is not in the settings any more.
        """
        promotion, journal = await self.catalogue.read(
            lambda rows: (rows.promotions.find(stage.id), rows.promotions.find_journal(stage.id))
        )
        publish_target = self.publish_target
        if promotion is None or publish_target is None or publish_target.urls != promotion.target:
            return None
        names = {name for name, entry in journal.items() if entry.is_in_doubt}
        doubtful = [one for one in stage.artifacts if one.filename in names]
        try:
            listed = await publish_target.confirmed_listing.files_of(stage.project)
            return await publish_target.confirmed_listing.with_hashes(listed, doubtful)
        except (StageproxyError, UnreadablePageError) as error:
            log.warning("stage %s: could not read the index: %s", stage.id, error)
            return None


def _is_held_by_client(promotion: Promotion | None, now: datetime) -> bool:
    """Return whether a client publishes, as far as it has reported in time."""
    if promotion is None or promotion.publisher is not Publisher.CLIENT:
        return False
    return not promotion.has_lapsed(now)


def _request_stop(
    rows: Rows, stage: Stage, by: str, now: datetime, *, is_running: bool, max_lifetime: timedelta
) -> None:
    """Record that a stage's promotion has to stop. End it now if no file is being sent.

    *is_running*: whether the publisher may still be sending.
    """
    stage.after(Step.STOP)
    promotion = rows.promotions.find(stage.id)
    if promotion is None or promotion.ended_at is not None:
        return
    if promotion.stop is None:
        promotion = replace(promotion, stop=StopRequest(by, now))
        rows.promotions.save(promotion)
        event = promotion_event(stage, promotion, AuditAction.PROMOTION_STOP_REQUESTED, now)
        rows.audit.add(replace(event, actor=by))
    end_if_stopped(rows, promotion, now, is_running=is_running, max_lifetime=max_lifetime)


def _give_up(
    rows: Rows,
    stage: Stage,
    by: str,
    listed: Mapping[str, IndexFile] | None,
    now: datetime,
) -> None:
    """End a partially published stage: what is not published of it will not be.

    *listed*: the files on the index, with hashes; `None` if it could not be read.
    """
    canceled = stage.after(Step.GIVE_UP)
    promotion, journal = rows.promotions.find(stage.id), rows.promotions.find_journal(stage.id)
    if promotion is None:
        raise ConflictError("The stage was never promoted.")
    changed = looked_up(stage.artifacts, journal, listed or {}, now)
    for entry in changed:
        save_entry(rows, stage, promotion, entry, now)
    state = published_state(stage, {**journal, **{one.filename: one for one in changed}})
    if len(state.public) == len(stage.artifacts):
        raise ConflictError(
            f"The index has every file of {stage.release}, so there is nothing to give up. Run "
            "`stageproxy promote STAGE` to end the stage as published."
        )
    label = actor_label(by, rows.tokens.names())
    sentence = give_up_message(state, label, is_checked=listed is not None)
    rows.stages.save(replace(ended(stage, sentence, now), status=canceled))
    details: dict[str, PlainValue] = {
        "public": state.public,
        "accepted": state.accepted,
        "unknown": state.unknown,
        "unpublished": state.unpublished,
    }
    event = promotion_event(stage, promotion, AuditAction.PROMOTION_GIVEN_UP, now, **details)
    rows.audit.add(replace(event, actor=by))
