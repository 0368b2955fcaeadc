"""The story of a stage so far: its audit trail, as far as it is for every reader, in sentences.

Events in a row that somebody caused on several files are one chapter. Refusals, tokens and the
addresses that a release is published to are for those who may read the audit trail itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from stageproxy.core.audit import SERVER, AuditAction, AuditRecord, Event, PlainValue
from stageproxy.core.rights import actor_label
from stageproxy.core.wording import first_few

_MOST_CHAPTERS = 60
_MOST_NAMES = 4

_OF_FILES: Mapping[str, str] = {
    AuditAction.UPLOADED: "uploaded",
    AuditAction.REPLACED: "replaced",
    AuditAction.WITHDRAWN: "withdrew",
    AuditAction.FILE_ANNOUNCED: "announced",
    AuditAction.FILE_FAILED: "could not add",
    AuditAction.ARTIFACT_SENT: "sent",
    AuditAction.ARTIFACT_CONFIRMED: "saw on the index",
    AuditAction.ARTIFACT_REFUSED: "was refused",
    AuditAction.ARTIFACT_UNKNOWN: "got no clear answer for",
}
_OF_STAGE: Mapping[str, str] = {
    AuditAction.OPENED: "opened the stage",
    AuditAction.EXTENDED: "extended the stage",
    AuditAction.ROTATED: "replaced the stage URL",
    AuditAction.CANCELED: "canceled the stage",
    AuditAction.EXPIRED: "ended the stage: it expired",
    AuditAction.PROMOTION_BEGUN: "approved the manifest and began to publish",
    AuditAction.PROMOTION_RESUMED: "resumed publishing",
    AuditAction.PROMOTION_STOP_REQUESTED: "asked to stop publishing",
    AuditAction.PROMOTION_STOPPED: "stopped publishing",
    AuditAction.PROMOTION_GIVEN_UP: "gave up what is not published",
    AuditAction.PUBLISHED: "published the release",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """What happened: from when to when, who did what, to which files, and what was said."""

    at: datetime
    until: datetime
    who: str
    did: str
    files: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """The latest chapters, the latest first; `omitted` is how many came before."""

    chapters: tuple[Chapter, ...]
    omitted: int = 0


def story_of(records: Iterable[AuditRecord], names: Mapping[str, str]) -> Story:
    """Return the story of a stage. *names*: those of API tokens, by id."""
    events = [one.event for one in records if one.event.action in {*_OF_FILES, *_OF_STAGE}]
    chapters = [*_chapters(events, names)]
    latest = chapters[-_MOST_CHAPTERS:]
    return Story(tuple(reversed(latest)), len(chapters) - len(latest))


def _chapters(events: Sequence[Event], names: Mapping[str, str]) -> Iterator[Chapter]:
    for (actor, action, said), group in groupby(events, key=_key):
        ones = list(group)
        who = "The server" if actor == SERVER else actor_label(actor, names)
        files = [_text(one.details, "filename") for one in ones]
        yield Chapter(
            at=ones[0].at,
            until=ones[-1].at,
            who=who,
            did=_OF_FILES.get(action) or _OF_STAGE[action],
            files=_named([*dict.fromkeys(filter(None, files))]),
            said=said,
        )


def _key(event: Event) -> tuple[str, str, str]:
    return event.actor, event.action, _said(event)


def _said(event: Event) -> str:
    return _text(event.details, "sentence") or _text(event.details, "reason")


def _named(files: Sequence[str]) -> str:
    if len(files) <= _MOST_NAMES:
        return ", ".join(files)
    return f"{len(files)} files: {first_few(files, _MOST_NAMES)}"


def _text(details: Mapping[str, PlainValue], name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""
