"""The state of a stage at a point in time, and the message on one that has ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.durations import spell_duration
from stageproxy.core.stage.stage import LAG, Stage, Status, Step, ended, expiry_after_change

_EXPIRED = "It expired."
_MADE_ROOM = "It expired: it was empty, and its project had no room for another stage."


class End(StrEnum):
    """How a stage ended. PEP 694 has one status for all but the first."""

    PUBLISHED = "published"
    EXPIRED = "expired"
    CANCELED = "canceled"
    GIVEN_UP = "given-up"


def end_of(stage: Stage) -> End | None:
    """Return how a stage ended, or `None` while it is live."""
    if stage.status is Status.PUBLISHED:
        return End.PUBLISHED
    if stage.status is not Status.CANCELED:
        return None
    if stage.sent:
        return End.GIVEN_UP
    return End.EXPIRED if stage.reason in {_EXPIRED, _MADE_ROOM} else End.CANCELED


def limit_notice(stage: Stage, longest: timedelta) -> str | None:
    """Return the sentence for who wants a stage to live longer than the server allows."""
    latest = stage.opened_at + longest
    if stage.expires_at < latest:
        return None
    return (
        f"The server keeps a stage for at most {spell_duration(longest)} after it was opened: this "
        f"one expires on {latest:%Y-%m-%d %H:%M} UTC."
    )


def shortest_notice(shortest: timedelta) -> str:
    """Return the sentence for who wants a stage to live shorter than the server allows."""
    return (
        f"The server keeps a stage for at least {spell_duration(shortest)} after each change. Its "
        "operator can lower stage.min_lifetime."
    )


def as_of(stage: Stage, now: datetime) -> Stage:
    """Return the stage as it is *now*: expired stages and uploads have ended, swept or not."""
    if stage.has_expired(now):
        return ended(stage, _EXPIRED, stage.expires_at)
    live = tuple(one for one in stage.uploads if one.as_of(now) is one)
    return stage if len(live) == len(stage.uploads) else replace(stage, uploads=live)


def next_change(stage: Stage, now: datetime, retention: timedelta) -> datetime | None:
    """Return when the preview of a stage changes although nobody changes the stage.

    *retention*: how long a stage that has ended is reported as gone. `None`: it never does.
    """
    if stage.ended_at is None:
        return stage.expires_at if Step.CANCEL in stage.steps() else None
    times = (stage.ended_at + LAG, stage.ended_at + retention)
    return min((one for one in times if one > now), default=None)


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
