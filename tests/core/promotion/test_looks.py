"""Looks at stages, and what has changed since."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.audit import AuditAction, chained_record
from stageproxy.core.promotion.looks import (
    Change,
    ChangeKind,
    Look,
    LookKind,
    change_sentence,
    changes,
    differences,
    forms_in_doubt,
    last_approval,
    last_look,
    look_at,
    look_at_content,
)
from stageproxy.core.stage.events import artifact_details, stage_event
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

LATER = NOON + timedelta(hours=1)
WHEEL, SDIST = an_artifact(), an_artifact("demo-2.0.tar.gz")
OTHER_BYTES = an_artifact(content="other", uploaded_at=LATER)
OTHER_FORM = an_artifact(form="another form", uploaded_at=LATER)
OTHER_BOTH = an_artifact(content="other", form="another form", uploaded_at=LATER)
SENT_AGAIN = an_artifact(uploaded_at=LATER)


def changed(kind: ChangeKind, artifact: Artifact, old: str | None = WHEEL.sha256) -> Change:
    """Return the change of an artifact that was uploaded by the builders' token."""
    at, new = artifact.uploaded_at, artifact.sha256
    return Change(kind, artifact.filename, old, new, "t1", at)


WITHDRAWN = Change(ChangeKind.WITHDRAWN, WHEEL.filename, WHEEL.sha256, None)
CHANGES = {
    "nothing": ([WHEEL, SDIST], [SDIST, WHEEL], []),
    "added": ([SDIST], [SDIST, WHEEL], [changed(ChangeKind.ADDED, WHEEL, old=None)]),
    "replaced": ([WHEEL], [OTHER_BYTES], [changed(ChangeKind.REPLACED, OTHER_BYTES)]),
    "replaced with its form": ([WHEEL], [OTHER_BOTH], [changed(ChangeKind.REPLACED, OTHER_BOTH)]),
    "another form": ([WHEEL], [OTHER_FORM], [changed(ChangeKind.FORM, OTHER_FORM)]),
    "the same again": ([WHEEL], [SENT_AGAIN], []),
    "withdrawn": ([WHEEL, SDIST], [SDIST], [WITHDRAWN]),
    "everything": ([WHEEL], [SDIST], [WITHDRAWN, changed(ChangeKind.ADDED, SDIST, old=None)]),
}


@pytest.mark.parametrize(("former", "present", "expected"), CHANGES.values(), ids=CHANGES)
def test_changes(former: list[Artifact], present: list[Artifact], expected: list[Change]) -> None:
    """Every file is found that was added, replaced, withdrawn, or has another form."""
    look = look_at(a_stage("2.0", *former), "t1", LookKind.PAGE, NOON)

    assert changes(look.files, present) == expected
    assert changes(former, present) == expected


def test_first_look() -> None:
    """Without a look, every file is new."""
    first = differences(None, a_stage("2.0", WHEEL, SDIST))

    assert [one.kind for one in first.changes] == [ChangeKind.ADDED] * 2


def test_withdrawal() -> None:
    """Who withdrew a file is in the audit trail; the last one counts."""
    look = look_at(a_stage("2.0", WHEEL), "t1", LookKind.PAGE, NOON)
    details = artifact_details(WHEEL)
    events = [
        stage_event(a_stage(), AuditAction.OPENED, "t1", NOON),
        stage_event(a_stage(), AuditAction.WITHDRAWN, "t2", NOON, **details),
        stage_event(a_stage(), AuditAction.FILE_DELETED, "t3", LATER, **details),
        stage_event(a_stage(), AuditAction.FILE_DELETED, "t4", LATER, filename=WHEEL.filename),
    ]
    records = [chained_record("", number, one) for number, one in enumerate(events, 1)]

    assert differences(look, a_stage("2.0"), records).changes == [
        replace(WITHDRAWN, by="t3", at=LATER)
    ]
    assert differences(look, a_stage("2.0")).changes == [WITHDRAWN]


