"""What was shown of stages: recording it, and comparing a stage with it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import StorageError
from stageproxy.core.promotion.examination import approval_to_resume
from stageproxy.core.promotion.looks import (
    Change,
    Differences,
    Look,
    LookKind,
    differences,
    forms_in_doubt,
    last_approval,
    last_look,
    look_at,
)
from stageproxy.core.promotion.promotion import Approval
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.stage import LIVE, Stage
from stageproxy.ports import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class History:
    """What has changed since a stage was last shown and last approved.

    `forms` are the files whose bytes came with more than one form. `resumes` is the
    approval of a promotion that stopped and can be resumed. `names` are those of API tokens.
    """

    since_look: Differences
    since_approval: Differences
    forms: Sequence[Change]
    resumes: Approval | None
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Looks:
    """Records what was shown to the holders of API tokens that can publish it."""

    catalogue: Catalogue
    clock: Clock

    async def record(self, token: ApiToken | None, stage: Stage, kind: LookKind) -> None:
        """Record that *token* saw a stage, if it may publish it. A failing disk prevents no look.

        What is not recorded is shown as changed once more.
        """
        if token is None or not _may_publish(token, stage):
            return
        look = look_at(stage, token.id, kind, self.clock.now())
        try:
            await self.catalogue.write(lambda rows: _save(rows, look))
        except StorageError as error:
            log.warning("stage %s: a look was not recorded: %s", stage.id, error.sentence)

    async def history(self, token: ApiToken, stage: Stage) -> History:
        """Return what has changed of a stage since *token* saw it, and since it was approved."""

        def work(rows: Rows) -> History:
            looks, records = rows.looks.list(stage.id), rows.audit.list(stage.id)
            return History(
                since_look=differences(last_look(looks, token.id), stage, records),
                since_approval=differences(last_approval(looks), stage, records),
                forms=forms_in_doubt(stage, records),
                resumes=approval_to_resume(rows.promotions.find(stage.id), stage),
                names=rows.tokens.names(),
            )

        return await self.catalogue.read(work)


def _may_publish(token: ApiToken, stage: Stage) -> bool:
    can = token.permits(Action.PROMOTE, stage.project, stage.version)
    return can and stage.status in LIVE


def _save(rows: Rows, look: Look) -> None:
    """Store a look, unless its stage was removed in the meantime."""
    if rows.stages.find(look.stage_id) is not None:
        rows.looks.save(look)
