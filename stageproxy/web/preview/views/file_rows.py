"""The files of a stage as rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage
from stageproxy.web.preview.views.drawings import SizeBar

_MOST_TAGS = 3


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file: where it is, what it is for, who uploaded it, and how many findings are about it.

    `counts` are the numbers of findings that are about this file, by level.
    """

    filename: str
    path: str
    serves: str
    bar: SizeBar
    sha256: str
    uploaded_by: str
    uploaded_at: datetime
    counts: tuple[tuple[Level, int], ...] = ()
    progress: str = ""


@dataclass(frozen=True, slots=True)
class FileTable:
    """All files. `uploader` is who uploaded all of them, empty if there are several."""

    rows: tuple[FileRow, ...]
    uploader: str
    total: int


def file_table(
    stage: Stage,
    bars: Mapping[str, SizeBar],
    findings: Sequence[ReviewFinding],
    uploaders: Mapping[str, str],
    progress: Mapping[str, str],
) -> FileTable:
    """Return the files in the order of their promotion. *progress*: that of a promotion."""
    counts = _counts(findings)
    rows = tuple(
        FileRow(
            filename=one.filename,
            path=one.path,
            serves=serves(one),
            bar=bars[one.filename],
            sha256=one.sha256,
            uploaded_by=uploaders[one.uploaded_by],
            uploaded_at=one.uploaded_at,
            counts=counts.get(one.filename, ()),
            progress=progress.get(one.filename, "pending") if progress else "",
        )
        for one in in_promotion_order(stage.artifacts)
    )
    names = {one.uploaded_by for one in rows}
    uploader = names.pop() if len(names) == 1 else ""
    return FileTable(rows, uploader, sum(one.size for one in stage.artifacts))


def serves(artifact: Artifact) -> str:
    """Return for which Pythons and platforms a file is, by its tags."""
    if artifact.kind is ArtifactKind.SDIST:
        return "source"
    try:
        tags = parse_wheel_filename(artifact.filename)[3]
    except InvalidWheelFilename:
        return "wheel"
    pythons = sorted({one.interpreter for one in tags})
    abis = sorted({one.abi for one in tags} - {"none", *pythons})
    platforms = sorted({one.platform for one in tags})
    listed = [*pythons, *abis, *([] if platforms == ["any"] else platforms)]
    more = len(listed) - _MOST_TAGS
    return ", ".join(listed[:_MOST_TAGS]) + (f" and {more} more" if more > 0 else "")


def _counts(findings: Sequence[ReviewFinding]) -> Mapping[str, tuple[tuple[Level, int], ...]]:
    """Return the findings about each file, but for those that are about all of them."""
    found: dict[str, dict[Level, int]] = {}
    for finding in findings:
        for filename in finding.files:
            levels = found.setdefault(filename, {})
            levels[finding.level] = levels.get(finding.level, 0) + 1
    return {
        filename: tuple((level, levels[level]) for level in Level if level in levels)
        for filename, levels in found.items()
    }
