"""Places in the list of stages, as texts: where the next page begins."""

from datetime import UTC, datetime

from stageproxy.catalogue import PagePosition
from stageproxy.core.errors import InvalidRequestError
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.stage import Stage


def position_in(text: str | None) -> PagePosition | None:
    """Return the place that a client was given as the start of the next page."""
    if text is None:
        return None
    opened_at, _, stage_id = text.partition("~")
    try:
        position = datetime.fromisoformat(opened_at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError("after must be `next` of the page before.") from error
    return position, stage_id


def position_of(stage: Stage) -> str:
    """Return the place behind a stage."""
    return f"{rfc3339(stage.opened_at)}~{stage.id}"
