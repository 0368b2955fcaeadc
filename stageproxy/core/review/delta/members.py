"""The files in two artifacts, compared by path and digest."""

import re
from collections.abc import Mapping

from stageproxy.core.review.delta.delta import ChangeKind, MemberDelta
from stageproxy.core.review.printable import printable
from stageproxy.core.review.summary import ArchiveSummary, MemberKind, MemberSummary

_TAGS = re.compile(r"\.(?:cpython|cp|pypy|graalpy|abi)-?\d[\w-]*(?=\.(?:so|pyd)$)")
"""The interpreter and platform in the name of an extension: `.cpython-313-x86_64-linux-gnu`."""

_RECORD = re.compile(r"[^/]+\.dist-info/RECORD(?:\.\w+)?")
"""Lists of the files of a wheel: they say again what the comparison of the files says."""

Members = Mapping[str, MemberSummary]
"""The files in an artifact, by the path that they are compared by."""


def members_of(summary: ArchiveSummary) -> Members:
    """Return the files that are compared: all but the lists of files.

    The interpreter and the platform in the name of an extension are left out, so that a wheel
    can be compared with one for another Python.
    """
    found: dict[str, MemberSummary] = {}
    for one in summary.members:
        if not _RECORD.fullmatch(one.path):
            path = _without_tags(one)
            found[one.path if path in found else path] = one
    return found


def _without_tags(member: MemberSummary) -> str:
    if member.kind is not MemberKind.EXTENSION:
        return member.path
    return _TAGS.sub(".*", member.path)


def compare_members(before: Members, after: Members) -> list[MemberDelta]:
    """Return the files that differ, by path; those that were only moved come last."""
    paths = sorted({*before, *after})
    moved = _moved(before, after)
    ordered = [*(one for one in paths if one not in moved), *(one for one in paths if one in moved)]
    found = (_compare(path, before.get(path), after.get(path)) for path in ordered)
    return [*filter(None, found)]


def _moved(before: Members, after: Members) -> frozenset[str]:
    """Return the paths of files that the other artifact has under another path."""
    gone = {path: one.sha256 for path, one in before.items() if path not in after}
    new = {path: one.sha256 for path, one in after.items() if path not in before}
    digests = {*gone.values()} & {*new.values()}
    return frozenset(path for path, digest in {**gone, **new}.items() if digest in digests)


def _compare(
    path: str, before: MemberSummary | None, after: MemberSummary | None
) -> MemberDelta | None:
    shown = printable(path)
    if before is None or after is None:
        kind = ChangeKind.ADDED if after else ChangeKind.REMOVED
        sizes = before.size if before else 0, after.size if after else 0
        return MemberDelta(shown, kind, *sizes, sha256=after.sha256 if after else "")
    if before.sha256 == after.sha256:
        return None
    return MemberDelta(shown, ChangeKind.CHANGED, before.size, after.size, sha256=after.sha256)
