"""What a release changes for each target, and the findings on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from packaging.version import Version

from stageproxy.core.index.pages import Listing
from stageproxy.core.review.impact.choices import (
    NO_SYSTEM,
    Candidate,
    Chosen,
    Offer,
    Offered,
    Wish,
    admits,
    choose,
    find_candidate,
    offered_in,
)
from stageproxy.core.review.impact.impact import Change, Choice, Impact, TargetImpact
from stageproxy.core.review.impact.moments import States, moments_of
from stageproxy.core.review.impact.targets import DEFAULT_TARGETS, Target
from stageproxy.core.stage.order import in_promotion_order, promotion_waves
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.stage.wheel_coverage import system_name


def impact_of(
    staged: Sequence[Artifact],
    listing: Listing,
    version: str,
    targets: Sequence[Target] = DEFAULT_TARGETS,
) -> Impact:
    """Return what the *staged* files of a release change for *targets*, and at which moments."""
    release = _Addition(staged, listing, Version(version))
    states = {target: release.states_for(target) for target in targets}
    return Impact(
        rows=tuple(release.row(target, states[target]) for target in targets),
        moments=moments_of(release.waves, states, release.version),
        is_latest=release.newer is None,
        newer=str(release.newer or ""),
    )


@dataclass(frozen=True)
class _Addition:
    """What a page lists, and the *staged* files of a release that are added to it."""

    staged: Sequence[Artifact]
    listing: Listing
    version: Version

    @cached_property
    def releases(self) -> Sequence[Offered]:
        """The releases that are published, the newest first."""
        return offered_in(self.listing)

    @cached_property
    def others(self) -> Sequence[Offered]:
        """The other releases that are published, the newest first."""
        return [one for one in self.releases if one.version != self.version]

    @cached_property
    def older(self) -> Sequence[Offered]:
        """The releases before this one, the newest first."""
        return [one for one in self.others if one.version < self.version]

    @cached_property
    def published(self) -> Sequence[Candidate]:
        """The files of the release that are published already."""
        own = (one for one in self.releases if one.version == self.version)
        return [file for one in own for file in one.offer.candidates]

    @cached_property
    def waves(self) -> Sequence[Sequence[str]]:
        """The filenames that a promotion publishes, wave after wave."""
        waves = promotion_waves(self.staged, self.listing.files.keys())
        return [[one.filename for one in wave] for wave in waves]

    @cached_property
    def requires_python(self) -> str:
        """That of the file that is published first: PyPI shows it for all files."""
        if self.published:
            return self.published[0].requires_python
        first = next(iter(in_promotion_order(self.staged)), None)
        return (first.requires_python or "") if first else ""

    @cached_property
    def offers(self) -> Sequence[Offer]:
        """The files of the release that are public today, and after each wave."""
        files = list(self.published)
        offers = [Offer(tuple(files))]
        for wave in self.waves:
            found = (find_candidate(one, self.requires_python) for one in wave)
            files += [one for one in found if one]
            offers.append(Offer(tuple(files)))
        return offers

    @cached_property
    def newer(self) -> Version | None:
        """The version that who asks for none gets instead, `None` if it is this release."""
        finals = [one for one in self.others if not one.version.is_prerelease]
        if self.version.is_prerelease and (newest := _newest(finals)):
            return newest
        newest = _newest(self.others if self.version.is_prerelease else finals)
        return newest if newest and newest > self.version else None

    def states_for(self, target: Target) -> States:
        """Return what is chosen for a target today and after each wave."""
        older = choose(target, self.older, Wish(self.version))
        own = [offer.best_for(target) for offer in self.offers]
        return [Chosen(self.version, one) if one else older for one in own]

    def row(self, target: Target, states: States) -> TargetImpact:
        """Return what changes for a target between the first and the last of its states."""
        today, after = states[0], states[-1]
        change = self._kind_of_change(target, today, after)
        return TargetImpact(target, _shown(target, today), _shown(target, after), change)

    def _kind_of_change(self, target: Target, today: Chosen | None, after: Chosen | None) -> Change:
        if after is None:
            return Change.NOTHING
        was_wheel = today is not None and today.file.is_wheel
        if after.version != self.version:
            is_missed = was_wheel and admits(self.requires_python, target)
            return Change.LOSES_WHEEL if is_missed else Change.STAYS
        if today and was_wheel and (worse := self._find_loss(target, today, after)):
            return worse
        if self._is_superseded(target):
            return Change.NOT_CHOSEN
        if not after.file.is_wheel:
            return Change.SDIST
        return Change.UPDATED if was_wheel else Change.GAINS_WHEEL

    def _find_loss(self, target: Target, today: Chosen, after: Chosen) -> Change | None:
        """Return what is worse than the wheel that is chosen today, `None` if nothing is."""
        if not after.file.is_wheel:
            return Change.SOURCE_BUILD
        if self._raises_floor(target, today.version):
            return Change.NEW_FLOOR
        was_compiled = not today.file.is_for_any_platform
        return Change.PURE_WHEEL if was_compiled and after.file.is_for_any_platform else None

    def _raises_floor(self, target: Target, before: Version) -> bool:
        """Return whether systems for which *before* has a wheel are too old for this release."""
        release = next(one for one in self.releases if one.version == before)
        return release.offer.lowest_system(target) < self.offers[-1].lowest_system(target)

    def _is_superseded(self, target: Target) -> bool:
        """Return whether who asks for no version gets a later release than this one."""
        rival = choose(target, self.others, Wish()) if self.newer else None
        if rival is None or (rival.version.is_prerelease and not self.version.is_prerelease):
            return False
        return rival.version > self.version


def _newest(releases: Iterable[Offered]) -> Version | None:
    return next((one.version for one in releases if one.offer.candidates), None)


def _shown(target: Target, chosen: Chosen | None) -> Choice:
    if chosen is None:
        return Choice()
    system = chosen.file.system_for(target)
    needed = system_name(target.platform, system) if system > NO_SYSTEM else ""
    return Choice(str(chosen.version), chosen.file.filename, needed)
