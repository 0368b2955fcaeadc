"""The values of the stage page's templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from stageproxy.core.audit import AuditRecord
from stageproxy.core.promotion.journal import Journal
from stageproxy.core.review.review import Review
from stageproxy.core.rights import actor_label
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.checksum_marks import Comparison
from stageproxy.core.stage.install_commands import install_commands, upload_command
from stageproxy.core.stage.stage import LIVE, Stage, Status, Step
from stageproxy.services.descriptions import Description
from stageproxy.web.preview.views.about import about
from stageproxy.web.preview.views.decision import (
    baseline_words,
    counts_of,
    expiry_words,
    judgment_of,
    outcome_words,
    state_of,
    tries_of,
)
from stageproxy.web.preview.views.delta import EVERYTHING, Room, delta_view, summary_of
from stageproxy.web.preview.views.drawings import size_bars, timeline_of
from stageproxy.web.preview.views.evidence import try_table
from stageproxy.web.preview.views.file_rows import file_table
from stageproxy.web.preview.views.matrix import matrix_of
from stageproxy.web.preview.views.story import story_of

_LOUD = frozenset({Level.REFUSE, Level.WARN})


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a stage page is made of.

    *names*: those of API tokens, by id. *everything*: however long the page gets. *pasted*: hashes
    that somebody has pasted, and what they are beside the files.
    """

    stage: Stage
    review: Review
    url: str
    index_name: str
    now: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    journal: Journal = field(default_factory=dict)
    records: Sequence[AuditRecord] = field(default=(), repr=False)
    description: Description = field(default_factory=Description)
    notices: Sequence[str] = ()
    release_url: str = ""
    pasted: str = field(default="", repr=False)
    compared: Comparison | None = field(default=None, repr=False)
    everything: bool = False


def page_values(facts: Facts) -> dict[str, Any]:
    """Return the values of `preview/pages/stage.html`."""
    stage, review = facts.stage, facts.review
    return {
        **_stage_values(facts),
        **_review_values(review, EVERYTHING if facts.everything else Room(), facts.index_name),
        **_file_values(stage, review, facts.names, facts.journal),
        "about": about(facts.description, everything=facts.everything),
        "story": story_of(facts.records, facts.names),
        "pasted": facts.pasted,
        "comparison": facts.compared,
    }


def _stage_values(facts: Facts) -> dict[str, Any]:
    stage = facts.stage
    return {
        "stage": stage,
        "stage_url": facts.url,
        "index_name": facts.index_name,
        "notices": facts.notices,
        "journal": facts.journal,
        "release_url": facts.release_url,
        "release_host": urlsplit(facts.release_url).netloc,
        "commands": install_commands(facts.url, stage.project, stage.version),
        "upload": upload_command(facts.url),
        "can_upload": Step.EDIT in stage.steps(),
        "state": state_of(stage, facts.index_name),
        "is_published": stage.status is Status.PUBLISHED,
        "is_judged": stage.status in LIVE and bool(stage.artifacts),
        "is_running": stage.status is Status.PROCESSING,
        "expiry": expiry_words(stage, facts.now),
        "minute": timedelta(minutes=1),
        "module": stage.project.replace("-", "_"),
    }


def _review_values(review: Review, room: Room, index_name: str) -> dict[str, Any]:
    has_rows = review.impact is not None and bool(review.impact.rows)
    return {
        "review": review,
        "manifest": review.manifest,
        "manifest_digest": review.manifest_digest,
        "judgment": judgment_of(review, index_name),
        "counts": counts_of(review.findings),
        "outcome": outcome_words(review),
        "baseline": baseline_words(review),
        "tries": tries_of(review),
        "loud": [one for one in review.findings if one.level in _LOUD],
        "quiet": [one for one in review.findings if one.level not in _LOUD],
        "matrix": matrix_of(review.impact, review.version) if review.impact and has_rows else None,
        "timeline": timeline_of(review.impact) if review.impact else (),
        "deltas": [delta_view(one, room) for one in review.deltas],
        "contents": summary_of,
    }


def _file_values(
    stage: Stage, review: Review, names: Mapping[str, str], journal: Journal
) -> dict[str, Any]:
    sizes = {one.filename: one.size for one in stage.artifacts}
    bars = size_bars(sizes.items(), review.deltas[0] if review.deltas else None)
    people = {*(one.uploaded_by for one in stage.artifacts), *(one.by for one in review.evidence)}
    labels = {one: actor_label(one, names) for one in people}
    progress = {name: entry.progress.value for name, entry in journal.items()}
    uploads = [one.uploaded_at for one in stage.artifacts]
    return {
        "table": file_table(stage, bars, review.findings, labels, progress),
        "total": sum(sizes.values()),
        "has_before": any(one.before for one in bars.values()),
        "last_upload": max(uploads, default=stage.opened_at),
        "trials": try_table(review, labels),
        "is_unfinished": (stage.status is Status.PROCESSING or review.progress.state.is_unfinished),
    }
