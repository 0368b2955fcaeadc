"""An artifact and its counterpart, read for what differs between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from stageproxy.core.review.contents.examination import Analyses, examine, texts_that_differ
from stageproxy.core.review.contents.summaries import summary_of
from stageproxy.core.review.summary import ArchiveSummary

MOST_HELD = 16 * 2**20
"""How many bytes of the texts of the counterpart are in memory at once."""

SeeBoth = Callable[[str, bytes | None, bytes], None]
"""Gets a path, and the text before and after; before is `None` if it is not there, or not held."""


@dataclass(slots=True)
class Reading:
    """Reads two artifacts: first their summaries, then the texts that differ."""

    after: ArchiveSummary
    before: ArchiveSummary | None
    after_file: BinaryIO
    before_file: BinaryIO | None = None

    def examine(self, analyses: Analyses, see: SeeBoth = lambda *_: None) -> None:
        """Complete both summaries with what the texts can do that differ; *see* gets the texts."""
        held: dict[str, bytes] = {}
        if self.before is not None and self.before_file is not None:
            others = texts_that_differ(self.after, self.before)
            hold = _holding(held)
            self.before = examine(self.before_file, self.before, others, analyses, hold)
        wanted = texts_that_differ(self.before, self.after)

        def see_both(path: str, content: bytes) -> None:
            see(path, held.pop(path, None), content)

        self.after = examine(self.after_file, self.after, wanted, analyses, see_both)


def read_both(after: tuple[BinaryIO, str], before: tuple[BinaryIO, str] | None = None) -> Reading:
    """Read the summaries of an artifact and its counterpart, each a file and its filename."""
    if before is None:
        return Reading(summary_of(*after), None, after[0])
    return Reading(summary_of(*after), summary_of(*before), after[0], before[0])


def _holding(held: dict[str, bytes]) -> Callable[[str, bytes], None]:
    room = MOST_HELD

    def hold(path: str, content: bytes) -> None:
        nonlocal room
        if len(content) <= room:
            held[path] = content
            room -= len(content)

    return hold
