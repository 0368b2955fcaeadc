"""Which published artifact a staged one is compared with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.stage.wheel_coverage import Served, coverage_of

_MOST_SERVED = 50
"""How much of what a wheel serves counts when the nearest one is looked for."""

Distance = tuple[bool, int, int, int]
"""How far wheels are apart: in ABI, minor version of Python, and version of the system."""

Pair = tuple[str, str | None]
"""A staged filename and that of its counterpart, `None` if there is none.

The staged one is empty for a published file that is the counterpart of none: it is removed.
"""


@dataclass(frozen=True, slots=True)
class _File:
    name: DistributionName
    tags: frozenset[Tag]
    served: Sequence[Served]


def pair_artifacts(staged: Sequence[str], published: Sequence[str]) -> list[Pair]:
    """Return the pairs of staged and published files, then the published ones that are removed.

    The counterpart has the same tags. If none has, it is the nearest for the same
    implementation and platform, such as the wheel for Python 3.12 of one for 3.13, even if
    another one is compared with it, too.
    """
    candidates = [*filter(None, map(_parsed, published))]
    pairs = [(filename, _counterpart(filename, candidates)) for filename in staged]
    used = {before for _, before in pairs}
    return [*pairs, *(("", filename) for filename in published if filename not in used)]


def _parsed(filename: str) -> _File | None:
    try:
        name = parse_distribution_name(filename)
    except ValueError:
        return None
    if not name.is_wheel:
        return _File(name, frozenset(), ())
    served = sorted(coverage_of([filename]).served)[:_MOST_SERVED]
    return _File(name, parse_wheel_filename(filename)[3], served)


def _counterpart(filename: str, candidates: Iterable[_File]) -> str | None:
    own = _parsed(filename)
    if own is None:
        return None
    same = [one for one in candidates if one.name.is_wheel == own.name.is_wheel]
    if alike := [one for one in same if one.tags == own.tags]:
        return alike[0].name.filename
    near = ((_distance(own, one), one.name.filename) for one in same)
    return min(((far, name) for far, name in near if far), default=(None, None))[1]


def _distance(one: _File, other: _File) -> Distance | None:
    """Return how far two wheels are apart; `None` if they serve nothing alike."""
    pairs = product(one.served, other.served)
    return min((_far(a, b) for a, b in pairs if _is_alike(a, b)), default=None)


def _is_alike(one: Served, other: Served) -> bool:
    same_line = one.interpreter.implementation == other.interpreter.implementation
    return same_line and one.platform == other.platform


def _far(one: Served, other: Served) -> Distance:
    systems = [abs(now - then) for now, then in zip(one.system, other.system, strict=True)]
    minors = abs(one.interpreter.minor - other.interpreter.minor)
    return one.or_later != other.or_later, minors, systems[0], systems[1]
