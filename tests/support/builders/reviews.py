"""A review with something in every part."""

from dataclasses import replace
from datetime import UTC, datetime

from stageproxy.core.review.completeness import Completeness, Expectation, Origin
from stageproxy.core.review.delta.delta import (
    Against,
    ArtifactDelta,
    CapabilityDelta,
    ChangeKind,
    Delta,
    DiffLine,
    FieldDelta,
    MemberDelta,
    NameDelta,
    RequirementChange,
    RequirementDelta,
)
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.impact.impact import Change, Choice, Impact, Moment, TargetImpact
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.review.review import Baseline, Review, ReviewProgress, ReviewState
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.manifest import digest_of, manifest_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHEEL = "demo-2.0-cp313-cp313-manylinux_2_28_x86_64.whl"
SDIST = "demo-2.0.tar.gz"
HASHES = {WHEEL: "a" * 64, SDIST: "b" * 64}
PLATFORMS = (
    "manylinux x86_64",
    "manylinux aarch64",
    "musllinux x86_64",
    "musllinux aarch64",
    "macosx x86_64",
    "macosx arm64",
    "win amd64",
    "win arm64",
)
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")

LOST_MUSL = ReviewFinding(
    Section.IMPACT,
    Level.WARN,
    "falls-back-to-source-build",
    "On musllinux x86_64 and aarch64, Python 3.13 falls back to a build from source.",
    "Build the wheels for musllinux, and upload them.",
)
REFUSED = ReviewFinding(
    Section.VERDICT, Level.REFUSE, "refused", "PyPI would refuse it.", "Fix it.", (SDIST,)
)
NOTE = ReviewFinding(
    Section.STRICTNESS, Level.NOTE, "no-license-expression", "There is no License-Expression.",
    "Add one.", (WHEEL, SDIST), "METADATA:7",
)  # fmt: skip
EVIDENCE = Evidence(
    id="e1",
    manifest_digest=digest_of(HASHES),
    python="3.13.5",
    implementation="cp",
    platform="manylinux x86_64",
    installer="pip 26.3",
    filename=WHEEL,
    command="pytest -q",
    passed=True,
    exit_code=0,
    seconds=1.5,
    log_tail="1 passed",
    at=NOON,
    by="t1",
)


def a_review(*findings: ReviewFinding, **changes: object) -> Review:
    """Return a finished review with these findings, and *changes* of its fields."""
    review = Review(
        project="demo",
        version="2.0",
        manifest_digest=digest_of(HASHES),
        manifest=manifest_of(HASHES),
        reviewed_at=NOON,
        progress=ReviewProgress(ReviewState.DONE, 3, 3),
        baseline=Baseline("1.9", "final", NOON, ("demo-1.9.tar.gz",)),
        findings=findings,
        impact=an_impact(),
        completeness=_COMPLETENESS,
        deltas=(_DELTA,),
        resolutions=_RESOLUTIONS,
        evidence=(EVIDENCE, replace(EVIDENCE, id="e0", manifest_digest="0" * 64)),
    )
    return replace(review, **changes)  # type: ignore[arg-type] # fields by name


def a_short_review(*findings: ReviewFinding) -> Review:
    """Return a review with these findings and nothing else, not even a baseline."""
    nothing: dict[str, object] = {"deltas": (), "resolutions": (), "evidence": ()}
    return a_review(*findings, **nothing, baseline=None, impact=None, completeness=None)


def unfinished(state: ReviewState, done: int = 0, total: int = 3, now: str = "") -> Review:
    """Return a review whose contents are not compared yet."""
    return a_review(progress=ReviewProgress(state, done, total, now), deltas=())


def an_impact() -> Impact:
    """Return an impact on the usual targets, in which 3.13 on musl loses its wheel."""
    targets = [Target("cp", python, platform) for platform in PLATFORMS for python in PYTHONS]
    targets += [Target(one, "3.11", platform) for platform in PLATFORMS for one in ("pp",)]
    targets += [Target("cpt", "3.14", platform) for platform in PLATFORMS]
    rows = tuple(TargetImpact(one, Choice("1.9"), Choice("2.0"), _change(one)) for one in targets)
    musl = tuple(one for one in targets if _change(one) is Change.SOURCE_BUILD)
    moments = (
        Moment("after the first wheel", (WHEEL,), 8, musl, 4),
        Moment("after the sdist", (SDIST,), 64),
    )
    return Impact(rows, moments)


def _change(target: Target) -> Change:
    if target.implementation == "pp":
        return Change.NOTHING
    is_musl = target.platform.startswith("musllinux")
    return Change.SOURCE_BUILD if is_musl and target.python == "3.13" else Change.UPDATED


_COMPLETENESS = Completeness(
    (
        Expectation("sdist", Origin.LAST_RELEASE, (SDIST,)),
        Expectation("cp313-musllinux_x86_64", Origin.LAST_RELEASE),
    ),
    ("demo-2.0-py2-none-any.whl",),
)
_RESOLUTIONS = (
    Resolution("3.12", Outcome.RESOLVED, ("demo==2.0", "idna==3.10")),
    Resolution("3.9", Outcome.CONFLICT, reason="idna>=4 has no release."),
)
_DELTA = Delta(
    against=Against.RELEASE,
    version="1.9",
    label="demo 1.9",
    channel="final",
    fields=(FieldDelta("License-Expression", ChangeKind.CHANGED, "MIT", "Apache-2.0"),),
    requirements=(
        RequirementDelta("idna", RequirementChange.TIGHTENED, "idna>=3", "idna>=4"),
        RequirementDelta("six", RequirementChange.ADDED, "", "six", extra="all"),
    ),
    names=(NameDelta("entry-point", "demo", ChangeKind.ADDED, "", "demo.cli:main"),),
    artifacts=(
        ArtifactDelta(
            SDIST,
            "demo-1.9.tar.gz",
            1_000_000,
            1_200_000,
            (
                MemberDelta("demo/new.py", ChangeKind.ADDED, 0, 100),
                MemberDelta(
                    "demo/core.py", ChangeKind.CHANGED, 20, 25,
                    (DiffLine("~", "11", 1), DiffLine("-", "a = 1"), DiffLine("+", "a = 2")),
                ),
            ),
            omitted=3,
        ),
        ArtifactDelta(WHEEL, "", 0, 900, not_compared="there is no counterpart"),
    ),
    capabilities=(CapabilityDelta("demo.core", (), ("network",), ("demo/core.py:12",)),),
    size_before=1_000_000,
    size_after=1_200_900,
)  # fmt: skip
