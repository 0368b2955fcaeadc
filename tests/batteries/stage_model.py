"""What must be true of stages, in plain Python: the model that the state machine compares with."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stageproxy.core.stage.stage import Stage
from tests.support.ports.clock import NOON

RETENTION = timedelta(days=30)
File = tuple[str, str]
"""The name and the SHA-256 of a file."""

EDITED = {"open": 200, "error": 200, "processing": 409, "published": 409, "canceled": 410}
ANSWERS: Mapping[str, Mapping[str, int]] = {
    "extend": {**EDITED, "partial": 409},
    "cancel": {**EDITED, "partial": 409},
    "withdraw": EDITED,
    "upload": EDITED,
    "rotate": {**dict.fromkeys(EDITED, 200), "partial": 200, "canceled": 410},
}
"""The status code of each request, by the state of its stage. A partially published stage can
still change the files that certainly are not public."""

RIGHTS: Mapping[str, frozenset[str]] = {
    "admin": frozenset({"open", "upload", "withdraw", "extend", "cancel", "rotate", "promote"}),
    "manage": frozenset({"open", "upload", "withdraw", "extend", "cancel", "rotate", "promote"}),
    "upload": frozenset({"open", "upload", "withdraw"}),
    "revoked": frozenset(),
}
"""What each kind of token permits."""


@dataclass(slots=True)
class Announced:
    """A file upload of PEP 694 that is not completed."""

    url: str
    sha256: str
    expires_at: datetime
    is_sent: bool = False
    has_failed: bool = False


@dataclass(slots=True)
class ModelStage:
    """A stage as it must be.

    *path* is that of its stage URL, *seen* its row after the last step.
    """

    id: str
    version: str
    path: str
    expires_at: datetime
    status: str = "open"
    ended_at: datetime | None = None
    is_sent: bool = False
    files: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Announced] = field(default_factory=dict)
    former_paths: list[str] = field(default_factory=list)
    former_files: set[str] = field(default_factory=set)
    approved: set[File] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    seen: Stage | None = None

    @property
    def state(self) -> str:
        """Return the status, or `partial` if it failed after something was sent."""
        return "partial" if self.status == "error" and self.is_sent else self.status

    @property
    def is_live(self) -> bool:
        """Return whether the release can still be published from it."""
        return self.status in {"open", "processing", "error"}

    def end(self, when: datetime) -> None:
        """End the stage without publishing it."""
        self.status, self.ended_at = "canceled", when
        self.uploads.clear()


@dataclass(slots=True)
class Model:
    """All stages that were ever opened, by their ids, and the time."""

    now: datetime = NOON
    stages: dict[str, ModelStage] = field(default_factory=dict)

    def live(self, version: str) -> ModelStage | None:
        """Return the live stage of a release."""
        return next((one for one in self.all_live() if one.version == version), None)

    def all_live(self) -> Iterator[ModelStage]:
        """Return the live stages."""
        return (one for one in self.stages.values() if one.is_live)

    def is_over(self, stage: ModelStage) -> bool:
        """Return whether nothing has to be known of an ended stage any more."""
        return stage.ended_at is not None and self.now >= stage.ended_at + RETENTION

    def pass_time(self, length: timedelta) -> None:
        """Let time pass: stages and uploads expire, unless something of them is public."""
        self.now += length
        for stage in self.all_live():
            if stage.state in {"open", "error"} and self.now >= stage.expires_at:
                stage.end(stage.expires_at)
            for name, upload in list(stage.uploads.items()):
                # What has failed stays until it is deleted, or its stage ends.
                if self.now >= upload.expires_at and not upload.has_failed:
                    del stage.uploads[name]
