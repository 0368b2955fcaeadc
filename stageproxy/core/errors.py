"""The errors that are reported to clients."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from math import ceil

_MANUAL = "docs/"


class Kind(StrEnum):
    """The kinds of errors. `web.errors` maps each to a status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    GONE = "gone"
    CONFLICT = "conflict"
    NOT_ACCEPTABLE = "not-acceptable"
    UNSUPPORTED_TYPE = "unsupported-type"
    UNPROCESSABLE = "unprocessable"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    TOO_MANY = "too-many"
    UPSTREAM_FAILED = "upstream-failed"
    UPSTREAM_UNAVAILABLE = "upstream-unavailable"
    UPSTREAM_SLOW = "upstream-slow"
    NO_ROOM = "no-room"
    UNAVAILABLE = "unavailable"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with a request: *source* names the field.

    *page* is the page of PyPI that explains it, as in a finding of the verdict.
    """

    source: str
    message: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class HelpPages:
    """The URLs of PyPI's site and of its manual, each with a trailing slash."""

    site: str
    manual: str

    def explained(self, problem: Problem) -> Problem:
        """Return the problem with the URL of its page in the message, as PyPI words it."""
        if not problem.page:
            return problem
        url = self._url_of(problem.page)
        return replace(problem, message=f"{problem.message} See {url} for more information.")

    def _url_of(self, page: str) -> str:
        if page.startswith(_MANUAL):
            return self.manual + page.removeprefix(_MANUAL)
        return self.site + page


class StageproxyError(Exception):
    """An error that a client can act on: a kind, a sentence, and its problems.

    `limit` is the setting of the limit that was hit, if one was. `retry_after` is the
    Retry-After header of its response, if it is known when to try again.
    """

    kind: Kind
    limit: str = ""
    retry_after: str = ""

    def __init__(self, sentence: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.problems = tuple(problems)


class InvalidRequestError(StageproxyError):
    """The request is not valid."""

    kind = Kind.INVALID


class RefusedError(StageproxyError):
    """PyPI would refuse the upload. The sentence is the first problem, in PyPI's order."""

    kind = Kind.INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message, problems)


class MissingCredentialError(StageproxyError):
    """The request has no API token."""

    kind = Kind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__(
            "This request needs an API token. Send it as the password of the user __token__, "
            "or as a bearer token."
        )


class UnknownCredentialError(StageproxyError):
    """The API token is unknown."""

    kind = Kind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__("Invalid or non-existent authentication information.")


class SlowBodyError(StageproxyError):
    """The body of a request arrives too slowly; *fault* is what is too slow."""

    kind = Kind.TOO_SLOW

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"The request body is too slow: {fault}. Check the connection and send the request "
            "again."
        )


class ForbiddenError(StageproxyError):
    """The API token is known, but lacks the permission."""

    kind = Kind.FORBIDDEN


class NotFoundError(StageproxyError):
    """The resource does not exist."""

    kind = Kind.NOT_FOUND

    def __init__(self, sentence: str = "404 Not Found") -> None:
        super().__init__(sentence)


class GoneError(StageproxyError):
    """The resource no longer exists; the sentence says what happened to it."""

    kind = Kind.GONE


class ConflictError(StageproxyError):
    """The request conflicts with the current state."""

    kind = Kind.CONFLICT


class StageExistsError(ConflictError):
    """The release already has a live stage: *stage_id*."""

    def __init__(self, project: str, version: str, stage_id: str) -> None:
        super().__init__(f"{project} {version} is already staged, as stage {stage_id}.")
        self.stage_id = stage_id


class OtherReleaseError(ConflictError):
    """The artifact belongs to a different release than the stage."""

    def __init__(self, filename: str, *, staged: str) -> None:
        super().__init__(f"{filename} does not belong to stage {staged}.")


