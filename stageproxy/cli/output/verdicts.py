"""Verdicts on the files of a release, and PyPI's rules, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from stageproxy.cli.output.findings import COLORS
from stageproxy.cli.output.output import count_of_files, print_json
from stageproxy.cli.output.tables import hint, styled
from stageproxy.core.rules.findings import Finding, Level, finding_json
from stageproxy.core.rules.table import RULES, RULES_AS_OF, UNKNOWN_RULES
from stageproxy.core.rules.upload import Rule

_MARKS = {
    Level.REFUSE: "refused",
    Level.WARN: "warning",
    Level.NOTE: "note",
    Level.UNKNOWN: "unknown",
}
_COLORS = {"ok": "green", **{mark: COLORS[level] for level, mark in _MARKS.items()}}
_RELEASE_SOURCES = frozenset({"release", "index"})
_WIDTH = 9
_RULES_HINT = "Some rules can only be checked by PyPI. List them with: stageproxy check --rules"
_INDEX_HINT = "Files that PyPI already has were not checked. Check against them with: --against pip"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings on the files of one release, for each file and for all together."""

    release: str
    files: Mapping[str, Sequence[Finding]]
    findings: Sequence[Finding]

    @property
    def refused(self) -> Sequence[str]:
        """The files that PyPI would refuse: all, if it refuses the release."""
        if _is_refused(self.findings):
            return list(self.files)
        return [filename for filename, findings in self.files.items() if _is_refused(findings)]


def _is_refused(findings: Sequence[Finding]) -> bool:
    return any(one.level is Level.REFUSE for one in findings)


def print_verdicts(verdicts: Sequence[Verdict], *, is_index_checked: bool, as_json: bool) -> None:
    """Print verdicts. Files that PyPI would refuse go to the standard error stream.

    *is_index_checked*: whether the files were checked against an index, too.
    """
    if as_json:
        print_json(
            {
                "rules-as-of": RULES_AS_OF.isoformat(),
                "refused": any(one.refused for one in verdicts),
                "releases": [_document(one) for one in verdicts],
            }
        )
        return
    for verdict in verdicts:
        for filename, findings in verdict.files.items():
            _print_findings(filename, findings)
        if verdict.findings:
            _print_findings(verdict.release, verdict.findings)
    _print_summary(verdicts)
    click.echo(_RULES_HINT if is_index_checked else f"{_INDEX_HINT}\n{_RULES_HINT}")
    if not any(one.refused for one in verdicts):
        hint("Stage the files:", "stageproxy upload FILE…")


def _document(verdict: Verdict) -> Mapping[str, Any]:
    files = {name: [finding_json(one) for one in found] for name, found in verdict.files.items()}
    return {
        "release": verdict.release,
        "files": files,
        "findings": [finding_json(one) for one in verdict.findings],
    }


def _print_findings(name: str, findings: Sequence[Finding]) -> None:
    """Print a name with its gravest mark, and its findings below."""
    marks = [mark for level, mark in _MARKS.items() if any(one.level is level for one in findings)]
    mark = next(iter(marks), "ok")
    # Neither a note nor a rule that could not be checked is a mark against a file.
    mark = "ok" if mark in {_MARKS[Level.NOTE], _MARKS[Level.UNKNOWN]} else mark
    is_refused = mark == _MARKS[Level.REFUSE]
    click.echo(f"{_padded(mark)}{name}", err=is_refused)
    for finding in findings:
        source = "" if finding.source in _RELEASE_SOURCES else f"{finding.source}: "
        text = f"{source}{finding.message}".replace("\n", "\n" + " " * 2 * _WIDTH)
        click.echo(f"{'':<{_WIDTH}}{_padded(_MARKS[finding.level])}{text}", err=is_refused)


def _padded(mark: str) -> str:
    return styled(f"{mark:<{_WIDTH}}", fg=_COLORS.get(mark))


def _print_summary(verdicts: Sequence[Verdict]) -> None:
    refused = sum(len(one.refused) for one in verdicts)
    total = sum(len(one.files) for one in verdicts)
    files = count_of_files(total)
    rules = f"PyPI's rules of {RULES_AS_OF}"
    if refused:
        click.echo(f"\nPyPI would refuse {refused} of {files}, according to {rules}.", err=True)
    else:
        click.echo(f"\nNo reason found to refuse {files}, according to {rules}.")


def print_rules(*, as_json: bool) -> None:
    """Print PyPI's rules in PyPI's order, and those that only PyPI can check."""
    if as_json:
        print_json(
            {
                "rules-as-of": RULES_AS_OF.isoformat(),
                "rules": [_rule(one) for one in RULES],
                "unknown": [_rule(one) for one in UNKNOWN_RULES],
            }
        )
        return
    click.echo(f"PyPI's rules of {RULES_AS_OF}, in the order in which it checks them:")
    _print_table(RULES)
    click.echo("\nRules that only PyPI can check:")
    _print_table(UNKNOWN_RULES)


def _rule(rule: Rule) -> Mapping[str, str]:
    return {
        "id": rule.id,
        "level": rule.level.value,
        "about": rule.about,
        "sentence": rule.sentence,
        "since": rule.since.isoformat(),
    }


def _print_table(rules: Sequence[Rule]) -> None:
    for rule in rules:
        click.echo(f"  {rule.level:<8} {rule.id:<26} {rule.about}")
