"""The findings on an impact: what users lose, and what to do about it."""

from collections.abc import Callable, Iterable, Sequence

from packaging.version import Version

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.impact.impact import Change, Impact, TargetImpact
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

_MOST_GROUPS = 5


def impact_findings(impact: Impact, release: str) -> list[ReviewFinding]:
    """Return the findings on the impact of a *release*: `demo 2.0`.

    What was the same for the release before is no finding: a Python that it left behind, say.
    """
    news = worse_rows(impact)
    found = [
        finding
        for change, finding_on in _FINDINGS.items()
        if (rows := [row for row in news if row.change is change])
        for finding in [finding_on(release, rows)]
    ]
    return [*found, *_on_moments(impact, release), *_on_what_is_newer(impact, release)]


def worse_rows(impact: Impact) -> list[TargetImpact]:
    """Return the rows of targets that are worse off than with the release that they have today.

    One that stays on an older version than others have today is no news.
    """
    versions = {one.today.version for one in impact.rows if one.today.version}
    newest = max(versions, key=Version, default="")
    return [row for row in impact.rows if _is_worse(row, newest)]


def _is_worse(row: TargetImpact, newest: str) -> bool:
    if row.change in {Change.STAYS, Change.LOSES_WHEEL}:
        return row.today.version == newest
    return row.change in {Change.SOURCE_BUILD, Change.PURE_WHEEL, Change.NEW_FLOOR}


def _source_build(release: str, rows: Sequence[TargetImpact]) -> ReviewFinding:
    return _warning(
        "falls-back-to-source-build",
        f"For {_those(rows)}, installers build {release} from the sdist. Today they choose a wheel "
        f"of {_versions_today(rows)}.",
        "Upload wheels for these targets, or exclude them with Requires-Python. Otherwise "
        "whoever has no compiler there gets an error instead of the release.",
        [row.after.filename for row in rows],
    )


def _pure_wheel(release: str, rows: Sequence[TargetImpact]) -> ReviewFinding:
    return _warning(
        "falls-back-to-pure-wheel",
        f"For {_those(rows)}, installers choose a wheel of {release} for any platform, which has "
        f"no compiled code. Today they choose a wheel of {_versions_today(rows)} for the platform.",
        "Upload wheels for these targets. If nothing is compiled any more, say so in the release "
        "notes. Otherwise the code is slower there, or a part of it is missing.",
        [row.after.filename for row in rows],
    )


def _loses_wheel(release: str, rows: Sequence[TargetImpact]) -> ReviewFinding:
    return _warning(
        "loses-wheel",
        f"For {_those(rows)}, installers stay on {_versions_today(rows)}, which has a wheel: "
        f"{release} has neither a wheel nor an sdist.",
        "Upload wheels for these targets, or an sdist. Otherwise who asks for this version "
        "there gets an error.",
    )


def _stays(release: str, rows: Sequence[TargetImpact]) -> ReviewFinding:
    return _warning(
        "stays-on-old-version",
        f"For {_those(rows)}, installers stay on {_versions_today(rows)}: the Requires-Python or "
        f"the files of {release} exclude them.",
        "If these targets are no longer supported, say so in the release notes. Otherwise "
        "correct Requires-Python, build the files again and upload them.",
    )


def _new_floor(release: str, rows: Sequence[TargetImpact]) -> ReviewFinding:
    systems = sorted({row.after.system for row in rows})
    return _warning(
        "floor-rose",
        f"For {_those(rows)}, the wheels of {release} need {first_few(systems, _MOST_GROUPS)}. "
        f"Those of {_versions_today(rows)} also serve older systems.",
        "If older systems are no longer supported, say so in the release notes. Otherwise build "
        "in an older image, or set MACOSX_DEPLOYMENT_TARGET as before.",
        [row.after.filename for row in rows],
    )


_FINDINGS: dict[Change, Callable[[str, Sequence[TargetImpact]], ReviewFinding]] = {
    Change.LOSES_WHEEL: _loses_wheel,
    Change.SOURCE_BUILD: _source_build,
    Change.PURE_WHEEL: _pure_wheel,
    Change.STAYS: _stays,
    Change.NEW_FLOOR: _new_floor,
}


def _on_moments(impact: Impact, release: str) -> Iterable[ReviewFinding]:
    """Return a finding if somebody builds from source until all wheels are published."""
    builds = {target for moment in impact.moments[:-1] for target in moment.source_builds}
    in_the_end = set(impact.moments[-1].source_builds) if impact.moments else set()
    if meanwhile := sorted(builds - in_the_end):
        yield _warning(
            "source-builds-during-promotion",
            f"For {named_targets(meanwhile)}, installers build {release} from the sdist until the "
            "last wheel is published: the sdist is published already.",
            "Publish the wheels that are left without a pause.",
        )


def _on_what_is_newer(impact: Impact, release: str) -> Iterable[ReviewFinding]:
    if not impact.is_latest:
        yield ReviewFinding(
            Section.IMPACT,
            Level.NOTE,
            "not-the-latest",
            f"Who asks for no version gets {impact.newer}, today and once {release} is published. "
            f"The table of impact is for who asks for it, as {release.replace(' ', '<=')} does.",
        )


def _warning(code: str, message: str, advice: str, files: Iterable[str] = ()) -> ReviewFinding:
    unique = tuple(dict.fromkeys(files))
    return ReviewFinding(Section.IMPACT, Level.WARN, code, message, advice, unique)


def _those(rows: Sequence[TargetImpact]) -> str:
    return named_targets([row.target for row in rows])


def _versions_today(rows: Sequence[TargetImpact]) -> str:
    versions = sorted({row.today.version for row in rows}, key=Version, reverse=True)
    return first_few(versions, _MOST_GROUPS)


def named_targets(targets: Sequence[Target]) -> str:
    """Return targets for people, those with the same interpreters together.

    `cp312, cp313 on musllinux x86_64, musllinux aarch64; cp314t on win arm64`.
    """
    interpreters: dict[str, list[str]] = {}
    for one in targets:
        interpreters.setdefault(one.platform, []).append(one.interpreter)
    platforms: dict[str, list[str]] = {}
    for platform, names in interpreters.items():
        platforms.setdefault(", ".join(names), []).append(platform)
    groups = [f"{names} on {', '.join(those)}" for names, those in platforms.items()]
    shown = "; ".join(groups[:_MOST_GROUPS])
    more = len(groups) - _MOST_GROUPS
    return f"{shown} and {more} more groups" if more > 0 else shown
