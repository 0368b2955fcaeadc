"""The fields of the core metadata of two artifacts, compared one by one."""

from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from stageproxy.core.review.delta.delta import ChangeKind, FieldDelta
from stageproxy.core.review.printable import printable
from stageproxy.core.review.summary import ArchiveSummary

MOST_FIELDS = 500
"""How many differences between fields are listed."""

_ELSEWHERE = frozenset({"version", "requires-dist", "requires-python", "license-file"})
"""Fields that differ in every release, or that have a comparison of their own."""

_URLS = "project-url"
_SEVERAL = frozenset(
    {
        "classifier", "dynamic", "import-name", "import-namespace", "obsoletes",
        "obsoletes-dist", "platform", "provides", "provides-dist", "requires",
        "requires-external", "supported-platform",
    }
)  # fmt: skip


def values_of(summary: ArchiveSummary, field: str) -> list[str]:
    """Return the values of a field in the order of the file, whatever its case."""
    return [value for name, value, _ in summary.metadata if name.lower() == field.lower()]


def value_of(summary: ArchiveSummary, field: str) -> str:
    """Return the first value of a field, empty if there is none."""
    return next(iter(values_of(summary, field)), "")


def compare_fields(before: ArchiveSummary, after: ArchiveSummary) -> list[FieldDelta]:
    """Return how the fields differ, in the order of the file, without the description's text."""
    then, now = _by_field(before), _by_field(after)
    deltas: list[FieldDelta] = []
    for key in dict.fromkeys([*now, *then]):
        name = (now.get(key) or then[key])[0]
        pair = then.get(key, (name, ()))[1], now.get(key, (name, ()))[1]
        deltas += _SHAPES.get(key, _compare_one)(name, *pair)
    return [*deltas, *_compare_description(before.description, after.description)]


def _by_field(summary: ArchiveSummary) -> Mapping[str, tuple[str, Sequence[str]]]:
    """Return the name and the values of each field, by its name in lower case."""
    fields: dict[str, tuple[str, list[str]]] = {}
    for name, value, _ in summary.metadata:
        if name.lower() not in _ELSEWHERE:
            fields.setdefault(name.lower(), (printable(name), []))[1].append(value)
    return fields


def _compare_one(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[FieldDelta]:
    then, now = "; ".join(before), "; ".join(after)
    if then != now:
        yield _delta(name, then, now)


def _compare_several(
    name: str, before: Sequence[str], after: Sequence[str]
) -> Iterator[FieldDelta]:
    then, now = dict.fromkeys(before), dict.fromkeys(after)
    yield from (_delta(name, value, "") for value in then if value not in now)
    yield from (_delta(name, "", value) for value in now if value not in then)


def _compare_extras(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[FieldDelta]:
    return _compare_several(
        name, [*map(canonicalize_name, before)], [*map(canonicalize_name, after)]
    )


def _compare_urls(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[FieldDelta]:
    then, now = _by_label(before), _by_label(after)
    for label in dict.fromkeys([*then, *now]):
        pair = then.get(label, ""), now.get(label, "")
        if pair[0] != pair[1]:
            yield _delta(name, *pair)


def _by_label(urls: Sequence[str]) -> Mapping[str, str]:
    return {url.partition(",")[0].strip().lower(): url for url in urls}


_SHAPES = {
    **dict.fromkeys(_SEVERAL, _compare_several),
    "provides-extra": _compare_extras,
    _URLS: _compare_urls,
}


def _compare_description(before: str, after: str) -> Iterator[FieldDelta]:
    if before != after:
        yield _delta("Description", _length(before), _length(after))


def _length(text: str) -> str:
    return f"{len(text):,} characters" if text else ""


def _delta(name: str, before: str, after: str) -> FieldDelta:
    return FieldDelta(name, kind_of(before, after), printable(before), printable(after))


def subject_of(change: FieldDelta) -> tuple[str, str]:
    """Return what of the metadata a change is about: a field, a URL by its label, or a value."""
    field, value = change.field.lower(), change.before or change.after
    if field == _URLS:
        return field, next(iter(_by_label([value])))
    return field, value if field in _SHAPES else ""


def kind_of(before: object, after: object) -> ChangeKind:
    """Return what happened to something that is empty before or after, or is neither."""
    if not before:
        return ChangeKind.ADDED
    return ChangeKind.CHANGED if after else ChangeKind.REMOVED