class DamagedArtifactError(ConflictError):
    """The stored file of an artifact has changed, so nothing of it may be sent."""

    def __init__(self, filename: str) -> None:
        super().__init__(
            f"The stored copy of {filename} differs from the uploaded file, so it is not published."
        )
        self.filename = filename


class UnacknowledgedError(ConflictError):
    """These warnings must be acknowledged, by *digest*, before the stage is published."""

    def __init__(self, problems: Sequence[Problem], digest: str) -> None:
        if digest:
            sentence = (
                "There are unacknowledged warnings. To publish anyway, promote with `--yes`, "
                f"or send {digest} as `acknowledged`."
            )
        else:
            sentence = "There are no warnings to acknowledge. Send `acknowledged` empty."
        super().__init__(sentence, problems)
        self.digest = digest


class NotAcceptableError(StageproxyError):
    """The client accepts none of the supported media types."""

    kind = Kind.NOT_ACCEPTABLE


class UnsupportedTypeError(StageproxyError):
    """The media type of the request body is not supported."""

    kind = Kind.UNSUPPORTED_TYPE


class UnprocessableError(StageproxyError):
    """The request is well formed, but asks for something that is not supported."""

    kind = Kind.UNPROCESSABLE


class IdentityError(UnprocessableError):
    """The identity of a CI job is not taken. *code*: why, as PyPI spells it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class IssuerUnavailableError(StageproxyError):
    """The issuer of an identity does not answer, or not as an issuer does."""

    kind = Kind.UPSTREAM_UNAVAILABLE

    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(
            f"The issuer {issuer} cannot be asked for its keys: {reason}. Try again in a minute."
        )


class TooLargeError(StageproxyError):
    """A part of the request is too large."""

    kind = Kind.TOO_LARGE


class TooManyError(StageproxyError):
    """A limit is reached, such as that on live stages."""

    kind = Kind.TOO_MANY


class OverLimitError(TooManyError):
    """A change exceeds the limit of a number; *limit* is its setting."""

    def __init__(self, sentence: str, limit: str) -> None:
        super().__init__(sentence)
        self.limit = limit


class OverSizeLimitError(TooLargeError):
    """A change exceeds the limit of the bytes that are stored; *limit* is its setting."""

    def __init__(self, sentence: str, limit: str) -> None:
        super().__init__(sentence)
        self.limit = limit


class TooOftenError(TooManyError):
    """An API token did *what* as often as it may within an hour."""

    def __init__(self, what: str, wait: timedelta, *, setting: str) -> None:
        seconds = ceil(wait.total_seconds())
        super().__init__(
            f"This API token has {what} within an hour, which is the limit. Try again in "
            f"{seconds} s, or ask the server's operator to raise {setting}."
        )
        self.limit = setting
        self.retry_after = str(seconds)


class TooManyGuessesError(TooManyError):
    """A client sends too many tokens that are unknown."""

    def __init__(self, sentence: str, wait: timedelta) -> None:
        seconds = ceil(wait.total_seconds())
        super().__init__(f"{sentence} Try again in {seconds} s.")
        self.retry_after = str(seconds)


class TooManyStagesError(TooManyError):
    """A project has as many live stages as it may have. The sentence says who can cancel one."""

    limit = "stage.max_per_project"

    def __init__(self, project: str, live: int, empty: int) -> None:
        stages = "stage" if live == 1 else "stages"
        how = f" `stageproxy stage cancel --empty --project {project}` cancels the empty ones."
        super().__init__(
            f"{project} already has {live} live {stages}. Cancel one first: a manage token can "
            "cancel any of them, an upload token only an empty one that it opened. The server's "
            "operator can raise stage.max_per_project."
            f"{how if empty else ''}"
        )


class NoTurnError(TooManyError):
    """A file has waited too long until it is its turn to be read."""

    def __init__(self) -> None:
        super().__init__(
            "Too many files are waiting to be checked. Upload this one again in a minute, and "
            "fewer at once."
        )
        self.retry_after = "60"


class UpstreamFailedError(StageproxyError):
    """Upstream returned an unusable response."""

    kind = Kind.UPSTREAM_FAILED


class UpstreamUnavailableError(StageproxyError):
    """Upstream cannot be reached, or reports that it is unavailable.

    *retry_after*: what upstream itself says about when to try again.
    """

    kind = Kind.UPSTREAM_UNAVAILABLE

    def __init__(self, sentence: str, *, retry_after: str = "") -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UpstreamSlowError(StageproxyError):
    """Upstream did not answer in time."""

    kind = Kind.UPSTREAM_SLOW


class StorageError(StageproxyError):
    """What was asked for cannot be stored now. Nothing of it is; another try may succeed."""

    kind = Kind.UNAVAILABLE


class NoRoomError(StorageError):
    """The disk that holds the artifacts is full."""

    kind = Kind.NO_ROOM

    def __init__(
        self, sentence: str = "The server's disk is full. Its operator must free space."
    ) -> None:
        super().__init__(sentence)


class LittleRoomError(NoRoomError):
    """A file of *size* bytes would leave less of the disk free than the *floor* for uploads."""

    def __init__(self, size: int, free: int, floor: int) -> None:
        what = f"{size / 2**20:.1f} MiB do not fit" if size else "No more fits"
        super().__init__(
            f"{what} on the server's disk: {free / 2**20:.1f} MiB are free, and uploads leave "
            f"{floor / 2**20:.1f} MiB free. Cancel stages that are not needed, upload a smaller "
            "file, or ask the server's operator to free space."
        )


class FailedDiskError(StorageError):
    """The disk failed, or is read-only: what is stored on it may be lost."""

    def __init__(self) -> None:
        super().__init__(
            "The server's disk failed to store a file, so the server takes no uploads. Its "
            "operator must check the disk, and run `stageproxy fsck` or start the server again."
        )


class LockedDatabaseError(StorageError):
    """Another program has locked the database."""

    def __init__(self) -> None:
        super().__init__(
            "Another program has locked the server's database, so nothing was changed. Try again "
            "in a few seconds. If it stays locked, the server's operator must end that program."
        )


class FailedDatabaseError(StorageError):
    """The database cannot be read or written: its disk fails, or is read-only."""

    def __init__(self) -> None:
        super().__init__(
            "The server's database cannot be read or written, so nothing was changed. Its operator "
            "must check the disk and the server's log."
        )


class FailedBucketError(StorageError):
    """The bucket that holds the artifacts does not answer, or refuses, for a *reason*."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server's store of files failed: {reason}. Try again in a few seconds. If it goes "
            "on, the server's operator must check the bucket with `stageproxy doctor`."
        )
        self.reason = reason


class OtherBytesError(FailedBucketError):
    """The bucket sent other bytes of a file than were stored."""

    def __init__(self) -> None:
        super().__init__("it sent other bytes of a file than were stored")


class LateFileError(StorageError):
    """A file was stored so long before the transaction that names it that a sweep may have it."""

    def __init__(self) -> None:
        super().__init__(
            "The file was stored too long before it could be added to the stage, so nothing was "
            "changed. Upload it again."
        )


class DamagedDatabaseError(StorageError):
    """The file of the database is damaged."""

    def __init__(self) -> None:
        super().__init__(
            "The server's database is damaged. Its operator must stop the server, and restore the "
            "data directory from a backup."
        )


class DamagedFileError(StageproxyError):
    """The stored copy of a file is missing, too short or too long, so it is not sent."""

    kind = Kind.DAMAGED

    def __init__(self, filename: str, *, stored: int | None, size: int) -> None:
        found = "is missing" if stored is None else f"has {stored} bytes instead of {size}"
        super().__init__(
            f"The server's copy of {filename} is damaged: it {found}. Upload the same file again. "
            "The server's operator finds all such files with `stageproxy fsck`."
        )
