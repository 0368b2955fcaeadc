"""The delta of a release as text: metadata, requirements, names and artifacts."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from stageproxy.core.review.delta.delta import (
    ArtifactDelta,
    CapabilityDelta,
    ChangeKind,
    Delta,
    DiffLine,
    FieldDelta,
    MemberDelta,
    NameDelta,
    RequirementChange,
    RequirementDelta,
)
from stageproxy.core.wording import first_few, size_text

_SIGNS: Mapping[ChangeKind, tuple[str, str]] = {
    ChangeKind.ADDED: ("+", "green"),
    ChangeKind.REMOVED: ("-", "red"),
    ChangeKind.CHANGED: ("~", "yellow"),
}
_SIGN_OF_REQUIREMENT: Mapping[RequirementChange, tuple[str, str]] = {
    RequirementChange.ADDED: ("+", "green"),
    RequirementChange.REMOVED: ("-", "red"),
    RequirementChange.LOOSENED: ("~", "yellow"),
    RequirementChange.TIGHTENED: ("~", "yellow"),
    RequirementChange.CHANGED: ("~", "yellow"),
}
_DIFF_STYLES = {"+": "green", "-": "red", "~": "dim"}
_MOST_MEMBERS = 20
_MOST_ALIKE = 3
_MOST_REMOVED = 20
_LONGEST_VALUE = 200


def delta_lines(delta: Delta, *, diff: bool) -> Iterator[Text]:
    """Yield what changes from a release or candidate. *diff*: whether text diffs are shown."""
    channel = f" ({delta.channel})" if delta.channel else ""
    sizes = size_change(delta.size_before, delta.size_after)
    yield Text.assemble((f"\nChanges since {delta.label}{channel}", "bold"), f"  {sizes}")
    if delta.not_compared:
        yield Text(f"  The contents were not compared: {delta.not_compared}", "yellow")
    lines = [
        *map(_field_line, delta.fields),
        *map(_requirement_line, delta.requirements),
        *map(_name_line, delta.names),
        *map(_capability_line, delta.capabilities),
    ]
    yield from lines
    if delta.omitted:
        yield Text(f"  and {delta.omitted} more changes", "dim")
    yield from _artifact_lines(delta.artifacts, diff=diff)
    if not (lines or delta.artifacts or delta.not_compared):
        yield Text("  Nothing.")


def size_change(before: int, after: int) -> str:
    """Return two sizes as people read them, and how much larger or smaller the second is."""
    if not before:
        return size_text(after)
    percent = round(100 * (after - before) / before)
    return f"{size_text(before)} -> {size_text(after)} ({percent:+d} %)"


def _field_line(one: FieldDelta) -> Text:
    return _line(_SIGNS[one.kind], f"{one.field}: {_change(one.before, one.after)}")


def _requirement_line(one: RequirementDelta) -> Text:
    remarks = [
        one.change.value,
        *([f"extra {one.extra}"] if one.extra else []),
        *(["names a URL"] if one.is_direct else []),
        *(["no version can meet it"] if one.is_unsatisfiable else []),
    ]
    what = "Requires-Python" if one.name == "python" else "Requires-Dist"
    text = f"{what}: {_change(one.before, one.after)}  ({', '.join(remarks)})"
    return _line(_SIGN_OF_REQUIREMENT[one.change], text)


def _name_line(one: NameDelta) -> Text:
    values = f": {_change(one.before, one.after)}" if one.before or one.after else ""
    return _line(_SIGNS[one.kind], f"{one.what} {one.name}{values}")


def _capability_line(one: CapabilityDelta) -> Text:
    before, after = ", ".join(one.before) or "nothing", ", ".join(one.after) or "nothing"
    places = f"  ({', '.join(one.places)})" if one.places else ""
    return _line(_SIGNS[ChangeKind.CHANGED], f"{one.module} can use {before} -> {after}{places}")


def _change(before: str, after: str) -> str:
    if before and after:
        return f"{_short(before)} -> {_short(after)}"
    return _short(after or before)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"


def _line(sign: tuple[str, str], text: str) -> Text:
    return Text.assemble("  ", sign, f" {text}")


def _artifact_lines(artifacts: Sequence[ArtifactDelta], *, diff: bool) -> Iterator[Text]:
    """Yield the artifacts, each with the files in it that differ; those that are alike together."""
    removed = [one for one in artifacts if not one.filename]
    alike = [one.filename for one in artifacts if one.only_repeats]
    for one in artifacts:
        if one.filename and not one.only_repeats:
            yield _artifact_line(one)
            yield from _member_lines(one, diff=diff)
    if alike:
        what = "1 file differs" if len(alike) == 1 else f"{len(alike)} files differ"
        text = f"{what} only as those above do: {first_few(alike, _MOST_ALIKE)}"
        yield _line(_SIGNS[ChangeKind.CHANGED], text)
    yield from map(_artifact_line, removed if diff else removed[:_MOST_REMOVED])
    if not diff and len(removed) > _MOST_REMOVED:
        yield Text(f"  and {len(removed) - _MOST_REMOVED} more files that it has no longer", "dim")


def _artifact_line(one: ArtifactDelta) -> Text:
    if not one.filename:
        return _line(_SIGNS[ChangeKind.REMOVED], f"{one.before}  {size_text(one.size_before)}")
    sizes = size_change(one.size_before, one.size_after)
    kind = ChangeKind.CHANGED if one.before else ChangeKind.ADDED
    not_compared = f"  not compared: {one.not_compared}" if one.not_compared else ""
    return _line(_SIGNS[kind], f"{one.filename}  {sizes}{not_compared}")


def _member_lines(one: ArtifactDelta, *, diff: bool) -> Iterator[Text]:
    shown = one.members if diff else one.members[:_MOST_MEMBERS]
    for member in shown:
        yield _member_line(member)
        if diff and member.not_shown:
            yield Text(f"          {member.not_shown}", "dim")
        yield from map(_diff_line, member.diff if diff else ())
    left_out = one.omitted + len(one.members) - len(shown)
    if left_out:
        yield Text(f"      and {left_out} more files that differ", "dim")
    if one.repeated:
        what = "1 file that differs" if one.repeated == 1 else f"{one.repeated} files that differ"
        yield Text(f"      and {what} as above", "dim")


def _member_line(member: MemberDelta) -> Text:
    sign, style = _SIGNS[member.kind]
    size = member.size_after if member.kind is ChangeKind.ADDED else member.size_before
    sizes = size_text(size)
    if member.kind is ChangeKind.CHANGED:
        sizes = size_change(member.size_before, member.size_after)
    return Text.assemble("      ", (sign, style), f" {member.path}  {sizes}")


def _diff_line(line: DiffLine) -> Text:
    same = "1 line that is" if line.text == "1" else f"{line.text} lines that are"
    text = f"… {same} the same" if line.sign == "~" else line.text
    sign = " " if line.sign == "~" else line.sign
    return Text(f"          {sign}{text}", _DIFF_STYLES.get(line.sign, ""))
