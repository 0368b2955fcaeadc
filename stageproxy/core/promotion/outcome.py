"""The outcome of a promotion: why it stopped, or its receipt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stageproxy.core.promotion.journal import (
    Journal,
    Progress,
    anything_may_be_published,
    confirmed_in,
)
from stageproxy.core.promotion.promotion import CLOSES_AFTER, Promotion
from stageproxy.core.rights import actor_label
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.manifest import manifest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import ArtifactKind, Stage

_NOTHING = (
    "Nothing was published. Change the stage if necessary and run `stageproxy promote STAGE` again."
)
_RESUME = "Fix the problem above and run `promote` again; it resumes where it stopped."
_RESUME_STOPPED = "Run `stageproxy promote STAGE` again to publish the rest."


def stop_reason(promotion: Promotion, names: Mapping[str, str]) -> str | None:
    """Return who stopped a promotion, `None` if nobody did. *names*: of API tokens, by id."""
    return f"Stopped by {actor_label(promotion.stop.by, names)}." if promotion.stop else None


@dataclass(frozen=True, slots=True)
class PublishedState:
    """What is known of the files of a release, by their names.

    `public`: the index has listed them. `accepted`: the index has accepted, and not
    listed them yet. `unknown`: it may have them. `unpublished`: it does not.
    """

    public: Sequence[str]
    accepted: Sequence[str]
    unknown: Sequence[str]
    unpublished: Sequence[str]


def published_state(stage: Stage, journal: Journal) -> PublishedState:
    """Return what a journal tells of the files of a stage."""
    public = [entry.filename for entry in confirmed_in(journal)]
    doubtful = [
        entry
        for entry in journal.values()
        if entry.may_be_published and entry.filename not in public
    ]
    accepted = [one.filename for one in doubtful if one.progress is Progress.SENT]
    unknown = [one.filename for one in doubtful if one.progress is not Progress.SENT]
    known = {*public, *accepted, *unknown}
    unpublished = [one.filename for one in stage.artifacts if one.filename not in known]
    return PublishedState(public, sorted(accepted), sorted(unknown), sorted(unpublished))


def give_up_message(state: PublishedState, by: str, *, is_checked: bool) -> str:
    """Return who gave up a release, what stays public of it, and what does not.

    *is_checked*: whether the index was read for it.
    """
    sentences = [
        f"Given up by {by}.",
        f"Public for ever: {_joined(state.public)}." if state.public else "",
        *_doubts(state),
        f"Not published: {_joined(state.unpublished)}." if state.unpublished else "",
        "" if is_checked else "The index could not be read to check this.",
    ]
    return " ".join(filter(None, sentences))


def stop_message(reason: str, stage: Stage, journal: Journal, promotion: Promotion) -> str:
    """Return why a promotion stopped, what is published, what users see, and how to resume."""
    if not anything_may_be_published(journal):
        return f"{reason} {_NOTHING}"
    state = published_state(stage, journal)
    sentences = [
        reason,
        progress_message(stage, journal),
        *_doubts(state),
        _what_users_see(stage, state.public),
        _RESUME_STOPPED if promotion.stop else _RESUME,
        _until(promotion.first_sent_at),
    ]
    return " ".join(filter(None, sentences))


def progress_message(stage: Stage, journal: Journal) -> str:
    """Return the sentence on which files of a release are published."""
    published = [entry.filename for entry in confirmed_in(journal)]
    names = f": {_joined(published)}" if published else ""
    return f"{len(published)} of {len(stage.artifacts)} files are published{names}."


def receipt(stage: Stage, promotion: Promotion, journal: Journal) -> dict[str, Any]:
    """Return the receipt of a published stage: what was published, when, where and by whom."""
    return {
        "stage": stage.id,
        "project": stage.project,
        "version": stage.version,
        "manifest-digest": promotion.approval.manifest_digest,
        "revision": promotion.approval.revision,
        "manifest": manifest(stage.artifacts),
        "approved-by": promotion.approval.by,
        "approved-at": rfc3339(promotion.approval.at),
        "acknowledged": list(promotion.approval.acknowledged),
        "first-sent-at": rfc3339(promotion.first_sent_at) if promotion.first_sent_at else None,
        "published-at": rfc3339(stage.ended_at) if stage.ended_at else None,
        "publisher": promotion.publisher.value,
        "published-by": promotion.publisher.way,
        "repository-url": promotion.target.repository_url,
        "index-url": promotion.target.index_url,
        "files": {
            one.filename: {
                "sha256": one.sha256,
                "blake2b_256": one.blake2b_256,
                "form-sha256": one.form_sha256,
                "size": one.size,
                "url": journal[one.filename].url,
                "attempts": journal[one.filename].attempts,
                "confirmed-at": rfc3339(journal[one.filename].changed_at),
            }
            for one in in_promotion_order(stage.artifacts)
        },
        "notices": list(promotion.notices),
    }


def _doubts(state: PublishedState) -> Iterator[str]:
    if state.accepted:
        yield f"Accepted, but not listed by the index yet: {_joined(state.accepted)}."
    if state.unknown:
        yield f"Unknown, because the index did not answer: {_joined(state.unknown)}."


def _joined(filenames: Sequence[str]) -> str:
    return ", ".join(sorted(filenames))


def _what_users_see(stage: Stage, published: Sequence[str]) -> str:
    missing = [one for one in stage.artifacts if one.filename not in published]
    if not published or not missing:
        return ""
    has_sdist = any(one.kind is ArtifactKind.SDIST for one in missing)
    lacking = "the sdist is missing" if has_sdist else "some wheels are missing"
    return (
        f"Installers see only these files of {stage.release}; {lacking}. "
        "Where none fits, they install an older release."
    )


def _until(first_sent_at: datetime | None) -> str:
    if first_sent_at is None:
        return ""
    closes = first_sent_at + CLOSES_AFTER
    return f"PyPI accepts files for this release until about {closes:%Y-%m-%d}."
