"""Progress of a promotion, whoever carries it out.

It is shown as bars on a terminal, and as a line for each change elsewhere.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from stageproxy.cli.client import Client
from stageproxy.cli.output.output import FailedError, OutOfReachError

_STATE_TEXTS = {
    "pending": "is waiting",
    "sending": "is being sent",
    "sent": "was accepted, but the index does not list it yet",
    "confirmed": "is published",
    "refused": "was refused",
    "refused in doubt": "was refused; checking whether an earlier attempt was accepted",
    "unknown": "was sent, but the index did not answer; checking whether the index lists it",
}
_SILENT = frozenset({"pending"})
_ACCEPTED = frozenset({"sent", "confirmed"})
_POLL_SECONDS = 0.5
_INTERRUPTED = (
    "This command was interrupted, but publishing continues. Run `stageproxy promote STAGE` again "
    "to follow it."
)
_GIVE_UP_AFTER = 120.0
"""How long the server may be unavailable, in seconds. It resumes when it restarts."""


def state_of(progress: str, *, in_doubt: bool) -> str:
    """Return the state to show. A file refused after an unanswered attempt may be published."""
    return "refused in doubt" if in_doubt and progress == "refused" else progress


@dataclass(slots=True)
class PromotionProgress:
    """Shows the progress of each file, with lines instead of bars if *prints_lines*."""

    bars: Progress
    prints_lines: bool
    _tasks: dict[str, TaskID] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _awaited: str = ""

    def show(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Show the files of a promotion document."""
        for filename, file in files.items():
            state = state_of(file["progress"], in_doubt=file["in-doubt"])
            self._task(filename, file["size"])
            if state != self._states.get(filename, "pending"):
                self.change(filename, state)
            if file["sent"]:
                self.sent(filename, file["sent"])

    def change(self, filename: str, state: str) -> None:
        """Show the new state of a file."""
        self._states[filename] = state
        task = self._task(filename, None)
        self.bars.update(task, state=_STATE_TEXTS[state])
        if state in _ACCEPTED:
            self.bars.update(task, completed=self.bars.tasks[self._index(task)].total or 0)
        if self.prints_lines and state not in _SILENT:
            click.echo(f"{filename} {_STATE_TEXTS[state]}.")

    def wait_for(self, sentence: str) -> None:
        """Show what the promotion waits for, once for each reason."""
        reason = sentence.partition(": ")[2]
        if reason and reason != self._awaited:
            self._say(sentence)
        self._awaited = reason

    def sent(self, filename: str, count: int) -> None:
        """Show how many bytes of a file were sent."""
        self.bars.update(self._task(filename, None), completed=count)

    def _say(self, sentence: str) -> None:
        if self.prints_lines:
            click.echo(sentence)
        elif not self.bars.disable:
            self.bars.console.print(sentence, markup=False, highlight=False)

    def _task(self, filename: str, size: int | None) -> TaskID:
        if filename not in self._tasks:
            pending = _STATE_TEXTS["pending"]
            self._tasks[filename] = self.bars.add_task(filename, total=size, state=pending)
        return self._tasks[filename]

    def _index(self, task: TaskID) -> int:
        return self.bars.task_ids.index(task)


@contextmanager
def promotion_progress(*, hidden: bool) -> Iterator[PromotionProgress]:
    """Show the progress of files, unless *hidden*."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[state]}"),
        console=console,
        disable=hidden or not console.is_terminal,
    )
    with bars:
        yield PromotionProgress(bars, prints_lines=not hidden and not console.is_terminal)


async def follow(
    client: Client, stage_id: str, progress: PromotionProgress, interrupted: str = _INTERRUPTED
) -> Mapping[str, Any]:
    """Return a promotion when it has ended, and show its progress until then.

    *interrupted*: what Ctrl-C changes, which ends only the command.
    """
    try:
        while True:
            promotion = await _get_promotion(client, stage_id)
            progress.show(promotion["files"])
            progress.wait_for(promotion.get("waits-for") or "")
            if promotion["status"] != "processing":
                return promotion
            await asyncio.sleep(_POLL_SECONDS)
    except asyncio.CancelledError:
        raise FailedError(interrupted) from None


async def _get_promotion(client: Client, stage_id: str) -> Mapping[str, Any]:
    """Return a promotion, and retry while the server is unavailable."""
    give_up_at = asyncio.get_running_loop().time() + _GIVE_UP_AFTER
    while True:
        try:
            return await client.request("GET", f"api/stages/{stage_id}/promotion")
        except OutOfReachError:
            if asyncio.get_running_loop().time() >= give_up_at:
                raise
            await asyncio.sleep(_POLL_SECONDS)
