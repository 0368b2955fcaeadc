"""Here is what a promotion comes to: what users see if it stopped, the receipt if it did not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stageproxy.core.promotion.journal import Journal, anything_may_be_out, confirmed_in
from stageproxy.core.promotion.promotion import CLOSES_AFTER, Promotion
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.manifest import manifest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import ArtifactKind, Stage

_NOTHING = "Nothing was published: change the stage if need be, and promote it again."


def why_it_stopped(
    reason: str, stage: Stage, journal: Journal, first_sent_at: datetime | None
) -> str:
    """Return the sentences for whoever has to go on: why, what is live, what users see, how on."""
    if not anything_may_be_out(journal):
        return f"{reason} {_NOTHING}"
    out = [entry.filename for entry in confirmed_in(journal)]
    doubtful = [
        entry.filename
        for entry in journal.values()
        if entry.may_be_out and entry.filename not in out
    ]
    sentences = [
        reason,
        how_far(stage, journal),
        f"Of {'others' if out else 'some'} nobody knows yet{_named(doubtful)}." if doubtful else "",
        _what_users_see(stage, out),
        "Mend what is said, and promote the stage again: it goes on where it stopped.",
        _until(first_sent_at),
    ]
    return " ".join(filter(None, sentences))


def how_far(stage: Stage, journal: Journal) -> str:
    """Return the sentence on what users see of a release that is being published."""
    out = [entry.filename for entry in confirmed_in(journal)]
    return f"{len(out)} of {len(stage.artifacts)} files are live{_named(out)}."


def receipt(stage: Stage, promotion: Promotion, journal: Journal) -> dict[str, Any]:
    """Return what a published stage can show for itself: what, when, by whom, and where it is."""
    return {
        "stage": stage.id,
        "project": stage.project,
        "version": stage.version,
        "manifest-digest": promotion.approval.manifest_digest,
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
                "size": one.size,
                "url": journal[one.filename].url,
                "attempts": journal[one.filename].attempts,
                "confirmed-at": rfc3339(journal[one.filename].changed_at),
            }
            for one in in_promotion_order(stage.artifacts)
        },
        "notices": list(promotion.notices),
    }


def _named(filenames: Sequence[str]) -> str:
    return f" ({', '.join(sorted(filenames))})" if filenames else ""


def _what_users_see(stage: Stage, out: Sequence[str]) -> str:
    missing = [one for one in stage.artifacts if one.filename not in out]
    if not out or not missing:
        return ""
    has_sdist = any(one.kind is ArtifactKind.SDIST for one in missing)
    without = "and there is no sdist yet" if has_sdist else "and some wheels are missing"
    return (
        f"Installers see {stage.release} with these files alone, {without}: "
        "where none fits, they take an older release."
    )


def _until(first_sent_at: datetime | None) -> str:
    if first_sent_at is None:
        return ""
    closes = first_sent_at + CLOSES_AFTER
    return f"PyPI takes files for this release until about {closes:%Y-%m-%d}, and none later."
