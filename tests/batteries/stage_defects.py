"""Defects that break one law of stages each, which the state machine has to find."""

from tests.batteries.seeded_defects import Defect

TEST = "batteries/test_stage_machine.py::test_some_lives"
STAGE_DEFECTS = [
    Defect(
        "every upload is in the audit trail",
        "services/uploads.py",
        "rows.audit.add(stage_event(versioned, action, artifact.uploaded_by, now, **details))",
        "stage_event(versioned, action, artifact.uploaded_by, now, **details)",
        TEST,
    ),
    Defect(
        "a rotated URL stops working",
        "services/preview.py",
        "if not is_current:",
        "if stage.is_empty and not is_current:",
        TEST,
    ),
    Defect(
        "a canceled stage is gone",
        "services/preview.py",
        "if stage.status is Status.CANCELED:",
        "if stage.status is Status.CANCELED and not stage.artifacts:",
        TEST,
    ),
    Defect(
        "the files of a live stage are not swept",
        "store/file_rows.py",
        "AND stage.status IN ('open', 'processing', 'error')\n        UNION ALL",
        "AND stage.status IN ('processing', 'error')\n        UNION ALL",
        TEST,
    ),
    Defect(
        "each change has a revision of its own",
        "core/stage/lifetime.py",
        "revision=stage.revision + 1,\n        expires_at",
        "revision=stage.revision + bool(stage.artifacts),\n        expires_at",
        TEST,
    ),
    Defect(
        "a revoked token permits nothing",
        "services/access.py",
        "if not found.is_live(self.clock.now()):",
        "if found.expires_at and not found.is_live(self.clock.now()):",
        TEST,
    ),
]