LAST_FORM = Change(ChangeKind.FORM, WHEEL.filename, WHEEL.sha256, WHEEL.sha256, "t1", LATER)
ARRIVALS: dict[str, tuple[list[tuple[AuditAction, Artifact]], Artifact, list[Change]]] = {
    "once": ([(AuditAction.UPLOADED, WHEEL)], WHEEL, []),
    "with another form": (
        [(AuditAction.UPLOADED, WHEEL), (AuditAction.REPLACED, OTHER_FORM)],
        OTHER_FORM,
        [LAST_FORM],
    ),
    "and with the first one again": (
        [
            (AuditAction.UPLOADED, WHEEL),
            (AuditAction.REPLACED, OTHER_FORM),
            (AuditAction.REPLACED, SENT_AGAIN),
        ],
        SENT_AGAIN,
        [LAST_FORM],
    ),
    "withdrawn in between": (
        [
            (AuditAction.UPLOADED, WHEEL),
            (AuditAction.WITHDRAWN, WHEEL),
            (AuditAction.UPLOADED, OTHER_FORM),
        ],
        OTHER_FORM,
        [LAST_FORM],
    ),
    "with other bytes": (
        [(AuditAction.UPLOADED, WHEEL), (AuditAction.REPLACED, OTHER_BOTH)],
        OTHER_BOTH,
        [],
    ),
    "under another name": (
        [
            (AuditAction.UPLOADED, an_artifact("demo-2.0-1-py3-none-any.whl", form="another")),
            (AuditAction.UPLOADED, WHEEL),
        ],
        WHEEL,
        [],
    ),
}


@pytest.mark.parametrize(("arrivals", "present", "expected"), ARRIVALS.values(), ids=ARRIVALS)
def test_forms_in_doubt(
    arrivals: list[tuple[AuditAction, Artifact]], present: Artifact, expected: list[Change]
) -> None:
    """Bytes that ever came with another form are named, even if they have the first one again."""
    events = [
        stage_event(a_stage(), action, "t1", one.uploaded_at, **artifact_details(one))
        for action, one in arrivals
    ]
    records = [chained_record("", number, one) for number, one in enumerate(events, 1)]

    assert forms_in_doubt(a_stage("2.0", present), records) == expected


def a_look(
    kind: LookKind = LookKind.PAGE, *, token: str = "t1", hours: int = 0, revision: int = 1
) -> Look:
    """Return a look at a stage with a wheel, some hours after noon."""
    stage = a_stage("2.0", WHEEL, revision=revision)
    return look_at(stage, token, kind, NOON + timedelta(hours=hours))


def test_last_look() -> None:
    """A question is no look until it is answered, and the looks of others do not count."""
    latest = a_look(LookKind.APPROVAL, hours=1)
    looks = [
        a_look(LookKind.DRY_RUN),
        latest,
        a_look(LookKind.QUESTION, hours=2),
        a_look(token="t2", hours=3),
    ]

    assert last_look(looks, "t1") == latest
    assert last_look(looks, "t3") is None


def test_last_approval() -> None:
    """The last approval is that of any token."""
    latest = a_look(LookKind.APPROVAL, token="t2", hours=1)

    assert last_approval([a_look(LookKind.APPROVAL), latest, a_look(hours=2)]) == latest
    assert last_approval([a_look(LookKind.QUESTION)]) is None


def test_look_at_content() -> None:
    """What was shown is found by its digest and, if it is given, by its revision."""
    old = a_look(LookKind.QUESTION)
    new = a_look(LookKind.PAGE, hours=1, revision=2)
    digest = old.manifest_digest

    assert look_at_content([old, new], "t1", digest, None) == new
    assert look_at_content([old, new], "t1", digest, 1) == old
    assert look_at_content([old, new], "t1", "0" * 64, None) is None
    assert look_at_content([old, new], "t2", digest, 1) is None


SENTENCES = {
    "added": (
        changed(ChangeKind.ADDED, WHEEL, old=None),
        "It was added at 2026-11-22T12:00:00Z by ci-linux (t1).",
    ),
    "replaced": (
        changed(ChangeKind.REPLACED, OTHER_BYTES),
        (
            "It was replaced at 2026-11-22T13:00:00Z by ci-linux (t1). Its sha256 was "
            f"{WHEEL.sha256} and is now {OTHER_BYTES.sha256}."
        ),
    ),
    "withdrawn by somebody": (
        replace(WITHDRAWN, by="t1", at=NOON),
        (
            "It was withdrawn at 2026-11-22T12:00:00Z by ci-linux (t1). Its sha256 was "
            f"{WHEEL.sha256}."
        ),
    ),
    "withdrawn": (WITHDRAWN, f"It was withdrawn. Its sha256 was {WHEEL.sha256}."),
    "form": (
        changed(ChangeKind.FORM, OTHER_FORM),
        (
            "It was uploaded again at 2026-11-22T13:00:00Z by ci-linux (t1), with the same bytes "
            "but another form."
        ),
    ),
}


@pytest.mark.parametrize(("change", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_sentences(change: Change, sentence: str) -> None:
    """A change says what happened, when and by whom."""
    assert change_sentence(change, {"t1": "ci-linux"}) == sentence


def test_nameless_token() -> None:
    """A token without a name is known by its id."""
    assert " by t1." in change_sentence(changed(ChangeKind.ADDED, WHEEL), {})
