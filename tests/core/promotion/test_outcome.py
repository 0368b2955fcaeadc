"""What a promotion comes to: sentences for whoever has to go on, and the receipt."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.outcome import receipt, why_it_stopped
from stageproxy.core.stage.manifest import manifest
from stageproxy.core.stage.stage import Status
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON
from tests.support.promotion.promotions import a_promotion

WHEEL, SDIST = "demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"
STAGE = a_stage("2.0", an_artifact(WHEEL), an_artifact(SDIST))
PENDING, SENDING, SENT, CONFIRMED, REFUSED, UNKNOWN = Progress
AGAIN = "Mend what is said, and promote the stage again: it goes on where it stopped."
CLOSES = "PyPI takes files for this release until about 2026-12-06, and none later."
ALONE = (
    "Installers see demo 2.0 with these files alone, and there is no sdist yet: "
    "where none fits, they take an older release."
)


def a_journal(*progress: Progress) -> Journal:
    """Return the journal of the wheel and the sdist."""
    names = zip((WHEEL, SDIST), progress, strict=True)
    return {name: Entry(name, one, NOON, attempts=1, url=f"at/{name}") for name, one in names}


ENDINGS = {
    "nothing went out": (
        [REFUSED, PENDING],
        ["Why. Nothing was published: change the stage if need be, and promote it again."],
    ),
    "the wheel is out": (
        [CONFIRMED, REFUSED],
        ["Why.", f"1 of 2 files are live ({WHEEL}).", ALONE, AGAIN, CLOSES],
    ),
    "the wheel may be out": (
        [UNKNOWN, PENDING],
        ["Why.", "0 of 2 files are live.", f"Of some nobody knows yet ({WHEEL}).", AGAIN, CLOSES],
    ),
    "the wheel is out, the sdist may be": (
        [CONFIRMED, SENT],
        [
            "Why.",
            f"1 of 2 files are live ({WHEEL}).",
            f"Of others nobody knows yet ({SDIST}).",
            ALONE,
            AGAIN,
            CLOSES,
        ],
    ),
    "all is out": (
        [CONFIRMED, CONFIRMED],
        ["Why.", f"2 of 2 files are live ({WHEEL}, {SDIST}).", AGAIN, CLOSES],
    ),
}


@pytest.mark.parametrize(("progress", "sentences"), ENDINGS.values(), ids=ENDINGS)
def test_why_it_stopped(progress: Sequence[Progress], sentences: Sequence[str]) -> None:
    """It says why, what is live, what users see now, how to go on, and until when."""
    told = why_it_stopped("Why.", STAGE, a_journal(*progress), NOON)

    assert told == " ".join(sentences)


def test_wheels_that_are_missing() -> None:
    """Where wheels are missing and no sdist is, it says so."""
    other = "demo-2.0-cp311-cp311-win32.whl"
    stage = a_stage("2.0", an_artifact(WHEEL), an_artifact(other))
    journal = {**a_journal(CONFIRMED, PENDING), other: Entry(other, PENDING, NOON)}

    assert "and some wheels are missing: " in why_it_stopped("Why.", stage, journal, NOON)


def test_receipt() -> None:
    """A receipt says what was approved, by whom, knowing of what, and where each file is."""
    ended = NOON + timedelta(hours=1)
    stage = replace(STAGE, status=Status.PUBLISHED, ended_at=ended)
    promotion = a_promotion(acknowledged=("Odd.",), first_sent_at=NOON, notices=("Left out.",))

    shown = receipt(stage, promotion, a_journal(CONFIRMED, CONFIRMED))

    assert shown == {
        "stage": "s1",
        "project": "demo",
        "version": "2.0",
        "manifest-digest": "d" * 64,
        "manifest": manifest(stage.artifacts),
        "approved-by": "t1",
        "approved-at": "2026-11-22T12:00:00.123456Z",
        "acknowledged": ["Odd."],
        "first-sent-at": "2026-11-22T12:00:00.123456Z",
        "published-at": "2026-11-22T13:00:00.123456Z",
        "publisher": "server",
        "published-by": "server",
        "repository-url": "https://upload.example.org/legacy/",
        "index-url": "https://index.example.org/simple/",
        "files": {
            name: {
                "sha256": an_artifact(name).sha256,
                "blake2b_256": an_artifact(name).blake2b_256,
                "size": len(name),
                "url": f"at/{name}",
                "attempts": 1,
                "confirmed-at": "2026-11-22T12:00:00.123456Z",
            }
            for name in (WHEEL, SDIST)
        },
        "notices": ["Left out."],
    }


def test_receipt_is_json_in_order_of_publishing() -> None:
    """A receipt can be kept as JSON, and has files in the order in which they went."""
    shown = receipt(STAGE, a_promotion(), a_journal(CONFIRMED, CONFIRMED))

    assert list(json.loads(json.dumps(shown))["files"]) == [WHEEL, SDIST]
