"""The resolution of one release for one Python, by resolvelib, which pip uses too."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from resolvelib import AbstractProvider, BaseReporter, Resolver
from resolvelib.resolvers import ResolutionImpossible, ResolutionTooDeep

from stageproxy.core.review.printable import printable
from stageproxy.core.review.resolving.facts import Facts, NeededError, NotKnownError, Pick
from stageproxy.core.review.resolving.pythons import environment_of, linux
from stageproxy.core.review.resolving.resolution import Outcome, Resolution

_MOST_ROUNDS = 2000
_MOST_CAUSES = 4
_MOST_GUESSES = 24
"""How many files are looked up ahead: those that come next unless something conflicts."""

Key = tuple[NormalizedName, frozenset[str]]
"""A project, and which of its extras are wanted."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A requirement, and who has it; empty for what is resolved."""

    requirement: Requirement
    by: str = ""

    @property
    def key(self) -> Key:
        """The project, and its extras."""
        name = canonicalize_name(self.requirement.name)
        return name, frozenset(map(canonicalize_name, self.requirement.extras))

    def __str__(self) -> str:
        """Return who requires what."""
        return f"{self.by} requires {printable(str(self.requirement), 200)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A release that was chosen, with extras."""

    pick: Pick
    extras: frozenset[str]


def resolve(release: Pick, python: str, facts: Facts, check_time: Callable[[], None]) -> Resolution:
    """Return what an installer would install for a release, by what is known.

    Raise `NeededError` if more has to be known first. *check_time* is called often, and may raise.
    """
    provider = _Provider(release, python, facts, check_time)
    resolver: Resolver[Wish, Choice, Key] = Resolver(provider, BaseReporter())
    wish = Wish(Requirement(str(release)))
    try:
        found = resolver.resolve([wish], max_rounds=_MOST_ROUNDS)
    except ResolutionImpossible as error:
        wishes = dict.fromkeys(cause.requirement for cause in error.causes)
        return Resolution(python, Outcome.CONFLICT, reason=_conflict([*wishes], python, facts))
    except ResolutionTooDeep:
        return Resolution(python, Outcome.UNKNOWN, reason="It takes too many attempts to resolve.")
    except NotKnownError as error:
        return Resolution(python, Outcome.UNKNOWN, reason=str(error))
    chosen = sorted({str(one.pick) for one in found.mapping.values()})
    return Resolution(python, Outcome.RESOLVED, chosen=tuple(chosen))


def _conflict(wishes: Sequence[Wish], python: str, facts: Facts) -> str:
    """Return which requirements conflict, and who has them."""
    named = [one for one in wishes if one.by]
    if not named:
        return f"No file of the release can be installed with Python {python} on Linux."
    project = named[0].key[0]
    said = " and ".join(map(str, named[:_MOST_CAUSES]))
    if facts.pages.get(project, ...) is None:
        return f"{said}, but the index has no project {project}."
    meets = "that meets all of it" if len(named) > 1 else "that meets it"
    return f"{said}, but there is no release of {project} for Python {python} on Linux {meets}."


@dataclass(slots=True)
class _Provider(AbstractProvider[Wish, Choice, Key]):
    """Answers the questions of resolvelib."""

    release: Pick
    python: str
    facts: Facts
    check_time: Callable[[], None]
    likely: dict[Key, Pick] = field(default_factory=dict)

    def identify(self, requirement_or_candidate: Wish | Choice) -> Key:
        """Return the project and extras of a requirement or a choice."""
        if isinstance(requirement_or_candidate, Wish):
            return requirement_or_candidate.key
        return requirement_or_candidate.pick.project, requirement_or_candidate.extras

    def get_preference(
        self,
        identifier: Key,
        resolutions: Mapping[Key, Choice],  # noqa: ARG002 - the names are resolvelib's
        candidates: Mapping[Key, Iterator[Choice]],  # noqa: ARG002
        information: Mapping[Key, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, bool, str]:
        """Return a key to sort projects by: what has conflicted first, then what is pinned."""
        self.check_time()
        causes = {one.requirement.key for one in backtrack_causes}
        specifiers = [one.requirement.requirement.specifier for one in information[identifier]]
        operators = {each.operator for one in specifiers for each in one}
        return (
            identifier not in causes,
            not operators & {"==", "==="},
            not operators,
            identifier[0],
        )

    def find_matches(
        self,
        identifier: Key,
        requirements: Mapping[Key, Iterator[Wish]],
        incompatibilities: Mapping[Key, Iterator[Choice]],
    ) -> Iterable[Choice]:
        """Return what may be chosen, the best first."""
        self.check_time()
        project, extras = identifier
        wishes = list(requirements[identifier])
        for one in wishes:
            _check_is_no_url(one)
        wanted = reduce(lambda a, b: a & b, (one.requirement.specifier for one in wishes))
        excluded = {one.pick for one in incompatibilities[identifier]}
        found = [one for one in self._picks(project, wanted) if one not in excluded]
        if found:
            self.likely[identifier] = found[0]
        return [Choice(one, extras) for one in found]

    def is_satisfied_by(self, requirement: Wish, candidate: Choice) -> bool:
        """Return whether a choice meets a requirement."""
        return requirement.requirement.specifier.contains(candidate.pick.version, prereleases=True)

    def get_dependencies(self, candidate: Choice) -> Iterable[Wish]:
        """Return what a choice requires. Raise `NeededError` unless it can be followed at once."""
        required = self.facts.required.get(candidate.pick)
        if required is None:
            raise NeededError(metadata={candidate.pick, *self._guesses()})
        if required.why_not:
            raise NotKnownError(f"What {candidate.pick} requires is not known: {required.why_not}.")
        wishes = [Wish(one, str(candidate.pick)) for one in required.requirements]
        found = [one for one in wishes if self._applies(one.requirement, candidate.extras)]
        missing = {one.key[0] for one in found} - self.facts.pages.keys() - {self.release.project}
        if missing:
            raise NeededError(pages=missing, metadata=self._guesses())
        if not candidate.extras:
            return found
        base = Wish(Requirement(str(candidate.pick)), str(candidate.pick))
        return [base, *found]

    def _picks(self, project: NormalizedName, wanted: SpecifierSet) -> list[Pick]:
        if project == self.release.project:
            is_met = wanted.contains(self.release.version, prereleases=True)
            return [self.release] if is_met and self.release.filename else []
        return list(self.facts.picks(project, wanted, linux(self.python)))

    def _guesses(self) -> set[Pick]:
        unknown = [one for one in self.likely.values() if one not in self.facts.required]
        return set(unknown[:_MOST_GUESSES])

    def _applies(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        marker = requirement.marker
        if marker is None:
            return True
        environment = environment_of(self.python)
        try:
            return any(marker.evaluate({**environment, "extra": one}) for one in ("", *extras))
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            shown = printable(str(requirement), 200)
            raise NotKnownError(f"The marker of {shown} cannot be evaluated.") from error


def _check_is_no_url(wish: Wish) -> None:
    if wish.requirement.url:
        raise NotKnownError(f"{wish}, a URL that is not on the index.")
