"""The requirements of two releases, compared by the versions that they accept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from stageproxy.core.review.delta.delta import RequirementChange, RequirementDelta
from stageproxy.core.review.printable import printable

MOST_REQUIREMENTS = 2000
"""How many requirements of an artifact are compared."""

PYTHON = "python"
"""The name of Requires-Python among requirements."""
_LONGEST = 1000
"""The longest requirement that is parsed, in characters. Others are compared as texts."""
_MOST_SPECIFIERS = 20
"""How many specifiers of one requirement are judged. The time grows faster than their number."""
_MOST_EXTRAS = 10
"""A requirement in more extras counts as one in none, whose marker names them."""
_EXTRA = re.compile(r'extra == "([^"]+)"')
"""An extra in a marker, as `packaging` writes it."""
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a release requires of one project in one extra under one marker.

    *specifier* is `None` if it could not be parsed or is too long to be judged.
    """

    texts: tuple[str, ...]
    name: str
    extra: str = ""
    marker: str = ""
    extras: frozenset[str] = frozenset()
    url: str = ""
    specifier: SpecifierSet | None = None

    @property
    def is_unsatisfiable(self) -> bool:
        return self.specifier is not None and self.specifier.is_unsatisfiable()

    def with_other(self, other: "_Wish") -> "_Wish":
        """Return both at once: an installer has to meet either."""
        return replace(
            self,
            texts=(*self.texts, *other.texts),
            extras=self.extras | other.extras,
            url=self.url or other.url,
            specifier=_both(self.specifier, other.specifier),
        )


def _both(one: SpecifierSet | None, other: SpecifierSet | None) -> SpecifierSet | None:
    if one is None or other is None or len(one) + len(other) > _MOST_SPECIFIERS:
        return None
    return one & other


_Wishes = Mapping[str, _Wish]
"""What a release requires of one project in one extra, by marker."""


def compare_requirements(before: Sequence[str], after: Sequence[str]) -> list[RequirementDelta]:
    """Return how requirements differ, by project and extra.

    A requirement that accepts the same versions is the same, however it is written. One is
    added or removed only if its project was not, or is no longer, required in that extra.
    """
    then, now = _grouped(before), _grouped(after)
    return [
        delta
        for key in sorted({*then, *now})
        for delta in _compare_wishes(then.get(key, {}), now.get(key, {}))
    ]


def compare_requires_python(before: str, after: str) -> list[RequirementDelta]:
    """Return how Requires-Python differs, as a requirement on `python`. Empty texts accept all."""
    then, now = _python_wish(before), _python_wish(after)
    change = _change(then, now)
    return [_delta(change, then, now)] if change else []


def _python_wish(text: str) -> _Wish:
    try:
        specifier = SpecifierSet(text[:_LONGEST])
    except (InvalidSpecifier, ValueError):
        return _Wish((text,), PYTHON)
    return _Wish((text,), PYTHON, specifier=_judged(specifier, text))


def _judged(specifier: SpecifierSet, text: str) -> SpecifierSet | None:
    is_short = len(text) <= _LONGEST and len(specifier) <= _MOST_SPECIFIERS
    return specifier if is_short else None


def _grouped(texts: Sequence[str]) -> Mapping[tuple[str, str], _Wishes]:
    groups: dict[tuple[str, str], dict[str, _Wish]] = {}
    for text in texts[:MOST_REQUIREMENTS]:
        for wish in _wishes_in(text):
            group = groups.setdefault((wish.name, wish.extra), {})
            other = group.get(wish.marker)
            group[wish.marker] = other.with_other(wish) if other else wish
    return groups


def _wishes_in(text: str) -> Iterator[_Wish]:
    """Return what a requirement means: one wish for each extra that its marker names."""
    try:
        parsed = Requirement(text) if len(text) <= _LONGEST else None
    except (InvalidRequirement, ValueError, RecursionError):
        parsed = None
    if parsed is None:
        found = _NAME.match(text)
        yield _Wish((text,), canonicalize_name(found[1]) if found else text, marker=text)
        return
    marker = str(parsed.marker) if parsed.marker else ""
    for extra in _extras_in(marker):
        yield _Wish(
            (text,),
            canonicalize_name(parsed.name),
            extra,
            _sorted_marker(marker),
            frozenset(map(canonicalize_name, parsed.extras)),
            parsed.url or "",
            _judged(parsed.specifier, text),
        )


def _extras_in(marker: str) -> Sequence[str]:
    found = [*dict.fromkeys(_EXTRA.findall(marker))]
    return found if 0 < len(found) <= _MOST_EXTRAS else [""]


def _sorted_marker(marker: str) -> str:
    """Return a marker with its conditions in order if all of them have to be met."""
    if "(" in marker or " or " in marker:
        return marker
    return " and ".join(sorted(marker.split(" and ")))


def _compare_wishes(then: _Wishes, now: _Wishes) -> Iterator[RequirementDelta]:
    if not then or not now:
        change = RequirementChange.ADDED if now else RequirementChange.REMOVED
        for marker in (*then, *now):
            yield _delta(change, then.get(marker), now.get(marker))
        return
    for marker in then.keys() & now.keys():
        change_here = _change(then[marker], now[marker])
        if change_here:
            yield _delta(change_here, then[marker], now[marker])
    if then.keys() ^ now.keys():
        yield _delta(RequirementChange.CHANGED, _apart(then, now), _apart(now, then))


def _apart(ours: _Wishes, others: _Wishes) -> _Wish:
    """Return the wishes under markers that the *others* do not have, or all, as one to be shown."""
    apart = [wish for marker, wish in ours.items() if marker not in others] or [*ours.values()]
    texts = tuple(text for one in apart for text in one.texts)
    unmet = next((one for one in apart if one.is_unsatisfiable), apart[0])
    return replace(unmet, texts=texts, url=next((one.url for one in apart if one.url), ""))


def _change(then: _Wish, now: _Wish) -> RequirementChange | None:
    if (then.url, then.extras) != (now.url, now.extras):
        return RequirementChange.CHANGED
    if then.specifier is None or now.specifier is None:
        return RequirementChange.CHANGED if then.texts != now.texts else None
    return compare_specifiers(then.specifier, now.specifier)


def compare_specifiers(before: SpecifierSet, after: SpecifierSet) -> RequirementChange | None:
    """Return how the versions that are accepted differ; `None` if they are the same."""
    if before == after:
        return None
    try:
        is_narrower, is_wider = after.is_subset(before), after.is_superset(before)
    except ValueError:  # `===` accepts a text, which is in no order
        return RequirementChange.CHANGED
    if is_narrower and is_wider:
        return None
    if is_wider:
        return RequirementChange.LOOSENED
    return RequirementChange.TIGHTENED if is_narrower else RequirementChange.CHANGED


def _delta(change: RequirementChange, then: _Wish | None, now: _Wish | None) -> RequirementDelta:
    wish = next(one for one in (now, then) if one)
    return RequirementDelta(
        printable(wish.name),
        change,
        _shown(then),
        _shown(now),
        printable(wish.extra),
        is_direct=bool(now and now.url),
        is_unsatisfiable=bool(now and now.is_unsatisfiable),
    )


def _shown(wish: _Wish | None) -> str:
    return printable(" and ".join(wish.texts)) if wish else ""
