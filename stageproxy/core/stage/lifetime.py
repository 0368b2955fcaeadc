"""The state of a stage at a point in time, and the message on one that has ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from stageproxy.core.stage.stage import Stage, Step, ended, expiry_after_change

_EXPIRED = "It expired."
_MADE_ROOM = "It expired: it was empty, and its project had no room for another stage."


def as_of(stage: Stage, now: datetime) -> Stage:
    """Return the stage as it is *now*: expired stages and uploads have ended, swept or not."""
    if stage.has_expired(now):
        return ended(stage, _EXPIRED, stage.expires_at)
    live = tuple(one for one in stage.uploads if one.as_of(now) is one)
    return stage if len(live) == len(stage.uploads) else replace(stage, uploads=live)


def make_room(
    live: Sequence[Stage], count: int, now: datetime, *, empty_lifetime: timedelta
) -> Sequence[Stage]:
    """Return up to *count* stages as they end for others: the oldest that were empty for long."""
    in_the_way = [one for one in live if one.is_empty and now >= one.opened_at + empty_lifetime]
    oldest = sorted(in_the_way, key=lambda one: (one.opened_at, one.id))[:count]
    return [ended(one, _MADE_ROOM, now) for one in oldest if Step.CANCEL in one.steps()]


def edited(stage: Stage, now: datetime, *, longest: timedelta) -> Stage:
    """Return the stage after a change of its files: its lifetime starts again."""
    return replace(
        stage,
        revision=stage.revision + 1,
        expires_at=expiry_after_change(stage, now, longest=longest),
    )


def end_message(stage: Stage) -> str:
    """Return the message that a stage has ended, when and why."""
    when = f" on {stage.ended_at:%Y-%m-%d %H:%M} UTC" if stage.ended_at else ""
    reason = f": {stage.reason[0].lower()}{stage.reason[1:]}" if stage.reason else "."
    return f"Stage {stage.release} ended{when}{reason}"
