"""Files that nobody reads: outside RECORD, programs, compiled code, large binaries."""

import re
from collections.abc import Collection, Iterator, Sequence

from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import MemberKind, MemberSummary
from stageproxy.core.review.supply_chain.pair import Pair
from stageproxy.core.wording import first_few

LARGE = 2**20
"""How many bytes a binary file has that is named."""

_MOST_NAMED = 3
_CODE = (".py", ".pyw", ".pth", "pyproject.toml", "setup.cfg")
_STEM = re.compile(r"[A-Za-z_]+")


def file_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield the findings on files by their kind."""
    yield from _outside_record(pair)
    yield from _programs(pair)
    yield from _first_compiled(pair)
    yield from _compiled_python(pair)
    yield from _large(pair)
    yield from _links(pair)


def _outside_record(pair: Pair) -> Iterator[ReviewFinding]:
    known = {path for path, one in pair.members_before.items() if not one.in_record}
    outside = [one for one in pair.after.members if not one.in_record and one.path not in known]
    if outside:
        yield pair.loud(
            "outside-record",
            f"RECORD does not list {_named(outside)}.",
            "Installers do not check such files, and pip does not remove them. Build the wheel "
            "again, and find out what has added them.",
            outside[0].path,
        )


def _programs(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield findings on programs; a project that had some is expected to have more."""
    known = _stems(pair, MemberKind.EXECUTABLE)
    new = [one for one in _new(pair, MemberKind.EXECUTABLE) if _stem(one.path) not in known]
    for one in new:
        make = pair.note if known or pair.before is None else pair.loud
        yield make(
            "program",
            f"The release {pair.adds} a compiled program: {one.path}.",
            "It cannot be reviewed. Make sure that the build has made it, and from which source.",
            one.path,
        )


def _first_compiled(pair: Pair) -> Iterator[ReviewFinding]:
    new = _new(pair, MemberKind.EXTENSION)
    if new and pair.is_wheel and pair.before is not None and not _stems(pair, MemberKind.EXTENSION):
        yield pair.loud(
            "first-compiled-code",
            f"The wheel has compiled code for the first time: {_named(new)}.",
            "It cannot be reviewed. Make sure that the build has made it, and from which source.",
            new[0].path,
        )


def _compiled_python(pair: Pair) -> Iterator[ReviewFinding]:
    paths = {one.path for one in pair.after.members}
    new = [one for one in _new(pair, MemberKind.BINARY) if one.path.endswith((".pyc", ".pyo"))]
    if hidden := [one for one in new if _source_of(one.path) not in paths]:
        yield pair.loud(
            "compiled-python",
            f"The release {pair.adds} compiled Python without its source: {_named(hidden)}.",
            "It cannot be reviewed. Build the release again with the source.",
            hidden[0].path,
        )
    elif new:
        yield pair.note(
            "compiled-python",
            f"The release {pair.adds} compiled Python: {_named(new)}.",
            "Installers compile modules themselves. Leave __pycache__ out of the build.",
            new[0].path,
        )


def _source_of(path: str) -> str:
    folder, _, name = path.rpartition("/")
    folder = folder.removesuffix("__pycache__").rstrip("/")
    module = name.partition(".")[0]
    return f"{folder}/{module}.py".lstrip("/")


def _large(pair: Pair) -> Iterator[ReviewFinding]:
    large = [
        one
        for one in _new(pair, MemberKind.BINARY)
        if one.size >= LARGE and one.path not in pair.members_before
    ]
    if large:
        yield pair.note(
            "large-binary",
            f"The release {pair.adds} large binary files: {_named(large)}.",
            place=large[0].path,
        )


def _links(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield findings on links in an sdist: a text that nobody takes for code can be a module."""
    known = dict(() if pair.before is None else pair.before.links)
    new = [(path, target) for path, target in pair.after.links if known.get(path) != target]
    modules = [one for one in new if one[0].endswith(_CODE)]
    others = [one for one in new if not one[0].endswith(_CODE)]
    for make, found in ((pair.loud, modules), (pair.note, others)):
        if found:
            named = first_few([f"{path} (to {target})" for path, target in found], _MOST_NAMED)
            yield make(
                "link",
                f"The release {pair.adds} links: {named}.",
                "Read what they lead to: it is used by the name of the link.",
                found[0][0],
            )


def _new(pair: Pair, kind: MemberKind) -> Sequence[MemberSummary]:
    """Return the files of a kind that were not there, or were of another kind."""
    return [
        one
        for one in pair.after.members
        if one.kind is kind
        and ((known := pair.members_before.get(one.path)) is None or known.kind is not kind)
    ]


def _stems(pair: Pair, kind: MemberKind) -> Collection[str]:
    return {_stem(path) for path, one in pair.members_before.items() if one.kind is kind}


def _stem(path: str) -> str:
    """Return the start of a filename, without versions and platforms."""
    found = _STEM.match(path.rpartition("/")[2])
    return found[0] if found else path


def _named(members: Sequence[MemberSummary]) -> str:
    return first_few([one.path for one in members], _MOST_NAMED)
