"""Evidence: what `stageproxy try` reports of an installation from the stage."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """One try of a stage: where, with which files, and how it ended.

    `manifest_digest` names the files of the stage that were tried; once they differ, it is
    superseded. `platform` is a platform tag without the version of the system.
    `installer` is `pip 26.3`; `filename` the artifact that was installed. `log_tail` are
    the last lines of the output. `by` is the id of the API token.
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
