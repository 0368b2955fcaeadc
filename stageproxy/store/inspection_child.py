"""The child process that reads what may be hostile for `store.inspection`: `python -m` this module.

It reads a question from each line of its input, and writes lines of its own: what it
found so far, each time there is more; then that this is all, or the failure that ends
the process. `inspection_messages` has the questions and answers. It ends when its
input does.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.archives.reader import read_in_steps
from stageproxy.core.review.artifact_reading import read_artifact, shown
from stageproxy.core.review.contents.examination import Analyses
from stageproxy.core.review.supply_chain.parity import read_parity
from stageproxy.core.rules.attestations import FIELD, attestations_in
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import PlacedFinding, steps_of
from stageproxy.core.stage.dependencies import wanted_of
from stageproxy.store.description import render_description
from stageproxy.store.inspection_messages import (
    MOST_FINDINGS,
    QUESTION,
    ArchiveQuestion,
    AttestationsQuestion,
    DependenciesQuestion,
    DescriptionQuestion,
    File,
    MetadataQuestion,
    ParityQuestion,
    Question,
    ReviewQuestion,
    UploadQuestion,
    encoded,
)

READY = b"ready\n"

_LONGEST_MESSAGE = 5000
"""The longest message of a finding, in characters; it may quote what was uploaded."""
_OPEN_FILES = 16
_OWN_MEMORY = 64 * 2**20
"""The memory of an idle process, where the system does not report it."""


def main() -> None:
    """Answer until the input ends, or something fails."""
    memory, seconds, niceness = (int(argument) for argument in sys.argv[1:])
    os.nice(niceness)
    analyses = Analyses()
    # Stopping a server signals all of its processes, but running uploads are still finished.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit_process(memory)
    _write(READY)
    for line in sys.stdin.buffer:
        _limit_processor(seconds)
        try:
            for answer in _answers(QUESTION.validate_json(line), analyses):
                _write(encoded(answer))
            _write(encoded({"is_all": True}))
        except Exception as error:  # noqa: BLE001 - the outermost place of this process
            _write(encoded({"fault": _without_message(error)}))
            return


def memory_of(process: int) -> int:
    """Return the bytes of a process that count for `RLIMIT_AS`."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _answers(question: Question, analyses: Analyses) -> Iterator[dict[str, object]]:
    match question:
        case ArchiveQuestion():
            yield from _contents_of(question)
        case UploadQuestion():
            yield from _findings_on(question)
        case MetadataQuestion():
            name = parse_distribution_name(question.filename)
            yield {"form": form_of(question.core_metadata, name)}
        case AttestationsQuestion():
            yield {"attestations": len(attestations_in(((FIELD, question.text),)) or [])}
        case DependenciesQuestion():
            yield {"wanted": asdict(wanted_of(question.wishes))}
        case ReviewQuestion() | ParityQuestion():
            yield from _of_review(question, analyses)
        case DescriptionQuestion():
            yield {"html": render_description(question.text, question.content_type)}


def _contents_of(question: ArchiveQuestion) -> Iterator[dict[str, object]]:
    with Path(question.path).open("rb") as file:
        for contents in read_in_steps(file, parse_distribution_name(question.filename)):
            yield {"contents": asdict(contents)}


def _of_review(
    question: ReviewQuestion | ParityQuestion, analyses: Analyses
) -> Iterator[dict[str, object]]:
    match question:
        case ReviewQuestion():
            yield from _reviews(question, analyses)
        case ParityQuestion():
            with _opened(question.wheel) as wheel, _opened(question.sdist) as sdist:
                yield {"parity": [asdict(shown(one)) for one in read_parity(wheel, sdist)]}


def _reviews(question: ReviewQuestion, analyses: Analyses) -> Iterator[dict[str, object]]:
    before = nullcontext() if question.before is None else _opened(question.before)
    with _opened(question.after) as after, before as counterpart:
        for review in read_artifact(after, counterpart, analyses):
            yield {"review": asdict(review)}


@contextmanager
def _opened(file: File) -> Iterator[tuple[BinaryIO, str]]:
    """Open an archive, and yield it with its filename."""
    with Path(file.path).open("rb") as opened:
        yield opened, file.filename


def _findings_on(question: UploadQuestion) -> Iterator[dict[str, object]]:
    """Return the findings of each step, so that what is slow loses nothing but itself."""
    upload = question.upload()
    for step in steps_of(only_form=question.only_form):
        yield {"findings": [(place, asdict(one)) for place, one in _sent(step.findings(upload))]}


def _sent(found: Sequence[PlacedFinding]) -> list[PlacedFinding]:
    """Return findings in bounded number and length, at any rate the refusals."""
    gravest = sorted(found, key=lambda one: one[1].level is not Level.REFUSE)
    return [(place, _shortened(one)) for place, one in gravest[:MOST_FINDINGS]]


def _shortened(finding: Finding) -> Finding:
    message = finding.message
    if len(message) <= _LONGEST_MESSAGE:
        return finding
    return replace(finding, message=f"{message[:_LONGEST_MESSAGE]}...")


def _without_message(error: Exception) -> str:
    """Return the type and place of an error without its message, which may be an archive's."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f" in {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    return type(error).__name__ + place


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _limit_process(memory: int) -> None:
    _limit("RLIMIT_AS", _own_memory() + memory)
    _limit("RLIMIT_NOFILE", _OPEN_FILES)
    for nothing in ("RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE"):
        _limit(nothing, 0)


def _limit_processor(seconds: int) -> None:
    """End this process if a file takes more processor time, even if the server is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    _limit("RLIMIT_CPU", int(used.ru_utime + used.ru_stime) + 1 + seconds, hard=hard)


def _limit(name: str, most: int, *, hard: int | None = None) -> None:
    """Set a limit if this system has it and permits it."""
    number = getattr(resource, name, None)
    if number is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(number, (most, most if hard is None else hard))


def _own_memory() -> int:
    with suppress(OSError, ValueError):
        return memory_of(os.getpid())
    return _OWN_MEMORY


if __name__ == "__main__":
    main()
