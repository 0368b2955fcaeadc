"""Defects that a battery has to find, each with the short form that must fail."""

from collections.abc import Mapping, Sequence

from tests.batteries.seeded_defects import Defect

STAGES = "batteries/test_stage_machine.py::test_some_lives"
ORDER = ("core/stage/order.py", "return is_sdist, filename", "return not is_sdist, filename")
CHOICES = "batteries/test_installer_choices.py::test_recorded_choices"
PLANTED: Mapping[str, Sequence[Defect]] = {
    "stages": [
        Defect(
            "every upload is in the audit trail",
            "services/upload/uploads.py",
            "rows.audit.add(stage_event(versioned, action, artifact.uploaded_by, now, **details))",
            "stage_event(versioned, action, artifact.uploaded_by, now, **details)",
            STAGES,
        ),
        Defect(
            "a rotated URL stops working",
            "services/preview.py",
            "if not is_current:",
            "if stage.is_empty and not is_current:",
            STAGES,
        ),
        Defect(
            "a canceled stage is gone",
            "services/preview.py",
            "if stage.status is Status.CANCELED:",
            "if stage.status is Status.CANCELED and not stage.artifacts:",
            STAGES,
        ),
        Defect(
            "the sdist of a release is the last file",
            *ORDER,
            STAGES,
        ),
        Defect(
            "each change has a revision of its own",
            "core/stage/lifetime.py",
            "revision=stage.revision + 1,\n        expires_at",
            "revision=stage.revision + (not stage.artifacts),\n        expires_at",
            STAGES,
        ),
        Defect(
            "a revoked token permits nothing",
            "core/rights.py",
            "return self.revoked_at is None and (",
            "return (",
            STAGES,
        ),
    ],
    "promotion-walks": [
        Defect(
            "wheels are sent before the sdist on any walk",
            *ORDER,
            "batteries/test_promotion_walks.py::test_any_way[12 walks]",
        ),
    ],
    "promotion-races": [
        Defect(
            "wheels are sent before the sdist in a race",
            *ORDER,
            "batteries/test_promotion_races.py::test_concurrent_promotions_by_the_server[5 rounds]",
        ),
    ],
    "promotion-faults": [
        Defect(
            "wheels are sent before the sdist after a fault",
            *ORDER,
            "batteries/test_promotion_faults.py::test_any_fault[each fault once]",
        ),
    ],
    "takeovers": [
        Defect(
            "wheels are sent before the sdist by whichever server",
            *ORDER,
            "batteries/test_takeovers.py::test_some_takeovers",
        ),
    ],
    "large-files": [
        Defect(
            "a file is not kept in memory",
            "store/receiving.py",
            "_BATCH = 2**20",
            "_BATCH = 2**40",
            "batteries/test_large_files.py::test_memory_does_not_grow_with_the_file",
        ),
    ],
    "uploads-at-once": [
        Defect(
            "what arrives is not kept in memory",
            "store/receiving.py",
            "_BATCH = 2**20",
            "_BATCH = 2**40",
            "batteries/test_large_files.py::test_many_at_once",
        ),
    ],
    "release-deltas": [
        Defect(
            "a requirement that accepts fewer versions is tightened",
            "core/review/delta/requirements.py",
            "return RequirementChange.TIGHTENED if is_narrower else RequirementChange.CHANGED",
            "return RequirementChange.CHANGED",
            "batteries/test_release_deltas.py::test_recorded",
        ),
    ],
    "hostile-archives": [
        Defect(
            "an archive has a limit of time",
            "store/inspection_process.py",
            "    seconds: float = 5\n",
            "    seconds: float = 500\n",
            "batteries/test_hostile_archives.py::test_hostile_archives",
        ),
    ],
    "installer choices": [
        Defect(
            "a wheel for the newest ABI is chosen",
            "core/review/impact/choices.py",
            "yield (-python_place, -platform_place, one.build, place), one",
            "yield (python_place, -platform_place, one.build, place), one",
            CHOICES,
        ),
        Defect(
            "free-threaded CPython cannot load abi3",
            "core/review/impact/targets.py",
            "yield from cpython_tags(version, [target.interpreter], platforms)",
            'yield from cpython_tags(version, [target.interpreter.rstrip("t")], platforms)',
            CHOICES,
        ),
        Defect(
            "an older release is chosen where the newest one has no file",
            "core/review/impact/choices.py",
            "return not requires_python or _admits(requires_python, target.python)",
            "return True",
            CHOICES,
        ),
    ],
}
"""By battery, the guarantees that a planted defect breaks."""
