"""Here is what a stage is, what it holds, and which steps it allows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from packaging.utils import NormalizedName, canonicalize_version

from stageproxy.core.errors import ConflictError
from stageproxy.core.stage.file_uploads import FileUpload


class Status(StrEnum):
    """The states of a stage; PEP 694's states of a publishing session."""

    OPEN = "open"
    PROCESSING = "processing"
    PUBLISHED = "published"
    ERROR = "error"
    CANCELED = "canceled"


LAG = timedelta(days=1)
"""How long the preview of a published stage still adds what upstream does not list yet."""

LIVE = frozenset({Status.OPEN, Status.PROCESSING, Status.ERROR})
"""The states in which a release counts as staged: one such stage at a time."""


class Step(StrEnum):
    """What can be done to a stage."""

    EDIT = "be edited"
    PROMOTE = "be promoted"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "be canceled"


NEXT: Mapping[tuple[Status, bool], Mapping[Step, Status]] = {
    (Status.OPEN, False): {
        Step.EDIT: Status.OPEN,
        Step.PROMOTE: Status.PROCESSING,
        Step.CANCEL: Status.CANCELED,
    },
    (Status.PROCESSING, False): {Step.SUCCEED: Status.PUBLISHED, Step.FAIL: Status.ERROR},
    (Status.PROCESSING, True): {Step.SUCCEED: Status.PUBLISHED, Step.FAIL: Status.ERROR},
    (Status.ERROR, False): {
        Step.EDIT: Status.ERROR,
        Step.PROMOTE: Status.PROCESSING,
        Step.CANCEL: Status.CANCELED,
    },
    (Status.ERROR, True): {Step.PROMOTE: Status.PROCESSING},
}
"""Where each step leads, by status and by whether anything was sent to PyPI. What is missing is
a conflict."""


_FINISH = " Run `stageproxy promote STAGE` again to publish the rest."


class ArtifactKind(StrEnum):
    """The two kinds of distributions, by the upload API's names for them (`filetype`)."""

    WHEEL = "bdist_wheel"
    SDIST = "sdist"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One distribution that we hold: a wheel or an sdist, and what its form says of it.

    `size` is in bytes, digests are in hex. `form_sha256` stands for the whole
    form, which only promotion needs; `core_metadata_sha256` is the digest of
    the METADATA file that is served beside a wheel, and `None` for an sdist.
    `attestations` is how many came along.
    """

    filename: str
    kind: ArtifactKind
    sha256: str
    blake2b_256: str
    md5: str
    size: int
    form_sha256: str
    requires_python: str | None
    summary: str | None
    requires_dist: tuple[str, ...]
    core_metadata_sha256: str | None
    uploaded_at: datetime
    uploaded_by: str
    notices: tuple[str, ...] = ()
    attestations: int = 0

    @property
    def path(self) -> str:
        """The very path the file will have on PyPI's file host."""
        digest = self.blake2b_256
        return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{self.filename}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A release that is not on PyPI yet: one project, one version, its artifacts, a life time.

    `version` is `None` until the first artifact fixes it; `revision` is raised
    by every change; `rotation` counts the changes of the stage token.
    `uploads` are the files on their way in that were not completed.
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

    @property
    def release(self) -> str:
        """The release's name for people: `demo 1.0`."""
        return f"{self.project} {self.version or '(no version yet)'}"

    def is_live(self, now: datetime) -> bool:
        """Say whether the stage still stands for a release to come."""
        return self.status in LIVE and not self.has_expired(now)

    def has_expired(self, now: datetime) -> bool:
        """Say whether the stage's time is over. One that is being published does not expire."""
        return Step.CANCEL in self.steps() and now >= self.expires_at

    def steps(self) -> Mapping[Step, Status]:
        """Return the steps that the stage allows, and where each leads."""
        return NEXT.get((self.status, self.sent), {})

    def after(self, step: Step) -> Status:
        """Return the status that *step* leads to, or raise a conflict."""
        try:
            return self.steps()[step]
        except KeyError:
            is_partial = self.status is Status.ERROR
            state, advice = ("partially published", _FINISH) if is_partial else (self.status, "")
            raise ConflictError(
                f"Stage {self.release} is {state} and cannot {step}.{advice}"
            ) from None

    def find_artifact(self, filename: str) -> Artifact | None:
        """Return the artifact of that name, if the stage has it."""
        return next((one for one in self.artifacts if one.filename == filename), None)

    def find_upload(self, filename: str) -> FileUpload | None:
        """Return the unfinished upload of a file, if there is one."""
        return next((one for one in self.uploads if one.filename == filename), None)

    def accepts_version(self, version: str) -> bool:
        """Say whether a file of *version* belongs to this stage."""
        return self.version is None or same_version(self.version, version)


def as_previewed(stage: Stage, now: datetime) -> Stage:
    """Return the stage as its preview has it: in the end a published one adds nothing any more.

    Until then its wheels are without their METADATA beside them: their URLs lead to an index that
    may not have it.
    """
    if stage.status is not Status.PUBLISHED or stage.ended_at is None:
        return stage
    if now >= stage.ended_at + LAG:
        return replace(stage, artifacts=(), revision=stage.revision + 2)
    bare = tuple(replace(one, core_metadata_sha256=None) for one in stage.artifacts)
    return replace(stage, artifacts=bare, revision=stage.revision + 1)


def ended(stage: Stage, reason: str, now: datetime) -> Stage:
    """Return the stage as it is when it has been canceled, or has expired."""
    return replace(
        stage,
        status=Status.CANCELED,
        reason=reason,
        ended_at=now,
        revision=stage.revision + 1,
    )


def same_version(one: str, other: str) -> bool:
    """Say whether PyPI takes two spellings for one release: `1.0` is `1.0.0`."""
    return canonicalize_version(one) == canonicalize_version(other)


def expiry_after_change(stage: Stage, now: datetime, *, longest: timedelta) -> datetime:
    """Return when a stage that changes *now* expires: its life time starts again."""
    return _later(stage, now + min(stage.lifetime, longest), longest=longest)


def expiry_after_extension(stage: Stage, by: timedelta, *, longest: timedelta) -> datetime:
    """Return when a stage expires that is extended *by* a time, as far as the limit allows."""
    return _later(stage, stage.expires_at + min(by, longest), longest=longest)


def _later(stage: Stage, wished: datetime, *, longest: timedelta) -> datetime:
    return max(stage.expires_at, min(wished, stage.opened_at + longest))
