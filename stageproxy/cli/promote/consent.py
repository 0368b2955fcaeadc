"""The consent to a plan: a question at a terminal, or an approval of these files elsewhere."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from enum import Enum, auto

import click

from stageproxy.cli.output.findings import messages_at
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.senders import Document
from stageproxy.cli.promote.texts import print_plan, question

_OTHER_FORMS = (
    "These bytes were uploaded with more than one form, which --manifest and --hashes do not "
    "cover. Nothing was published. Check what the index would show:"
)


class Consent(Enum):
    """What a plan needs before it is carried out."""

    GIVEN = auto()
    """Nothing: these files were approved, and so were the warnings."""
    QUESTION = auto()
    """An answer at the terminal."""
    APPROVAL = auto()
    """An approval of these files. There is nobody to ask."""
    FORMS = auto()
    """An approval of the forms: the given one is of the bytes, which came with several."""
    ACKNOWLEDGEMENT = auto()
    """`--yes`, because of the warnings. There is nobody to ask."""


def needed_consent(
    plan: Document, approval: ApprovalOptions, *, yes: bool, can_ask: bool
) -> Consent:
    """Return what a plan still needs. *yes*: the question is answered, whatever it warns of.

    `--yes` alone approves nothing, because nobody has seen these files.
    """
    resumes = plan["resumes"]
    has_warnings = bool(plan["warnings-digest"]) and not (resumes and resumes["covers-warnings"])
    is_approved = approval.is_given or bool(resumes)
    covers_forms = bool(resumes) or approval.revision is not None or not plan["other-forms"]
    if is_approved and covers_forms and (yes or (resumes and not has_warnings)):
        return Consent.GIVEN
    if can_ask and not yes:
        return Consent.QUESTION
    if not is_approved:
        return Consent.APPROVAL
    if not covers_forms:
        return Consent.FORMS
    return Consent.ACKNOWLEDGEMENT if has_warnings else Consent.GIVEN


def obtain_consent(
    plan: Document,
    approval: ApprovalOptions,
    *,
    yes: bool,
    as_json: bool,
    again: Callable[[Document], str],
) -> None:
    """Return if a plan may be carried out, and otherwise raise.

    *again* returns the command line that publishes what a plan shows.
    """
    can_ask = sys.stdin.isatty() and not as_json
    match needed_consent(plan, approval, yes=yes, can_ask=can_ask):
        case Consent.GIVEN:
            return
        case Consent.QUESTION:
            _ask(plan)
        case Consent.APPROVAL:
            raise _unapproved(plan, again, yes=yes, as_json=as_json)
        case Consent.FORMS:
            raise _unapproved_forms(plan, again)
        case Consent.ACKNOWLEDGEMENT:
            raise _unacknowledged(plan, as_json=as_json)


def _ask(plan: Document) -> None:
    """Ask whether to publish, where the plan can be read. The default is no."""
    if not sys.stdout.isatty():
        with redirect_stdout(sys.stderr):
            print_plan(plan)
    if not click.confirm(f"\n{question(plan)}", err=True):
        raise FailedError("Nothing was published, because the answer was no.")


def _unapproved(
    plan: Document, again: Callable[[Document], str], *, yes: bool, as_json: bool
) -> click.UsageError:
    reason = "With --json nothing is asked" if as_json else "There is no terminal to ask at"
    if yes:
        reason = "--yes answers the question, but does not say which files may be published"
    return click.UsageError(
        f"{reason}. Nothing was published. Check the files and what has changed with "
        f"`stageproxy promote STAGE --dry-run`, then approve exactly these files with "
        f"--manifest, or with --hashes FILE and the hashes of the build:\n  {again(plan)}"
    )


def _unapproved_forms(plan: Document, again: Callable[[Document], str]) -> FailedError:
    forms = (f"{one['filename']}: {one['message']}" for one in plan["other-forms"])
    then = f"Then approve this revision:\n  {again(plan)}"
    return FailedError("\n  ".join([_OTHER_FORMS, *forms, then]))


def _unacknowledged(plan: Document, *, as_json: bool) -> FailedError:
    messages = messages_at(plan, "warn") if as_json else ()
    sentence = "There are warnings. Read them, and add --yes to publish anyway."
    return FailedError("\n  ".join([sentence, *messages]))
