"""What was shown of a stage to whoever may publish it, and what has changed since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from stageproxy.core.audit import AuditAction, AuditRecord, Event
from stageproxy.core.rights import actor_label
from stageproxy.core.stage.listing import whole_seconds
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Artifact, Stage

_WITHDRAWALS = frozenset({AuditAction.WITHDRAWN, AuditAction.FILE_DELETED})
_ARRIVALS = frozenset({AuditAction.UPLOADED, AuditAction.REPLACED})


class LookKind(StrEnum):
    """The occasions on which a stage is shown.

    A plan that comes with a question is no look until the answer is yes, which is
    an approval: whoever answers no sees the changes again.
    """

    DRY_RUN = "dry-run"
    PAGE = "page"
    QUESTION = "question"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file of a stage as it was shown: its bytes, and the form that it came with."""

    filename: str
    sha256: str
    form_sha256: str


@dataclass(frozen=True, slots=True)
class Look:
    """A stage as it was shown to the holder of an API token."""

    stage_id: str
    token_id: str
    kind: LookKind
    at: datetime
    manifest_digest: str
    revision: int
    files: tuple[SeenFile, ...]


class ChangeKind(StrEnum):
    """The ways in which a file of a stage can change."""

    ADDED = "added"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is not as it was: who uploaded or withdrew it, and when, if that is known."""

    kind: ChangeKind
    filename: str
    old_sha256: str | None
    sha256: str | None
    by: str | None = None
    at: datetime | None = None


def look_at(stage: Stage, token_id: str, kind: LookKind, now: datetime) -> Look:
    """Return the look at a stage as it is *now*."""
    files = (SeenFile(one.filename, one.sha256, one.form_sha256) for one in stage.artifacts)
    digest = manifest_digest(stage.artifacts)
    return Look(stage.id, token_id, kind, now, digest, stage.revision, tuple(files))


def last_look(looks: Iterable[Look], token_id: str) -> Look | None:
    """Return what the holder of a token saw last; a question without its answer is no look."""
    own = (one for one in looks if one.token_id == token_id and one.kind is not LookKind.QUESTION)
    return max(own, key=_time_of, default=None)


def last_approval(looks: Iterable[Look]) -> Look | None:
    """Return what was approved last, by any token."""
    return max((one for one in looks if one.kind is LookKind.APPROVAL), key=_time_of, default=None)


def look_at_content(
    looks: Iterable[Look], token_id: str, digest: str | None, revision: int | None
) -> Look | None:
    """Return the last look of a token at the files with a manifest digest, of one revision or any.

    A question counts: it tells what its answer is about.
    """
    own = (one for one in looks if one.token_id == token_id and one.manifest_digest == digest)
    fitting = (one for one in own if revision in {None, one.revision})
    return max(fitting, key=_time_of, default=None)


def _time_of(look: Look) -> datetime:
    return look.at


def changes(
    former: Iterable[SeenFile | Artifact], artifacts: Iterable[Artifact]
) -> Sequence[Change]:
    """Return what has changed from *former* files to the present ones, by filename."""
    before = {one.filename: one for one in former}
    now = {one.filename: one for one in artifacts}
    return [
        change
        for name in sorted({*before, *now})
        if (change := _change(before.get(name), now.get(name)))
    ]


def _change(before: SeenFile | Artifact | None, now: Artifact | None) -> Change | None:
    if now is None:
        return (
            Change(ChangeKind.WITHDRAWN, before.filename, before.sha256, None) if before else None
        )
    kind = _kind_of_change(before, now)
    if kind is None:
        return None
    old = before.sha256 if before else None
    return Change(kind, now.filename, old, now.sha256, now.uploaded_by, now.uploaded_at)


def _kind_of_change(before: SeenFile | Artifact | None, after: Artifact) -> ChangeKind | None:
    if before is None:
        return ChangeKind.ADDED
    if before.sha256 != after.sha256:
        return ChangeKind.REPLACED
    return ChangeKind.FORM if before.form_sha256 != after.form_sha256 else None


@dataclass(frozen=True, slots=True)
class Differences:
    """What of a stage has changed since a look at it. Without one, every file is new."""

    since: Look | None
    changes: Sequence[Change]


def differences(
    since: Look | None, stage: Stage, records: Iterable[AuditRecord] = ()
) -> Differences:
    """Return what of a stage has changed since a look, or its files as new ones.

    The *records* of its audit trail tell who withdrew a file.
    """
    found = changes(since.files if since else (), stage.artifacts)
    withdrawals: dict[object, Event] = {
        (one.event.details.get("filename"), one.event.details.get("sha256")): one.event
        for one in records
        if one.event.action in _WITHDRAWALS
    }
    return Differences(since, [_with_withdrawal(one, withdrawals) for one in found])


def _with_withdrawal(change: Change, withdrawals: Mapping[object, Event]) -> Change:
    event = withdrawals.get((change.filename, change.old_sha256))
    if change.kind is not ChangeKind.WITHDRAWN or event is None:
        return change
    return replace(change, by=event.actor, at=event.at)


def forms_in_doubt(stage: Stage, records: Iterable[AuditRecord]) -> Sequence[Change]:
    """Return the files whose present bytes came with more than one form, by the audit trail.

    A manifest digest covers the bytes alone, so it does not say which of the forms was seen.
    """
    arrivals: dict[tuple[object, object], list[Event]] = {}
    for event in (one.event for one in records if one.event.action in _ARRIVALS):
        of_bytes = event.details.get("filename"), event.details.get("sha256")
        arrivals.setdefault(of_bytes, []).append(event)
    return [
        Change(ChangeKind.FORM, one.filename, one.sha256, one.sha256, last.actor, last.at)
        for one in stage.artifacts
        if (last := _last_other_form(one, arrivals.get((one.filename, one.sha256), [])))
    ]


def _last_other_form(artifact: Artifact, arrivals: Sequence[Event]) -> Event | None:
    """Return how an artifact arrived last, if its bytes came with other forms, too."""
    forms = {one.details.get("form-sha256") for one in arrivals}
    return arrivals[-1] if forms - {artifact.form_sha256} else None


def change_sentence(change: Change, names: Mapping[str, str]) -> str:
    """Return what happened to a file, with the *names* of the API tokens that have one."""
    how = (
        f" at {whole_seconds(change.at)} by {actor_label(change.by or '', names)}"
        if change.at
        else ""
    )
    match change.kind:
        case ChangeKind.ADDED:
            return f"It was added{how}."
        case ChangeKind.REPLACED:
            return (
                f"It was replaced{how}. Its sha256 was {change.old_sha256} and is now "
                f"{change.sha256}."
            )
        case ChangeKind.WITHDRAWN:
            return f"It was withdrawn{how}. Its sha256 was {change.old_sha256}."
        case ChangeKind.FORM:
            return f"It was uploaded again{how}, with the same bytes but another form."
