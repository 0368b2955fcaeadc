"""Here is every failure that a client can be told about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

_MANUAL = "docs/"


class Kind(StrEnum):
    """What sort of failure it is; `web.errors` gives each its status."""

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
    TOO_MANY = "too-many"
    UPSTREAM_FAILED = "upstream-failed"
    UPSTREAM_UNAVAILABLE = "upstream-unavailable"
    UPSTREAM_SLOW = "upstream-slow"
    NO_ROOM = "no-room"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what a client sent: *source* names the field.

    *page* is where PyPI explains it, as in a finding of the verdict.
    """

    source: str
    message: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class HelpPages:
    """The roots of PyPI's site and of its manual, each with a slash at its end."""

    site: str
    manual: str

    def explained(self, problem: Problem) -> Problem:
        """Return a problem whose sentence leads to its page, as PyPI's do."""
        if not problem.page:
            return problem
        url = self._url_of(problem.page)
        return replace(problem, message=f"{problem.message} See {url} for more information.")

    def _url_of(self, page: str) -> str:
        if page.startswith(_MANUAL):
            return self.manual + page.removeprefix(_MANUAL)
        return self.site + page


class StageproxyError(Exception):
    """Here is something a client can act on: a kind, a sentence, and its problems."""

    kind: Kind

    def __init__(self, sentence: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.problems = tuple(problems)


class InvalidRequestError(StageproxyError):
    """The request itself makes no sense."""

    kind = Kind.INVALID


class RefusedError(StageproxyError):
    """An upload that PyPI would refuse: the first problem, in PyPI's order, is its sentence."""

    kind = Kind.INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message, problems)


class MissingCredentialError(StageproxyError):
    """No API token came with the request."""

    kind = Kind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__(
            "This request needs an API token. Send it as the password of the user __token__, "
            "or as a bearer token."
        )


class UnknownCredentialError(StageproxyError):
    """The API token is not one of ours."""

    kind = Kind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__("Invalid or non-existent authentication information.")


class ForbiddenError(StageproxyError):
    """The API token is known, but does not permit this."""

    kind = Kind.FORBIDDEN


class NotFoundError(StageproxyError):
    """There is no such thing here."""

    kind = Kind.NOT_FOUND

    def __init__(self, sentence: str = "404 Not Found") -> None:
        super().__init__(sentence)


class GoneError(StageproxyError):
    """There was such a thing, and this is what became of it."""

    kind = Kind.GONE


class ConflictError(StageproxyError):
    """What is asked for does not fit the state things are in."""

    kind = Kind.CONFLICT


class StageExistsError(ConflictError):
    """The release has a live stage already: *stage_id*."""

    def __init__(self, project: str, version: str, stage_id: str) -> None:
        super().__init__(f"{project} {version} is already staged, as stage {stage_id}.")
        self.stage_id = stage_id


class OtherReleaseError(ConflictError):
    """The artifact belongs to another release than the stage."""

    def __init__(self, filename: str, *, staged: str) -> None:
        super().__init__(f"{filename} does not belong to stage {staged}.")


class DamagedArtifactError(ConflictError):
    """The file of an artifact is not what was taken in: nothing of it may go out."""

    def __init__(self, filename: str) -> None:
        super().__init__(
            f"{filename} on disk differs from the uploaded file, so it is not published."
        )
        self.filename = filename


class UnacknowledgedError(ConflictError):
    """Somebody must know of these warnings before the stage is published: *digest* names them."""

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
    """The client takes none of the types that there are."""

    kind = Kind.NOT_ACCEPTABLE


class UnsupportedTypeError(StageproxyError):
    """The request's body is of a type that is not spoken here."""

    kind = Kind.UNSUPPORTED_TYPE


class UnprocessableError(StageproxyError):
    """The request is well formed, but wants something that is not done here."""

    kind = Kind.UNPROCESSABLE


class TooLargeError(StageproxyError):
    """A part of the request is larger than we take."""

    kind = Kind.TOO_LARGE


class TooManyError(StageproxyError):
    """There are too many of something already."""

    kind = Kind.TOO_MANY


class UpstreamFailedError(StageproxyError):
    """Upstream answered with something we cannot pass off as its answer."""

    kind = Kind.UPSTREAM_FAILED


class UpstreamUnavailableError(StageproxyError):
    """Upstream cannot be reached, or says that it is not available."""

    kind = Kind.UPSTREAM_UNAVAILABLE


class UpstreamSlowError(StageproxyError):
    """Upstream did not answer in time."""

    kind = Kind.UPSTREAM_SLOW


class NoRoomError(StageproxyError):
    """The disk that holds the artifacts is full."""

    kind = Kind.NO_ROOM

    def __init__(self) -> None:
        super().__init__("The server's disk is full. Its operator must free space.")
