"""Errors that clients see."""

import pytest

from stageproxy.core.errors import (
    ConflictError,
    DamagedArtifactError,
    Kind,
    LockedDatabaseError,
    MissingCredentialError,
    NoRoomError,
    NotFoundError,
    OtherReleaseError,
    Problem,
    RefusedError,
    StageExistsError,
    StageproxyError,
    UnacknowledgedError,
    UnknownCredentialError,
)


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (NotFoundError(), Kind.NOT_FOUND, "404 Not Found"),
        (
            MissingCredentialError(),
            Kind.UNAUTHENTICATED,
            (
                "This request needs an API token. Send it as the password of the user __token__, "
                "or as a bearer token."
            ),
        ),
        (
            UnknownCredentialError(),
            Kind.UNAUTHENTICATED,
            "Invalid or non-existent authentication information.",
        ),
        (
            StageExistsError("demo", "1.0", "s1"),
            Kind.CONFLICT,
            "demo 1.0 is already staged, as stage s1.",
        ),
        (
            OtherReleaseError("demo-2.0.tar.gz", staged="demo 1.0"),
            Kind.CONFLICT,
            "demo-2.0.tar.gz does not belong to stage demo 1.0.",
        ),
        (
            DamagedArtifactError("demo-2.0.tar.gz"),
            Kind.CONFLICT,
            (
                "The stored copy of demo-2.0.tar.gz differs from the uploaded file, so it is not "
                "published."
            ),
        ),
        (
            NoRoomError(),
            Kind.NO_ROOM,
            "The server's disk is full. Its operator must free space.",
        ),
        (
            LockedDatabaseError(),
            Kind.UNAVAILABLE,
            (
                "Another program has locked the server's database, so nothing was changed. Try "
                "again in a few seconds. If it stays locked, the server's operator must end that "
                "program."
            ),
        ),
        (
            UnacknowledgedError([Problem("name", "Hm.")], "d1"),
            Kind.CONFLICT,
            (
                "There are unacknowledged warnings. To publish anyway, promote with `--yes`, "
                "or send d1 as `acknowledged`."
            ),
        ),
        (
            UnacknowledgedError([], ""),
            Kind.CONFLICT,
            "There are no warnings to acknowledge. Send `acknowledged` empty.",
        ),
        (ConflictError("No."), Kind.CONFLICT, "No."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, StageproxyError) else "",
)
def test_error_has_a_sentence(error: StageproxyError, kind: Kind, sentence: str) -> None:
    """An error has a kind and composes its own sentence."""
    assert (error.kind, error.sentence, str(error)) == (kind, sentence, sentence)


def test_refusal_has_all_problems() -> None:
    """The first problem is the sentence; all problems are listed."""
    problems = [Problem("name", "The name is wrong."), Problem("version", "So is the version.")]
    error = RefusedError(problems)

    assert (error.sentence, list(error.problems)) == ("The name is wrong.", problems)


def subclasses(of: type[StageproxyError]) -> list[type[StageproxyError]]:
    """Return every class of errors."""
    found = of.__subclasses__()
    return [*found, *(deeper for one in found for deeper in subclasses(one))]


@pytest.mark.parametrize("error", subclasses(StageproxyError), ids=lambda one: one.__name__)
def test_every_error_has_a_kind(error: type[StageproxyError]) -> None:
    """Every error has a kind, from which its HTTP status is found."""
    assert error.kind in Kind
