"""The entry points, modules, extensions, licence files and scripts of two artifacts."""

import re
from collections.abc import Iterator, Mapping

from stageproxy.core.review.delta.delta import NameDelta
from stageproxy.core.review.delta.members import Members
from stageproxy.core.review.delta.metadata_fields import kind_of
from stageproxy.core.review.printable import printable
from stageproxy.core.review.summary import ArchiveSummary, MemberKind

_LICENSE_NAME = r"(?:licen[cs]e|copying|copyright|notice)[^/]*"
_LICENSE = re.compile(
    rf"[^/]+\.dist-info/(?:licenses/)?((?:.*/)?{_LICENSE_NAME})|({_LICENSE_NAME})", re.IGNORECASE
)
"""The path of a licence file: in the metadata of a wheel, or at the top of an sdist."""

_SCRIPT = re.compile(r"[^/]+\.data/scripts/(.+)")
_SUFFIX = re.compile(r"(?:\.\*)?\.(?:so|pyd|dylib|dll)(?:\.[\d.]+)?$")

Names = Mapping[str, str]
"""Names, each with what it stands for: an object, or the digest of a file."""


def compare_names(
    before: ArchiveSummary, then: Members, after: ArchiveSummary, now: Members
) -> list[NameDelta]:
    """Return the names that differ. *then* and *now* are the files in the two artifacts."""
    return [
        *_compare("entry-point", _entry_points(before), _entry_points(after)),
        *_compare("module", _modules(before), _modules(after)),
        *_compare("extension", _extensions(then), _extensions(now)),
        *_without_digests("license", _found(_LICENSE, then), _found(_LICENSE, now)),
        *_without_digests("script", _found(_SCRIPT, then), _found(_SCRIPT, now)),
    ]


def _compare(what: str, before: Names, after: Names) -> Iterator[NameDelta]:
    for name in sorted({*before, *after}):
        pair = before.get(name, ""), after.get(name, "")
        if pair[0] != pair[1]:
            values = printable(pair[0]), printable(pair[1])
            yield NameDelta(what, printable(name), kind_of(*pair), *values)


def _without_digests(what: str, before: Names, after: Names) -> Iterator[NameDelta]:
    for one in _compare(what, before, after):
        yield NameDelta(what, one.name, one.kind)


def _entry_points(summary: ArchiveSummary) -> Names:
    pairs = (text.partition(" = ") for text in summary.entry_points)
    return {name: target for name, _, target in pairs}


def _modules(summary: ArchiveSummary) -> Names:
    return {name: name for name in summary.top_level}


def _extensions(members: Members) -> Names:
    found = (path for path, one in members.items() if one.kind is MemberKind.EXTENSION)
    names = (_SUFFIX.sub("", path) for path in found)
    return {name: name for name in names}


def _found(pattern: re.Pattern[str], members: Members) -> Names:
    matches = ((pattern.fullmatch(path), one) for path, one in members.items())
    return {match[match.lastindex or 0]: one.sha256 for match, one in matches if match}
