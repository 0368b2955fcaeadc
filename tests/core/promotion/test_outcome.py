"""The sentences on how a promotion ended, and the receipt."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.outcome import receipt, stop_message, stop_reason
from stageproxy.core.promotion.promotion import StopRequest
from stageproxy.core.stage.manifest import manifest
from stageproxy.core.stage.stage import Status
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON
from tests.support.promotion.promotions import a_promotion

WHEEL, SDIST = "demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"
STAGE = a_stage("2.0", an_artifact(WHEEL), an_artifact(SDIST))
PROMOTION = a_promotion(first_sent_at=NOON)
PENDING, SENDING, SENT, CONFIRMED, REFUSED, UNKNOWN = Progress
AGAIN = "Fix the problem above and run `promote` again; it resumes where it stopped."
CLOSES = "PyPI accepts files for this release until about 2026-12-06."
ALONE = (
    "Installers see only these files of demo 2.0; the sdist is missing. "
    "Where none fits, they install an older release."
)


def a_journal(*progress: Progress) -> Journal:
    """Return the journal of the wheel and the sdist."""
    names = zip((WHEEL, SDIST), progress, strict=True)
    return {name: Entry(name, one, NOON, attempts=1, url=f"at/{name}") for name, one in names}


ENDINGS = {
    "nothing went out": (
        [REFUSED, PENDING],
        [
            "Why.",
            "Nothing was published.",
            "Change the stage if necessary and run `stageproxy promote STAGE` again.",
        ],
    ),
    "the wheel is out": (
        [CONFIRMED, REFUSED],
        ["Why.", f"1 of 2 files are published: {WHEEL}.", ALONE, AGAIN, CLOSES],
    ),
    "the wheel may be out": (
        [UNKNOWN, PENDING],
        [
            "Why.",
            "0 of 2 files are published.",
            f"Unknown, because the index did not answer: {WHEEL}.",
            AGAIN,
            CLOSES,
        ],
    ),
    "the wheel is out, the sdist may be": (
        [CONFIRMED, SENT],
        [
            "Why.",
            f"1 of 2 files are published: {WHEEL}.",
            f"Accepted, but not listed by the index yet: {SDIST}.",
            ALONE,
            AGAIN,
            CLOSES,
        ],
    ),
    "all is out": (
        [CONFIRMED, CONFIRMED],
        ["Why.", f"2 of 2 files are published: {WHEEL}, {SDIST}.", AGAIN, CLOSES],
    ),
}


@pytest.mark.parametrize(("progress", "sentences"), ENDINGS.values(), ids=ENDINGS)
def test_why_it_stopped(progress: Sequence[Progress], sentences: Sequence[str]) -> None:
    """The sentence has the reason, the published files, how to resume, and the deadline."""
    sentence = stop_message("Why.", STAGE, a_journal(*progress), PROMOTION)

    assert sentence == " ".join(sentences)


def test_who_stopped_it() -> None:
    """After a stop that a person requested, there is nothing to fix before it is resumed."""
    promotion = replace(PROMOTION, stop=StopRequest("t1", NOON))
    reason = stop_reason(promotion, {"t1": "release-ci"})
    assert reason == "Stopped by release-ci (t1)."

    sentence = stop_message(reason, STAGE, a_journal(CONFIRMED, PENDING), promotion)

    published = f"1 of 2 files are published: {WHEEL}."
    again = "Run `stageproxy promote STAGE` again to publish the rest."
    assert sentence == f"{reason} {published} {ALONE} {again} {CLOSES}"


def test_nobody_stopped_it() -> None:
    """A promotion that nobody stopped has no such reason."""
    assert stop_reason(PROMOTION, {}) is None


def test_missing_wheels() -> None:
    """If wheels are missing and the sdist is not, the sentence says so."""
    other = "demo-2.0-cp311-cp311-win32.whl"
    stage = a_stage("2.0", an_artifact(WHEEL), an_artifact(other))
    journal = {**a_journal(CONFIRMED, PENDING), other: Entry(other, PENDING, NOON)}

    assert "; some wheels are missing. " in stop_message("Why.", stage, journal, PROMOTION)


def test_receipt() -> None:
    """A receipt has the approval, the acknowledged warnings, and the URL of each file."""
    ended = NOON + timedelta(hours=1)
    stage = replace(STAGE, status=Status.PUBLISHED, ended_at=ended)
    promotion = a_promotion(acknowledged=("Odd.",), first_sent_at=NOON, notices=("Left out.",))

    document = receipt(stage, promotion, a_journal(CONFIRMED, CONFIRMED))

    assert document == {
        "stage": "s1",
        "project": "demo",
        "version": "2.0",
        "manifest-digest": "d" * 64,
        "revision": 1,
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
                "form-sha256": an_artifact(name).form_sha256,
                "size": len(name),
                "url": f"at/{name}",
                "attempts": 1,
                "confirmed-at": "2026-11-22T12:00:00.123456Z",
            }
            for name in (WHEEL, SDIST)
        },
        "notices": ["Left out."],
    }


def test_receipt_as_json() -> None:
    """A receipt as JSON has the files in the order of promotion."""
    document = receipt(STAGE, a_promotion(), a_journal(CONFIRMED, CONFIRMED))

    assert list(json.loads(json.dumps(document))["files"]) == [WHEEL, SDIST]
