"""Parity: whether a pure wheel has what the sdist holds, and nothing else."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from stageproxy.core.review.contents.summaries import summary_of
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.summary import ArchiveSummary, MemberKind, MemberSummary
from stageproxy.core.review.supply_chain.pair import installed_path, is_for_tests
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

_MOST_NAMED = 5
_PURE = "-none-any.whl"
_GENERATED = re.compile(
    r"(?:^|/)(?:_?_?version_?_?|_version_info|_build(?:_config|_info)?|__about__|_?git_?version|"
    r"_commit|_?build_?meta\w*|\w+_pb2(?:_grpc)?|_?parser|parsetab|lextab)\.pyi?$|"
    r"\.(?:mo|pyc|map|min\.js|min\.css|html|css|js)$"
)
"""Files that builds usually make: versions, translations, protocol buffers, web assets."""
_SOURCE_ONLY = re.compile(
    r"(?:^|/)(?:setup|conftest|noxfile|tasks|py\.typed\.in)\.py$|(?:^|/)\.[^/]+|"
    r"\.(?:pyx|pxd|c|cc|cpp|h|hpp|rs|toml|cfg|in|po|pot|md|rst|txt|scss|ts|tsx|ipynb|orig|rej)$|"
    r"(?:^|/)[^/]+\.(?:egg-info)/"
)
"""Files that a wheel has no use for."""


@dataclass(frozen=True, slots=True)
class _Both:
    wheel: ArchiveSummary
    sdist: ArchiveSummary

    def finding(
        self, level: Level, code: str, message: str, advice: str, place: str = ""
    ) -> ReviewFinding:
        files = (self.wheel.filename, self.sdist.filename)
        return ReviewFinding(Section.PARITY, level, code, message, advice, files, place)


def read_parity(
    wheel: tuple[BinaryIO, str], sdist: tuple[BinaryIO, str]
) -> tuple[ReviewFinding, ...]:
    """Return how a pure wheel differs from the sdist; nothing for other wheels."""
    if not wheel[1].endswith(_PURE):
        return ()
    return parity_findings(summary_of(*wheel), summary_of(*sdist))


def parity_findings(wheel: ArchiveSummary, sdist: ArchiveSummary) -> tuple[ReviewFinding, ...]:
    """Return how the files of a pure wheel differ from those of the sdist.

    A wheel built from the sdist has its files, wherever they are in the sdist, and those that
    the build makes.
    """
    if unread := [one for one in (wheel, sdist) if one.not_read]:
        both = _Both(wheel, sdist)
        reason = f"{unread[0].filename} was not read: {unread[0].not_read}"
        return (both.finding(Level.UNKNOWN, "not-compared", reason, ""),)
    return tuple(_findings(_Both(wheel, sdist)))


def _findings(both: _Both) -> Iterator[ReviewFinding]:
    installed = dict(_installed(both.wheel))
    places = _by_name(both.sdist)
    found = {path: _place_of(path, places) for path in installed}
    if missing := [path for path, place in found.items() if place is None]:
        yield from _missing(both, [one for one in missing if not _GENERATED.search(one)])
    yield from _other(both, installed, found)
    yield from _surplus(both, found)


def _installed(wheel: ArchiveSummary) -> Iterator[tuple[str, MemberSummary]]:
    """Yield the files that a wheel installs as modules and their data, by where they go."""
    for one in wheel.members:
        path = installed_path(one.path)
        top = path.partition("/")[0]
        if not top.endswith((".dist-info", ".data")):
            yield path, one


def _by_name(sdist: ArchiveSummary) -> Mapping[str, Sequence[MemberSummary]]:
    found: dict[str, list[MemberSummary]] = {}
    for one in sdist.members:
        found.setdefault(one.path.rpartition("/")[2], []).append(one)
    return found


def _place_of(path: str, places: Mapping[str, Sequence[MemberSummary]]) -> MemberSummary | None:
    """Return the file of the sdist that is installed at a path: the nearest to its top."""
    name = path.rpartition("/")[2]
    fitting = [one for one in places.get(name, ()) if f"/{one.path}".endswith(f"/{path}")]
    return min(fitting, key=lambda one: len(one.path), default=None)


def _missing(both: _Both, missing: Sequence[str]) -> Iterator[ReviewFinding]:
    code = [one for one in missing if one.endswith(".py")]
    named = code or missing
    if named:
        kind = "modules" if code else "files"
        yield both.finding(
            Level.WARN if code else Level.NOTE,
            "not-in-sdist",
            f"The wheel has {kind} that the sdist does not hold: {_few(named)}.",
            "The wheel was not built from this sdist, or its build makes them. Build the wheel "
            "from the sdist: `python -m build` does.",
            named[0],
        )


def _other(
    both: _Both,
    installed: Mapping[str, MemberSummary],
    found: Mapping[str, MemberSummary | None],
) -> Iterator[ReviewFinding]:
    others = [
        path
        for path, one in installed.items()
        if (source := found[path]) is not None
        and source.sha256 != one.sha256
        and one.kind is MemberKind.PYTHON
        and not _GENERATED.search(path)
    ]
    if others:
        yield both.finding(
            Level.NOTE,
            "other-than-in-sdist",
            f"Modules of the wheel differ from those of the sdist: {_few(others)}.",
            "Make sure that the build changes them. Otherwise build both from the same commit.",
            others[0],
        )


def _surplus(both: _Both, found: Mapping[str, MemberSummary | None]) -> Iterator[ReviewFinding]:
    """Yield findings on files beside the installed ones that the wheel leaves out."""
    roots = _roots(found)
    used = {one.path for one in found.values() if one is not None}
    lost = [
        one.path
        for one in both.sdist.members
        if one.path not in used
        and any(one.path.startswith(root) for root in roots)
        and not is_for_tests(one.path)
        and not _SOURCE_ONLY.search(one.path)
    ]
    if not lost:
        return
    code = [one for one in lost if one.endswith(".py")]
    yield both.finding(
        Level.WARN if code else Level.NOTE,
        "not-in-wheel",
        f"The sdist holds {'modules' if code else 'files'} of the packages that the wheel does not "
        f"have: {_few(code or lost)}.",
        "If they are needed, have the build include them; if not, exclude them from the sdist.",
        (code or lost)[0],
    )


def _roots(found: Mapping[str, MemberSummary | None]) -> Collection[str]:
    """Return the folders of the sdist that hold the packages of the wheel."""
    roots = set()
    for path, source in found.items():
        if source is not None and "/" in path:
            before = source.path.removesuffix(path)
            roots.add(f"{before}{path.partition('/')[0]}/")
    return roots


def _few(paths: Sequence[str]) -> str:
    return first_few(sorted(paths), _MOST_NAMED)
