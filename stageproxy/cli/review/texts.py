"""A review as text: its decision, findings, and everything that they rest on."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from stageproxy.cli.output.screen import table_lines
from stageproxy.cli.review.changes import delta_lines
from stageproxy.cli.review.matrix import impact_lines
from stageproxy.core.review.completeness import Completeness, Origin
from stageproxy.core.review.evidence import Evidence, target_of
from stageproxy.core.review.findings import ReviewFinding, is_regression
from stageproxy.core.review.judgment import NOTHING_AGAINST, Compared, how_compared
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.review.review import Review, ReviewState
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import count_text, first_few

_HEADINGS: Mapping[Level, tuple[str, str]] = {
    Level.REFUSE: ("PyPI would refuse this", "bold red"),
    Level.WARN: ("Decide about this", "bold yellow"),
    Level.NOTE: ("Good to know", "bold"),
    Level.UNKNOWN: ("Could not be found out", "bold"),
}
_ORIGINS: Mapping[Origin, str] = {
    Origin.DECLARED: "declared for the stage",
    Origin.LAST_RELEASE: "the last release has it",
}
_OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.RESOLVED: ("resolves", "green"),
    Outcome.CONFLICT: ("conflicts", "bold red"),
    Outcome.UNKNOWN: ("is unknown", "yellow"),
}
_STATES: Mapping[ReviewState, str] = {
    ReviewState.WAITING: "The contents are not compared yet.",
    ReviewState.RUNNING: "The contents are still being compared.",
    ReviewState.DONE: "",
    ReviewState.FAILED: "The contents could not be compared: ",
}
_MOST_NAMES = 3


def review_lines(review: Review, *, diff: bool) -> Iterator[Text]:
    """Yield a review, in the order in which people decide. *diff*: whether diffs are shown."""
    yield from _decision_lines(review)
    yield from _finding_lines(review.findings)
    if review.impact is None:
        yield Text("\nWhat users get is unknown, because the index does not answer.", "yellow")
    else:
        yield from impact_lines(review.impact)
    if review.completeness is not None:
        yield from _completeness_lines(review.completeness)
    for delta in review.deltas:
        yield from delta_lines(delta, diff=diff)
    yield from _resolution_lines(review.resolutions)
    yield from _evidence_lines(review)


def decision_of(review: Review) -> str:
    """Return in one sentence what speaks against publishing."""
    if not review.manifest:
        return "The stage is empty."
    loud = [one for one in review.findings if is_regression(one)]
    warnings = sum(one.level is Level.WARN for one in review.findings if one not in loud)
    refused = sum(one.level is Level.REFUSE for one in loud)
    others = len(loud) - refused
    acknowledge = f" {count_text(warnings, 'warning')} to acknowledge." if warnings else ""
    if refused:
        more = f", and {count_text(others, 'finding')} to decide about" if others else ""
        return f"PyPI would refuse it: {count_text(refused, 'reason')}{more}.{acknowledge}"
    if others:
        what = count_text(others, "finding")
        return f"Users would lose or risk something: {what}.{acknowledge}"
    return f"{NOTHING_AGAINST[how_compared(review)]}{acknowledge}"


def _decision_lines(review: Review) -> Iterator[Text]:
    files = count_text(len(review.manifest.splitlines()), "file")
    is_clear = how_compared(review) is Compared.WHOLE
    style = "bold red" if review.regresses else "bold green" if is_clear else "bold yellow"
    yield Text.assemble(
        (f"{review.project} {review.version}: ", "bold"), (decision_of(review), style)
    )
    baseline = review.baseline
    with_what = f"{baseline.version} ({baseline.channel})" if baseline else "no earlier release"
    yield Text(f"  {files}, compared with {with_what}")
    yield Text(f"  Manifest  {review.manifest_digest}")
    state = _STATES[review.progress.state]
    if state:
        why = review.progress.now if review.progress.state is ReviewState.FAILED else ""
        yield Text(f"  {state}{why}", "yellow")


def _finding_lines(findings: Sequence[ReviewFinding]) -> Iterator[Text]:
    for level, (heading, style) in _HEADINGS.items():
        of_level = [one for one in findings if one.level is level]
        if of_level:
            yield Text(f"\n{heading}", style)
        for one in of_level:
            yield from _lines_of_finding(one)


def _lines_of_finding(one: ReviewFinding) -> Iterator[Text]:
    text = one.message.replace("\n", "\n    ")
    yield Text(f"  {f'{one.place}: ' if one.place else ''}{text}")
    if one.advice:
        advice = one.advice.replace("\n", "\n    ")
        yield Text(f"    {advice}", "italic")
    if one.files:
        yield Text(f"    In {first_few(one.files, _MOST_NAMES)}", "dim")


def _completeness_lines(completeness: Completeness) -> Iterator[Text]:
    expected = completeness.expectations
    missing = [one for one in expected if not one.is_met]
    if not (expected or completeness.surplus):
        return
    yield Text("\nCompleteness", "bold")
    yield Text(f"  {len(expected) - len(missing)} of {len(expected)} expectations are met.")
    for one in missing:
        yield Text.assemble(
            "  ", ("missing", "bold red"), f"  {one.pattern}  ({_ORIGINS[one.origin]})"
        )
    for filename in completeness.surplus:
        yield Text(f"  not expected  {filename}")


def _resolution_lines(resolutions: Sequence[Resolution]) -> Iterator[Text]:
    if resolutions:
        yield Text("\nInstallation today, with everything that it requires", "bold")
    for one in resolutions:
        outcome, style = _OUTCOMES[one.outcome]
        what = f": {one.reason}" if one.reason else f" to {count_text(len(one.chosen), 'release')}"
        yield Text.assemble(f"  Python {one.python} ", (outcome, style), what)


def _evidence_lines(review: Review) -> Iterator[Text]:
    yield Text("\nEvidence", "bold")
    if not review.evidence:
        yield Text("  Nobody has reported a try of this stage.")
        return
    rows: list[list[str | Text]] = [
        [_result(one, review), str(target_of(one)), one.installer, one.filename, one.command]
        for one in review.evidence
    ]
    yield from table_lines(["  Result", "Target", "Installer", "File", "Command"], rows)


def _result(one: Evidence, review: Review) -> Text:
    if one.manifest_digest != review.manifest_digest:
        return Text("  superseded", "dim")
    return (
        Text("  passed", "green") if one.passed else Text(f"  failed ({one.exit_code})", "bold red")
    )
