"""Builders of summaries of artifacts, and of the reviews made from them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import ArtifactDelta
from stageproxy.core.review.summary import ArchiveSummary, MemberKind, MemberSummary

_EXTENSION = re.compile(r".*\.(?:so(?:\.\d+)?|pyd)")
WHEEL = "demo-2.0-py3-none-any.whl"


def a_summary(
    *metadata: str,
    files: Mapping[str, str] | None = None,
    filename: str = WHEEL,
    description: str = "",
    entry_points: Sequence[str] = (),
    top_level: Sequence[str] = (),
    not_read: str = "",
) -> ArchiveSummary:
    """Return the summary of an artifact with lines of METADATA and files, each with a text."""
    fields = (line.partition(": ") for line in metadata)
    return ArchiveSummary(
        filename,
        tuple(_member(path, text) for path, text in (files or {}).items()),
        metadata=tuple((name, value, number) for number, (name, _, value) in enumerate(fields, 1)),
        description=description,
        entry_points=tuple(entry_points),
        top_level=tuple(top_level),
        not_read=not_read,
    )


def _member(path: str, text: str) -> MemberSummary:
    kind = MemberKind.EXTENSION if _EXTENSION.fullmatch(path) else MemberKind.TEXT
    return MemberSummary(path, kind, len(text), hashlib.sha256(text.encode()).hexdigest())


def a_review(filename: str = WHEEL, before: str = "", **delta: Any) -> ArtifactReview:
    """Return the review of an artifact beside that of version 1.0, with parts of its delta."""
    counterpart = before or filename.replace("2.0", "1.0")
    return ArtifactReview(ArtifactDelta(filename, counterpart, **delta))
