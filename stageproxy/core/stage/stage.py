"""Stages, their artifacts, and the steps that each status allows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from packaging.utils import NormalizedName, canonicalize_version

from stageproxy.core.errors import ConflictError
from stageproxy.core.rules.findings import Finding
from stageproxy.core.stage.file_uploads import FileUpload


class Status(StrEnum):
    """The status of a stage, as that of a publishing session in PEP 694."""

    OPEN = "open"
    PROCESSING = "processing"
    PUBLISHED = "published"
    ERROR = "error"
    CANCELED = "canceled"


LAG = timedelta(days=1)
"""How long the preview of a published stage adds files that upstream does not list yet."""

LIVE = frozenset({Status.OPEN, Status.PROCESSING, Status.ERROR})
"""The statuses of a live stage. A release has at most one live stage."""


class Step(StrEnum):
    """A step of a stage, as the errors name it."""

    EDIT = "be edited"
    EXTEND = "be extended"
    PROMOTE = "be promoted"
    STOP = "be stopped"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "be canceled"
    GIVE_UP = "be given up"


_RUNNING: Mapping[Step, Status] = {
    Step.STOP: Status.PROCESSING,
    Step.SUCCEED: Status.PUBLISHED,
    Step.FAIL: Status.ERROR,
}

NEXT: Mapping[tuple[Status, bool], Mapping[Step, Status]] = {
    (Status.OPEN, False): {
        Step.EDIT: Status.OPEN,
        Step.EXTEND: Status.OPEN,
        Step.PROMOTE: Status.PROCESSING,
        Step.CANCEL: Status.CANCELED,
    },
    (Status.PROCESSING, False): _RUNNING,
    (Status.PROCESSING, True): _RUNNING,
    (Status.ERROR, False): {
        Step.EDIT: Status.ERROR,
        Step.EXTEND: Status.ERROR,
        Step.PROMOTE: Status.PROCESSING,
        Step.STOP: Status.ERROR,
        Step.CANCEL: Status.CANCELED,
    },
    (Status.ERROR, True): {
        Step.EDIT: Status.ERROR,
        Step.PROMOTE: Status.PROCESSING,
        Step.STOP: Status.ERROR,
        Step.GIVE_UP: Status.CANCELED,
    },
}
"""The status after each step, by status and by whether anything was sent to PyPI. Other steps
are conflicts. Of a stage that has sent something, only some files can be edited: see `accept`."""

_WAIT = "Wait until it has ended, or stop it with `stageproxy promote STAGE --stop`."
_FINISH = "Run `stageproxy promote STAGE` again to publish the rest."
_CANCEL = "Nothing of it is published: cancel it with `stageproxy stage cancel STAGE`."
_UNTIL_IT_ENDS = dict.fromkeys((Step.EDIT, Step.EXTEND, Step.CANCEL, Step.GIVE_UP), _WAIT)
_ADVICE: Mapping[tuple[Status, bool], Mapping[Step, str]] = {
    (Status.OPEN, False): {Step.GIVE_UP: _CANCEL},
    (Status.PROCESSING, False): _UNTIL_IT_ENDS,
    (Status.PROCESSING, True): _UNTIL_IT_ENDS,
    (Status.ERROR, False): {Step.GIVE_UP: _CANCEL},
    (Status.ERROR, True): {
        Step.EXTEND: "It does not expire.",
        Step.CANCEL: (
            f"{_FINISH} To give up what is left, run `stageproxy promote STAGE --give-up`."
        ),
    },
}
"""What to do about a step that a stage does not allow."""


class ArtifactKind(StrEnum):
    """The kinds of distributions, as `filetype` of the upload API names them."""

    WHEEL = "bdist_wheel"
    SDIST = "sdist"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A staged distribution, a wheel or an sdist, with some values of its form.

    `size` is in bytes, digests are in hex. `form_sha256` identifies the whole form,
    which only promotions need. `core_metadata_sha256` is the digest of the METADATA
    file that is served beside a wheel, and `None` for an sdist. `findings` are those
    that the file and its form decide, whatever the index lists. `attestations` is the
    number of attestations in the form.
    """

    filename: str
    kind: ArtifactKind
    sha256: str
    blake2b_256: str
    md5: str | None
    size: int
    form_sha256: str
    requires_python: str | None
    summary: str | None
    requires_dist: tuple[str, ...]
    core_metadata_sha256: str | None
    uploaded_at: datetime
    uploaded_by: str
    findings: tuple[Finding, ...] = ()
    attestations: int = 0

    @property
    def path(self) -> str:
        """The path that the file will have on PyPI's file host."""
        digest = self.blake2b_256
        return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{self.filename}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A release that is not on PyPI yet: one project, one version, its artifacts, a lifetime.

    `version` is `None` until the first artifact sets it. `revision` increases with
    each change, and `rotation` with each new stage token. `uploads` are the file
    uploads that are not completed. `expects` are the patterns of files that were
    declared when the stage was opened.
    """

    id: str
    project: NormalizedName
    version: str | None
    status: Status
    revision: int
    rotation: int
    lifetime: timedelta
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    sent: bool = False
    artifacts: tuple[Artifact, ...] = ()
    uploads: tuple[FileUpload, ...] = ()
    expects: tuple[str, ...] = ()

    @property
    def release(self) -> str:
        """The name of the release for people: `demo 1.0`."""
        return f"{self.project} {self.version or '(no version yet)'}"

    @property
    def is_empty(self) -> bool:
        """Whether the stage has no file, and none is being uploaded by PEP 694."""
        return not self.artifacts and not self.uploads

    def is_live(self, now: datetime) -> bool:
        """Return whether the release can still be published from this stage."""
        return self.status in LIVE and not self.has_expired(now)

    def has_expired(self, now: datetime) -> bool:
        """Return whether the stage has expired. It does not expire while it is being published."""
        return Step.CANCEL in self.steps() and now >= self.expires_at

    def steps(self) -> Mapping[Step, Status]:
        """Return the steps that the stage allows, with the status after each."""
        return NEXT.get((self.status, self.sent), {})

    def after(self, step: Step) -> Status:
        """Return the status after *step*. Raise `ConflictError` if the stage does not allow it."""
        try:
            return self.steps()[step]
        except KeyError:
            failed = "partially published" if self.sent else "unpublished"
            state = failed if self.status is Status.ERROR else self.status
            sentence = f"Stage {self.release} is {state} and cannot {step}."
            advice = _ADVICE.get((self.status, self.sent), {}).get(step, "")
            raise ConflictError(f"{sentence} {advice}".rstrip()) from None

    def find_artifact(self, filename: str) -> Artifact | None:
        """Return the artifact with that filename, `None` if there is none."""
        return next((one for one in self.artifacts if one.filename == filename), None)

    def find_upload(self, filename: str) -> FileUpload | None:
        """Return the unfinished upload of a file, `None` if there is none."""
        return next((one for one in self.uploads if one.filename == filename), None)

    def accepts_version(self, version: str) -> bool:
        """Return whether a file of *version* belongs to this stage."""
        return self.version is None or same_version(self.version, version)


def as_previewed(stage: Stage, now: datetime) -> Stage:
    """Return the stage as its preview shows it. A published stage adds nothing after `LAG`.

    Before that its wheels have no METADATA beside them: their URLs redirect to an index that may
    not serve it.
    """
    if stage.status is not Status.PUBLISHED or stage.ended_at is None:
        return stage
    if now >= stage.ended_at + LAG:
        return replace(stage, artifacts=(), revision=stage.revision + 2)
    artifacts = tuple(replace(one, core_metadata_sha256=None) for one in stage.artifacts)
    return replace(stage, artifacts=artifacts, revision=stage.revision + 1)


def ended(stage: Stage, reason: str, now: datetime) -> Stage:
    """Return the stage after it was canceled or expired."""
    return replace(
        stage,
        status=Status.CANCELED,
        reason=reason,
        ended_at=now,
        revision=stage.revision + 1,
    )


def same_version(one: str, other: str) -> bool:
    """Return whether two spellings are the same release on PyPI: `1.0` is `1.0.0`."""
    return canonicalize_version(one) == canonicalize_version(other)


def expiry_after_change(stage: Stage, now: datetime, *, longest: timedelta) -> datetime:
    """Return when a stage that changes *now* expires: its lifetime starts again."""
    return _later(stage, now + min(stage.lifetime, longest), longest=longest)


def expiry_after_extension(stage: Stage, by: timedelta, *, longest: timedelta) -> datetime:
    """Return when a stage that is extended *by* a duration expires, within the limit."""
    return _later(stage, stage.expires_at + min(by, longest), longest=longest)


def _later(stage: Stage, requested: datetime, *, longest: timedelta) -> datetime:
    return max(stage.expires_at, min(requested, stage.opened_at + longest))
