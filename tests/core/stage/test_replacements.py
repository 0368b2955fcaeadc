"""Files that were replaced with other bytes."""

from stageproxy.core.audit import AuditAction, AuditRecord, Event
from stageproxy.core.rules.findings import note
from stageproxy.core.stage.replacements import replacement_findings
from tests.support.builders.stages import an_artifact
from tests.support.ports.clock import NOON

SDIST, WHEEL = an_artifact("demo-2.0.tar.gz"), an_artifact("demo-2.0-py3-none-any.whl")


def records(*events: tuple[str, str, str, str]) -> list[AuditRecord]:
    """Return the trail of events: who, which file, which bytes, and instead of which."""
    return [
        AuditRecord(
            number,
            Event(
                NOON,
                actor,
                AuditAction.REPLACED,
                details={"filename": filename, "sha256": new, "replaced-sha256": former},
            ),
            "",
            "",
        )
        for number, (actor, filename, new, former) in enumerate(events, 1)
    ]


def test_replaced_file() -> None:
    """A file that jobs sent again and again has a note: how often, and by whom."""
    trail = records(
        ("t1", SDIST.filename, "b", "a"),
        ("t2", SDIST.filename, "c", "b"),
        ("t1", SDIST.filename, "d", "c"),
        ("t1", "demo-2.0-1-py3-none-any.whl", "b", "a"),
    )

    assert replacement_findings([WHEEL, SDIST], trail, {"t1": "ci-linux"}) == {
        SDIST.filename: note(
            "Replaced 3 times with other bytes, by ci-linux (t1), t2: only the last ones are "
            "staged. If several jobs build this file, let one of them upload it."
        )
    }


def test_other_form() -> None:
    """The same bytes with another form are no replaced file."""
    assert replacement_findings([SDIST], records(("t1", SDIST.filename, "a", "a")), {}) == {}
