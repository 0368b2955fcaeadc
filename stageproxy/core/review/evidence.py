"""Evidence: what `stageproxy try` reports of an installation from the stage."""

from dataclasses import dataclass, replace
from datetime import datetime

from stageproxy.core.review.impact.targets import Target
from stageproxy.core.rights import redacted

MOST_RESULTS = 200
"""How many results a stage has for the files that it has now, and how many for former ones."""
LONGEST_COMMAND = 500
LONGEST_NAME = 80
"""The longest name of a version, a platform or an installer, in characters."""

_MOST_LINES = 60
_LONGEST_LINE = 300
_LONGEST_LOG = 8000


@dataclass(frozen=True, slots=True)
class Evidence:
    """One try of a stage: where, with which files, and how it ended.

    `manifest_digest` names the files of the stage that were tried; once they differ, it is
    superseded. `python` is the version, `3.13.5`; `implementation` and `platform` are those of
    a target: `cp`, and a platform tag without the version of the system.
    `installer` is `pip 26.3`; `filename` the artifact that was installed, empty if none was.
    `log_tail` are the last lines of the output. `by` is the id of the API token.
    """

    id: str
    manifest_digest: str
    python: str
    implementation: str
    platform: str
    installer: str
    filename: str
    command: str
    passed: bool
    exit_code: int
    seconds: float
    log_tail: str
    at: datetime
    by: str


def target_of(evidence: Evidence) -> Target:
    """Return the target on which a stage was tried."""
    python = ".".join(evidence.python.split(".")[:2])
    return Target(evidence.implementation, python, evidence.platform)


def cleaned(evidence: Evidence) -> Evidence:
    """Return evidence that is safe to store and to show: short, printable, without tokens."""
    return replace(
        evidence,
        python=_clean(evidence.python, LONGEST_NAME),
        platform=_clean(evidence.platform, LONGEST_NAME),
        installer=_clean(evidence.installer, LONGEST_NAME),
        command=_clean(evidence.command, LONGEST_COMMAND),
        log_tail=log_tail(evidence.log_tail),
    )


def log_tail(text: str) -> str:
    """Return the last lines of an output, which can be anything. What was cut is said."""
    lines = text.splitlines()
    shown: list[str] = []
    for line in reversed(lines[-_MOST_LINES:]):
        shown.insert(0, _clean(line.rstrip(), _LONGEST_LINE))
        if sum(map(len, shown)) > _LONGEST_LOG:
            del shown[0]
            break
    cut = len(lines) - len(shown)
    return "\n".join([*([f"({cut} earlier lines)"] if cut else []), *shown])


def clean_line(text: str) -> str:
    """Return a line of an output without tokens and without characters that steer a terminal."""
    known = redacted(text)
    if known.isprintable():
        return known
    return "".join(one if one.isprintable() else "?" for one in known.replace("\t", "    "))


def _clean(text: str, longest: int) -> str:
    line = clean_line(text[: 2 * longest])
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
