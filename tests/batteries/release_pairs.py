"""Pairs of real releases: what the delta of each says, as it was looked at and recorded.

`python -m tests.batteries.release_pairs` downloads the pairs again and records what the delta says
now. The difference that version control shows has to be looked at before it is committed.
"""

import asyncio
import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageproxy.core.review.contents.summaries import summary_of
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.compare import SummaryDelta, compare_summaries
from stageproxy.core.review.delta.delta import Against, ArtifactDelta, Delta
from stageproxy.core.review.delta.deltas import merge_delta
from stageproxy.core.review.delta.findings import delta_findings
from stageproxy.core.review.delta.text_diff import text_diff
from stageproxy.core.review.strictness import strictness_findings
from stageproxy.core.review.summary import ArchiveSummary
from tests.support.builders.distributions import Distribution
from tests.support.builders.real_distributions import fetch_distributions

RECORD = Path(__file__).parents[1] / "data" / "release_deltas.json"
_FIELDS = frozenset(
    {"Requires-Dist", "Requires-Python", "Provides-Extra", "License", "License-Expression"}
)
_LICENSE_CLASSIFIER = "License ::"
_LONGEST = 100

Document = Mapping[str, Any]
"""What is recorded of a pair, or of one of its artifacts."""


def recorded_pairs() -> Sequence[Document]:
    """Return what is recorded, a document for each pair."""
    pairs: Sequence[Document] = json.loads(RECORD.read_text())
    return pairs


@dataclass(frozen=True, slots=True)
class Side:
    """One artifact of a pair: its summary, its size in bytes and the number of its files."""

    summary: ArchiveSummary
    size: int
    files: int

    @property
    def document(self) -> Document:
        """What is recorded of it: facts that the delta depends on."""
        kept = (
            [name, value if name != "License" else value[:_LONGEST]]
            for name, value, _ in self.summary.metadata
            if name in _FIELDS or value.startswith(_LICENSE_CLASSIFIER)
        )
        return {
            "filename": self.summary.filename,
            "size": self.size,
            "files": self.files,
            "fields": [*kept],
            "entry-points": [*self.summary.entry_points],
            "modules": [*self.summary.top_level],
        }


def recorded_side(document: Document) -> Side:
    """Return the artifact of a document, with what is recorded of its metadata."""
    lines = enumerate(document["fields"], 1)
    summary = ArchiveSummary(
        document["filename"],
        metadata=tuple((name, value, number) for number, (name, value) in lines),
        entry_points=tuple(document["entry-points"]),
        top_level=tuple(document["modules"]),
    )
    return Side(summary, document["size"], document["files"])


def downloaded_side(distribution: Distribution) -> Side:
    """Return a real artifact."""
    content = distribution.content
    summary = summary_of(io.BytesIO(content), distribution.filename)
    return Side(summary, len(content), len(summary.members))


def says(before: Side, after: Side) -> Document:
    """Return what the delta of a pair says, in short lines."""
    changes = compare_summaries(before.summary, after.summary)
    delta = _delta(before, after, changes)
    return {
        "fields": [f"{one.field} {one.kind}: {_pair(one)}" for one in delta.fields],
        "requirements": [
            f"{one.name}{f'[{one.extra}]' if one.extra else ''} {one.change}: {_pair(one)}"
            for one in delta.requirements
        ],
        "names": [f"{one.what} {one.name} {one.kind}: {_pair(one)}" for one in delta.names],
        "findings": [f"{one.level} {one.code}" for one in delta_findings(delta)],
    }


def says_of_files(before: Side, after: Side) -> Document:
    """Return what the delta says of the files, and what strictness says of the later artifact."""
    changes = compare_summaries(before.summary, after.summary)
    findings = strictness_findings(after.summary)
    return {
        "members": dict(Counter(one.kind.value for one in changes.members)),
        "omitted": changes.omitted,
        "strictness": [f"{one.level} {one.code} {one.place}" for one in findings],
    }


def _delta(before: Side, after: Side, changes: SummaryDelta) -> Delta:
    artifact = ArtifactDelta(
        after.summary.filename,
        before.summary.filename,
        before.size,
        after.size,
        changes.members,
        changes.omitted,
        changes.not_compared,
        before.files,
        after.files,
    )
    review = ArtifactReview(artifact, changes.fields, changes.requirements, changes.names)
    return merge_delta(Delta(Against.RELEASE, "", "the release before"), [review])


def _pair(change: Any) -> str:
    return f"{change.before[:_LONGEST]!r} -> {change.after[:_LONGEST]!r}"


async def download(pair: Document) -> tuple[Distribution, Distribution]:
    """Return both artifacts of a pair from the index that pip uses."""
    names = pair["before"]["filename"], pair["after"]["filename"]
    project: str = pair["project"]
    found = await fetch_distributions(dict.fromkeys(names, project))
    return found[names[0]], found[names[1]]


def diffs_without_a_side(before: Distribution, after: Distribution) -> tuple[int, list[str]]:
    """Return the number of diffs of texts, and the paths of those that do not have both texts."""
    sides = downloaded_side(before), downloaded_side(after)
    old, new = (_contents(one, side) for one, side in zip((before, after), sides, strict=True))
    shared = [path for path in old.keys() & new.keys() if old[path] != new[path]]
    diffs = {path: text_diff(old[path], new[path], context=None) for path in shared}
    whole = {path: lines for path, (lines, not_shown) in diffs.items() if not not_shown}
    wrong = [
        path
        for path, lines in whole.items()
        if [one.text for one in lines if one.sign in " -"] != _lines(old[path])
        or [one.text for one in lines if one.sign in " +"] != _lines(new[path])
    ]
    return len(whole), wrong


def _contents(distribution: Distribution, side: Side) -> Mapping[str, bytes]:
    """Return the texts in an artifact whose lines are shown as they are, by path."""
    read = _raw_contents(distribution)
    found = {one.path: read.get(one.raw_path or one.path, b"") for one in side.summary.members}
    return {path: content for path, content in found.items() if _is_plain(content)}


def _raw_contents(distribution: Distribution) -> Mapping[str, bytes]:
    file = io.BytesIO(distribution.content)
    if distribution.filename.endswith(".whl"):
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=file) as archive:
        members = [(one.name, archive.extractfile(one)) for one in archive if one.isfile()]
        return {name: member.read() for name, member in members if member}


def _is_plain(content: bytes) -> bool:
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return False
    return all(one.replace("\t", "").isprintable() and len(one) <= 300 for one in lines)


def _lines(content: bytes) -> list[str]:
    return content.decode().split("\n")


async def record() -> None:
    """Download all pairs again, and record what the delta says of each."""
    found = []
    for pair in recorded_pairs():
        before, after = map(downloaded_side, await download(pair))
        said = {**says(before, after), **says_of_files(before, after)}
        sides = {"before": before.document, "after": after.document}
        found.append({"project": pair["project"], **sides, "delta": said})
    RECORD.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(record())
