"""What somebody can decide about a stage: what their token permits and the stage allows."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Journal, final_files
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.accept import check_can_change
from stageproxy.core.stage.stage import Stage, Status, Step


class Decision(StrEnum):
    """The decisions about a whole stage, as paths name them."""

    PUBLISH = "publish"
    STOP = "stop"
    GIVE_UP = "give-up"
    EXTEND = "extend"
    ROTATE = "rotate"
    CANCEL = "cancel"


_NEEDS: Mapping[Decision, tuple[Action, Step | None]] = {
    Decision.PUBLISH: (Action.PROMOTE, Step.PROMOTE),
    Decision.STOP: (Action.PROMOTE, Step.STOP),
    Decision.GIVE_UP: (Action.PROMOTE, Step.GIVE_UP),
    Decision.EXTEND: (Action.EXTEND, Step.EXTEND),
    Decision.ROTATE: (Action.ROTATE, None),
    Decision.CANCEL: (Action.CANCEL, Step.CANCEL),
}


def possible_decisions(
    token: ApiToken, stage: Stage, *, longest: timedelta
) -> tuple[Decision, ...]:
    """Return what the holder of a token can decide now. *longest*: how long a stage may live."""
    return tuple(
        decision
        for decision, (action, step) in _NEEDS.items()
        if token.permits(action, stage.project, stage.version)
        and (step is None or step in stage.steps())
        and _is_of_use(decision, stage, longest)
    )


def removable_files(token: ApiToken, stage: Stage, journal: Journal) -> frozenset[str]:
    """Return the names of the files that the holder of a token can remove from a stage now."""
    can = token.permits(Action.REMOVE, stage.project, stage.version)
    if not can or Step.EDIT not in stage.steps():
        return frozenset()
    return frozenset(
        one.filename for one in stage.artifacts if _can_change(stage, one.filename, journal)
    )


def _is_of_use(decision: Decision, stage: Stage, longest: timedelta) -> bool:
    """Return whether a decision that is allowed would do anything."""
    match decision:
        case Decision.PUBLISH:
            return bool(stage.artifacts) and not stage.uploads
        case Decision.STOP:
            return stage.status is Status.PROCESSING
        case Decision.EXTEND:
            return stage.expires_at < stage.opened_at + longest
        case Decision.ROTATE:
            return stage.status is not Status.CANCELED
        case Decision.GIVE_UP | Decision.CANCEL:
            return True


def _can_change(stage: Stage, filename: str, journal: Journal) -> bool:
    with suppress(ConflictError):
        check_can_change(stage, filename, final_files(journal) if stage.sent else {})
        return True
    return False
