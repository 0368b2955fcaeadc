"""Whatever uploaders sent, read in child processes with limits of time and memory."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.table import PlacedFinding, in_pypi_order, steps_of
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import Wanted, Wishes
from stageproxy.core.values import FormFields
from stageproxy.store.description import MOST_RENDERED
from stageproxy.store.inspection_messages import upload_question
from stageproxy.store.inspection_pool import Dialogue, InspectionPool, NextLimit
from stageproxy.store.inspection_process import (
    InspectionFailedError,
    InspectionLimitError,
    InspectionLimits,
    TimeLimit,
    outcome_of,
)

log = logging.getLogger(__name__)

_CERTAIN_SHARE = 1 / 5
_LIMITS = InspectionLimits()
_DESCRIPTION_SECONDS = 2.0

Count = Callable[[str, str, float], None]
"""Counts a question by its kind, its outcome, and the seconds that it waited."""


class Inspection:
    """Reads what uploaders sent, each time in a child process with limits.

    See `ports.Inspector`. A question that exceeds a limit, or ends its process, is
    not answered completely; the others are.
    """

    def __init__(
        self,
        limits: InspectionLimits = _LIMITS,
        *,
        count: Count = lambda *_: None,
        show_waiting: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._limits = limits
        self._pool = InspectionPool(limits, show_waiting)
        self._count = count

    def __enter__(self) -> Self:
        """Start a process in the background, so that the first file does not wait for it."""
        self._pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, also those that are reading a file."""
        self._pool.close()

    async def read_contents(self, path: Path, name: DistributionName, asker: str) -> Contents:
        """Return the contents of the archive at *path*; a failure is one of its problems."""
        question = {"kind": "archive", "path": str(path), "filename": name.filename}
        dialogue = await self._ask(question, asker, self._archive_limit, about=name.filename)
        known = [one.contents for one in dialogue.answers if one.contents is not None]
        failure = dialogue.failure
        is_enough = failure is None or isinstance(failure, InspectionLimitError)
        if known and is_enough:
            return known[-1]
        reason = (
            f"File takes more than {failure.limit} to read"
            if isinstance(failure, InspectionLimitError)
            else "File cannot be read"
        )
        return Contents(problems=(f"Invalid distribution file. {reason}",))

    async def findings(self, upload: Upload, asker: str) -> Sequence[PlacedFinding]:
        """Return what the rules find that need no index."""
        return await self._findings(upload, asker, only_form=False)

    async def form_findings(self, form: FormFields, asker: str) -> Sequence[Finding]:
        """Return what the rules find that need only the form."""
        upload = Upload(form, "", None, "", "", "")
        return in_pypi_order(await self._findings(upload, asker, only_form=True))

    async def form_of(
        self, core_metadata: bytes, name: DistributionName, asker: str
    ) -> FormFields | None:
        """Return the form that twine would send, without digests; `None` if it takes too long."""
        question = {
            "kind": "metadata",
            "core_metadata": core_metadata,
            "filename": name.filename,
        }
        dialogue = await self._ask(question, asker, self._rule_limit, about=name.filename)
        return next((one.form for one in dialogue.answers if one.form is not None), None)

    async def attestations_in(self, text: str, asker: str) -> int:
        """Return the number of attestations in a form's field; 0 if they cannot be read."""
        question = {"kind": "attestations", "text": text}
        dialogue = await self._ask(question, asker, self._rule_limit, about=FIELD)
        return sum(one.attestations for one in dialogue.answers)

    async def wanted_of(self, wishes: Wishes, asker: str) -> Wanted | None:
        """Return the dependencies of a release that count; `None` if that takes too long."""
        question = {"kind": "dependencies", "wishes": asdict(wishes)}
        dialogue = await self._ask(question, asker, self._rule_limit, about=wishes.project)
        return next((one.wanted for one in dialogue.answers if one.wanted is not None), None)

    async def render(self, text: str, content_type: str, asker: str) -> str | None:
        """Return a description as HTML that can do nothing; see `ports.DescriptionRenderer`."""
        if len(text) > MOST_RENDERED:
            return None
        question = {"kind": "description", "text": text, "content_type": content_type}
        dialogue = await self._ask(question, asker, _description_limit, about="description")
        return next((one.html for one in dialogue.answers if one.html is not None), None)

    async def _findings(
        self, upload: Upload, asker: str, *, only_form: bool
    ) -> Sequence[PlacedFinding]:
        question = upload_question(upload, only_form=only_form)
        dialogue = await self._ask(question, asker, self._rule_limit, about=upload.filename)
        found = [one for answer in dialogue.answers for one in answer.findings]
        if dialogue.failure is None:
            return found
        return [*found, *_not_checked(dialogue, dialogue.failure, only_form=only_form)]

    async def _ask(
        self, question: Mapping[str, object], asker: str, next_limit: NextLimit, *, about: str
    ) -> Dialogue:
        kind = str(question["kind"])
        dialogue = await self._pool.ask(question, asker, next_limit)
        failure = dialogue.failure
        if failure is not None:
            log.log(failure.level, "%s of %r was not read completely: %s", kind, about, failure)
        self._count(kind, outcome_of(failure), dialogue.waited)
        return dialogue

    def _archive_limit(self, arrived: float, began: float, number: int) -> TimeLimit:
        """Return the limit of the next part of an archive; its first part is essential."""
        seconds = self._limits.seconds
        others = max(arrived + seconds, began + seconds * _CERTAIN_SHARE)
        return TimeLimit(seconds, others if number else began + seconds)

    def _rule_limit(self, _arrived: float, began: float, _number: int) -> TimeLimit:
        seconds = self._limits.rule_seconds
        return TimeLimit(seconds, began + seconds)


def _not_checked(
    dialogue: Dialogue, failure: InspectionFailedError, *, only_form: bool
) -> Iterator[PlacedFinding]:
    """Return what stands for the findings of the steps that were not reached."""
    why = _why(failure)
    if not dialogue.answers:
        yield 0, Finding("content", f"The upload could not be checked: {why}. Upload it again.")
    for step in steps_of(only_form=only_form)[len(dialogue.answers) :]:
        yield step.not_checked(why)


def _why(failure: InspectionFailedError) -> str:
    if isinstance(failure, InspectionLimitError):
        return f"this takes more than {failure.limit}"
    return "this failed"


def _description_limit(_arrived: float, began: float, _number: int) -> TimeLimit:
    return TimeLimit(_DESCRIPTION_SECONDS, began + _DESCRIPTION_SECONDS)
