"""The story of a stage: what every reader may know, in sentences."""

from datetime import timedelta

from stageproxy.core.audit import SERVER, AuditAction, AuditRecord, Event
from stageproxy.web.preview.views.story import story_of
from tests.support.ports.clock import NOON

NAMES = {"a1": "ci", "b2": "Ada"}


def records(*events: tuple[str, str, dict[str, str]]) -> list[AuditRecord]:
    """Return a record for each event, a minute apart."""
    return [
        AuditRecord(
            number,
            Event(NOON + timedelta(minutes=number), actor, action, details=details),
            "",
            "",
        )
        for number, (actor, action, details) in enumerate(events)
    ]


def uploaded(filename: str, actor: str = "a1") -> tuple[str, str, dict[str, str]]:
    """Return the upload of a file."""
    return actor, AuditAction.UPLOADED, {"filename": filename}


def test_uploads_in_a_row_are_one_chapter() -> None:
    """Sixty uploads of one job are one line; the latest chapter is first."""
    files = [uploaded(f"demo-{number}.whl") for number in range(60)]

    story = story_of(records(("b2", AuditAction.OPENED, {}), *files), NAMES)

    uploads, opened = story.chapters
    assert (uploads.who, uploads.did) == ("ci (a1)", "uploaded")
    assert uploads.files.startswith("60 files: demo-0.whl, demo-1.whl, ")
    assert uploads.until - uploads.at == timedelta(minutes=59)
    assert (opened.who, opened.did) == ("Ada (b2)", "opened the stage")


def test_who_else_uploads_has_a_chapter_of_their_own() -> None:
    """Nobody's upload hides among those of others."""
    story = story_of(records(uploaded("a.whl"), uploaded("b.whl", "b2"), uploaded("c.whl")), NAMES)

    assert [(one.who, one.files) for one in story.chapters] == [
        ("ci (a1)", "c.whl"),
        ("Ada (b2)", "b.whl"),
        ("ci (a1)", "a.whl"),
    ]


def test_what_is_not_for_every_reader_is_left_out() -> None:
    """Refusals, tokens and addresses are for those who may read the audit trail."""
    url = {"repository-url": "https://upload.example/legacy/", "index-url": "https://x.example/"}
    trail = records(
        ("a1", AuditAction.REFUSED, {"sentence": "No right."}),
        ("a1", AuditAction.TOKEN_MADE, {}),
        ("b2", AuditAction.PROMOTION_BEGUN, url),
    )

    story = story_of(trail, NAMES)

    assert [one.did for one in story.chapters] == ["approved the manifest and began to publish"]
    assert "example" not in str(story)


def test_what_the_index_said_is_there() -> None:
    """The answer of the index to a file is quoted."""
    details = {"filename": "a.whl", "sentence": "400 File already exists."}

    story = story_of(records((SERVER, AuditAction.ARTIFACT_REFUSED, details)), NAMES)

    (chapter,) = story.chapters
    assert (chapter.who, chapter.said) == ("The server", "400 File already exists.")


def test_a_long_story_is_cut() -> None:
    """The latest chapters are shown, and how many came before."""
    nothing: dict[str, str] = {}
    events = [(f"{number % 2}", AuditAction.EXTENDED, nothing) for number in range(100)]

    story = story_of(records(*events), {})

    assert (len(story.chapters), story.omitted) == (60, 40)
