"""Facts for stage pages: a release of sixty wheels, a small one, and others."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from stageproxy.core.audit import AuditAction, AuditRecord
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
from stageproxy.core.review.expectations import completeness_findings, completeness_of
from stageproxy.core.review.findings import ReviewFinding, Section, gravest_first
from stageproxy.core.review.impact.findings import impact_findings
from stageproxy.core.review.impact.impacts import impact_of
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.review.review import Baseline, Review, ReviewProgress, ReviewState
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.events import stage_event
from stageproxy.core.stage.manifest import manifest, manifest_digest
from stageproxy.core.stage.stage import Artifact, Stage, Status
from stageproxy.core.values import FormFields
from stageproxy.services.descriptions import Description
from stageproxy.web.preview.views.page import Facts
from tests.support.builders.listings import a_listing
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

URL = "https://stage.example/tmp/numpy/stgv_3Vqk0Zr8mXw2aY7uQpL5sTnB4cDe6fGhJ1/"
CI, RELEASE_MANAGER = "a1b2c3d4", "e5f6a7b8"
NAMES = {CI: "github-actions", RELEASE_MANAGER: "release manager"}
_PYTHONS = (
    "cp311-cp311",
    "cp312-cp312",
    "cp313-cp313",
    "cp313-cp313t",
    "cp314-cp314",
    "cp314-cp314t",
)
_PLATFORMS = (
    "macosx_10_14_x86_64",
    "macosx_11_0_arm64",
    "macosx_14_0_arm64",
    "macosx_14_0_x86_64",
    "manylinux_2_27_aarch64.manylinux_2_28_aarch64",
    "manylinux_2_27_x86_64.manylinux_2_28_x86_64",
    "musllinux_1_2_aarch64",
    "musllinux_1_2_x86_64",
    "win_amd64",
    "win_arm64",
)
_MB = 10**6


def wheels_of(version: str, leave_out: Sequence[str] = ()) -> list[str]:
    """Return the filenames of sixty wheels, as numpy has them."""
    names = [f"numpy-{version}-{python}-{one}.whl" for python in _PYTHONS for one in _PLATFORMS]
    return [one for one in names if not any(part in one for part in leave_out)]


def a_large_release(*, state: ReviewState = ReviewState.DONE) -> Facts:
    """Return a release of sixty wheels that lost some and has others, with everything to see."""
    names = [*wheels_of("2.4.0", ["cp311-cp311-musllinux"]), "numpy-2.4.0.tar.gz"]
    artifacts = [
        replace(
            an_artifact(name, requires_python=">=3.11"),
            size=int((12 + 5 * (index % 4) / 3) * _MB),
            uploaded_by=CI,
            uploaded_at=NOON + timedelta(seconds=20 * index),
        )
        for index, name in enumerate(names)
    ]
    stage = a_stage("2.4.0", *artifacts, project="numpy", opened_at=NOON)
    listing = a_listing(*wheels_of("2.3.5"), "numpy-2.3.5.tar.gz")
    impact = impact_of(artifacts, listing, "2.4.0")
    completeness = completeness_of(names, wheels_of("2.3.5"), (), ">=3.11")
    delta = _a_delta(artifacts)
    found = [
        *impact_findings(impact, "numpy 2.4.0"),
        *completeness_findings(completeness),
        *_FINDINGS,
    ]
    review = Review(
        project="numpy",
        version="2.4.0",
        manifest_digest=manifest_digest(artifacts),
        manifest=manifest(artifacts),
        reviewed_at=NOON,
        progress=_progress(state, names[22]),
        baseline=Baseline("2.3.5", "final", NOON - timedelta(days=61), tuple(wheels_of("2.3.5"))),
        findings=gravest_first(found),
        impact=impact,
        completeness=completeness,
        deltas=(delta,) if state is ReviewState.DONE else (),
        resolutions=(
            Resolution("3.13", Outcome.RESOLVED, ("numpy==2.4.0",)),
            Resolution("3.14", Outcome.CONFLICT, reason="ml-dtypes 0.5 requires numpy<2.4."),
        ),
        evidence=_evidence(manifest_digest(artifacts), names),
    )
    return _facts(
        stage,
        review,
        _a_form("numpy", "2.4.0", "Fundamental package for array computing in Python"),
        _README_HTML,
    )


def with_few_files(facts: Facts, most: int = 3) -> Facts:
    """Return facts with a few of their files, and with every kind of thing that they have."""
    review, stage = facts.review, facts.stage
    deltas = tuple(replace(one, artifacts=one.artifacts[:most]) for one in review.deltas)
    return replace(
        facts,
        stage=replace(stage, artifacts=stage.artifacts[:most]),
        review=replace(review, deltas=deltas),
        records=[*facts.records[: most + 1], facts.records[-1]],
    )


def a_small_release() -> Facts:
    """Return a release of one pure wheel and its sdist, without anything to say about it."""
    names = ["demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"]
    artifacts = [replace(an_artifact(one), size=24_000, uploaded_by=CI) for one in names]
    listing = a_listing("demo-1.9-py3-none-any.whl", "demo-1.9.tar.gz")
    stage = a_stage("2.0", *artifacts)
    review = Review(
        project="demo",
        version="2.0",
        manifest_digest=manifest_digest(artifacts),
        manifest=manifest(artifacts),
        reviewed_at=NOON,
        progress=ReviewProgress(ReviewState.DONE),
        baseline=Baseline("1.9", "final", NOON - timedelta(days=200)),
        impact=impact_of(artifacts, listing, "2.0"),
        deltas=(Delta(Against.RELEASE, "1.9", "demo 1.9", size_before=48_000, size_after=48_000),),
    )
    return _facts(
        stage, review, _a_form("demo", "2.0", "A small library"), "<p>A small library.</p>"
    )


def an_empty_stage() -> Facts:
    """Return a stage without files."""
    stage = a_stage(None)
    review = Review("demo", "", manifest_digest(()), "", NOON, ReviewProgress(ReviewState.DONE))
    return _facts(stage, review, (), "")


def a_published_release() -> Facts:
    """Return a release that was published from its stage."""
    facts = a_small_release()
    stage = replace(facts.stage, status=Status.PUBLISHED, sent=True, ended_at=NOON)
    review = replace(facts.review, impact=None, deltas=(), baseline=None)
    url = "https://index.example/project/demo/2.0/"
    return replace(facts, stage=stage, review=review, release_url=url)


def _progress(state: ReviewState, filename: str) -> ReviewProgress:
    if state is ReviewState.DONE:
        return ReviewProgress(state, now="Everything was compared.")
    return ReviewProgress(state, 23, 61, f"Comparing {filename}")


def _facts(stage: Stage, review: Review, form: FormFields, html: str) -> Facts:
    return Facts(
        stage=stage,
        review=review,
        url=URL.replace("numpy", stage.project),
        index_name="PyPI",
        now=NOON + timedelta(hours=1),
        names=NAMES,
        records=_records(stage),
        description=Description(form, "A text." if html else "", html),
    )


def _records(stage: Stage) -> list[AuditRecord]:
    events = [
        stage_event(stage, AuditAction.OPENED, RELEASE_MANAGER, NOON),
        *(
            stage_event(stage, AuditAction.UPLOADED, CI, one.uploaded_at, filename=one.filename)
            for one in stage.artifacts
        ),
        stage_event(
            stage, AuditAction.EXTENDED, RELEASE_MANAGER, NOON + timedelta(hours=1), by="3d"
        ),
    ]
    return [AuditRecord(number, event, "", "") for number, event in enumerate(events, 1)]


def _a_form(project: str, version: str, summary: str) -> FormFields:
    return (
        ("name", project),
        ("version", version),
        ("summary", summary),
        ("requires_python", ">=3.11"),
        ("license_expression", "BSD-3-Clause"),
        ("author", "Travis E. Oliphant et al."),
        ("project_urls", "Documentation, https://docs.example/"),
        ("project_urls", "Source, https://code.example/numpy"),
        ("project_urls", "Not a link, javascript:alert(1)"),
        *(("classifiers", one) for one in _CLASSIFIERS),
    )


def _a_delta(artifacts: Sequence[Artifact]) -> Delta:
    return Delta(
        against=Against.RELEASE,
        version="2.3.5",
        label="numpy 2.3.5",
        channel="final",
        fields=(
            FieldDelta("Summary", ChangeKind.CHANGED, "Array computing", "Fundamental package"),
            FieldDelta(
                "Classifier", ChangeKind.ADDED, "", "Programming Language :: Python :: 3.14"
            ),
            FieldDelta("Project-URL", ChangeKind.REMOVED, "Tracker, https://tracker.example/"),
        ),
        requirements=(
            RequirementDelta("python", RequirementChange.TIGHTENED, ">=3.10", ">=3.11"),
            RequirementDelta("ml-dtypes", RequirementChange.ADDED, "", "ml-dtypes>=0.5", "ml"),
        ),
        names=(
            NameDelta(
                "entry-point",
                "numpy-config",
                ChangeKind.CHANGED,
                "numpy._cli:main",
                "numpy.cli:main",
            ),
            NameDelta("module", "numpy.strings.fast", ChangeKind.ADDED),
        ),
        capabilities=(
            CapabilityDelta(
                "numpy/testing/_utils.py",
                ("files",),
                ("files", "process"),
                ("numpy/testing/_utils.py:812",),
            ),
        ),
        artifacts=tuple(_artifact_delta(one, index) for index, one in enumerate(artifacts)),
        size_before=900 * _MB,
        size_after=sum(one.size for one in artifacts),
    )


def _artifact_delta(artifact: Artifact, index: int) -> ArtifactDelta:
    before = artifact.filename.replace("2.4.0", "2.3.5")
    members = tuple(_MEMBERS) if index % 5 == 0 else _MEMBERS[1:3]
    return ArtifactDelta(
        artifact.filename,
        before,
        int(artifact.size * (0.94 + 0.03 * (index % 4))),
        artifact.size,
        members,
        omitted=17,
    )


_MEMBERS = (
    MemberDelta(
        "numpy/core/shape.py",
        ChangeKind.CHANGED,
        9_120,
        9_377,
        (
            DiffLine("~", "118"),
            DiffLine(" ", "def atleast_1d(*arrays):", 119),
            DiffLine("-", "    return [asanyarray(one) for one in arrays]", 120),
            DiffLine("+", "    results = tuple(asanyarray(one) for one in arrays)", 120),
            DiffLine("+", "    return results[0] if len(results) == 1 else results", 121),
            DiffLine("~", "204"),
        ),
    ),
    MemberDelta(
        "numpy/linalg/_umath_linalg.so", ChangeKind.CHANGED, 3_100_000, 3_240_000, (), "binary"
    ),
    MemberDelta("numpy/strings/fast.py", ChangeKind.ADDED, 0, 4_200, ()),
    MemberDelta("numpy/compat/py3k.py", ChangeKind.REMOVED, 3_900, 0, ()),
)

_FINDINGS = (
    ReviewFinding(
        Section.SUPPLY_CHAIN,
        Level.WARN,
        "process-new",
        "A module runs other programs, which it did not before.",
        "Look at the lines, and ask whoever wrote them.",
        ("numpy-2.4.0-cp313-cp313-win_amd64.whl",),
        "numpy/testing/_utils.py:812",
    ),
    ReviewFinding(
        Section.STRICTNESS,
        Level.NOTE,
        "license-classifier",
        "The licence is a classifier and an expression.",
        "Remove the classifier.",
        place="METADATA:14",
    ),
    ReviewFinding(
        Section.VERDICT,
        Level.UNKNOWN,
        "index",
        "Only PyPI knows whether the account may publish it.",
    ),
)


def _evidence(digest: str, names: Sequence[str]) -> tuple[Evidence, ...]:
    places = (
        ("3.13.9", "manylinux x86_64", True),
        ("3.12.12", "manylinux x86_64", True),
        ("3.13.9", "macosx arm64", True),
        ("3.14.2", "win amd64", False),
    )
    return tuple(
        Evidence(
            id=f"e{number}",
            manifest_digest=digest if number else hashlib.sha256(b"former").hexdigest(),
            python=python,
            implementation="cpython",
            platform=platform,
            installer="pip 26.3",
            filename=names[number],
            command="pytest --pyargs numpy",
            passed=passed,
            exit_code=0 if passed else 1,
            seconds=61.5,
            log_tail="" if passed else "E   ImportError: DLL load failed",
            at=NOON + timedelta(minutes=number),
            by=CI,
        )
        for number, (python, platform, passed) in enumerate(places)
    )


_CLASSIFIERS = (
    "Development Status :: 5 - Production/Stable",
    "Intended Audience :: Science/Research",
    "Operating System :: OS Independent",
    "Programming Language :: C",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.14",
)
_README_HTML = """\
<h3 id="readme-numpy">NumPy</h3>
<p>[PyPI downloads] NumPy is the fundamental package for scientific computing with Python.</p>
<ul>
<li>a powerful N-dimensional array object</li>
<li>tools for C/C++ and Fortran,
<a href="https://docs.example/" rel="nofollow noreferrer noopener">documented</a></li>
</ul>
<h4>Testing</h4>
<pre>python -c "import numpy, sys; sys.exit(numpy.test() is False)"</pre>
"""
