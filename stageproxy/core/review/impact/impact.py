"""Impact: which file an installer chooses today, and which once the stage is published."""

from dataclasses import dataclass
from enum import StrEnum

from stageproxy.core.review.impact.targets import Target


class Change(StrEnum):
    """What the release changes for a target, the loudest first."""

    LOSES_WHEEL = "loses-wheel"
    """The release has no file for the target, though its Requires-Python admits it: the wheel of
    an older version is chosen, and who asks for this one gets nothing."""
    SOURCE_BUILD = "source-build"
    """A wheel is chosen today, and the sdist once the release is published."""
    PURE_WHEEL = "pure-wheel"
    """A wheel for the platform is chosen today, and one for any platform once the release is
    published: what was compiled is missing, or replaced by slower code."""
    STAYS = "stays"
    """Requires-Python excludes the target, or there was no wheel: an older version is chosen."""
    NEW_FLOOR = "new-floor"
    """A wheel is chosen that needs a newer system than today's: users of older ones differ."""
    SDIST = "sdist"
    """The sdist is chosen, and there is no wheel today: users build the release, as before."""
    UPDATED = "updated"
    """A wheel of the release is chosen as one of the release before was."""
    GAINS_WHEEL = "gains-wheel"
    """A wheel is chosen where today an sdist or nothing is."""
    NOT_CHOSEN = "not-chosen"
    """The release has a file for the target, but who asks for no version gets a later release."""
    NOTHING = "nothing"
    """There is no file for this target, today or afterwards."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that an installer chooses for a target; both empty if it finds none.

    `system` is the lowest version of the system that the wheel needs, such as `glibc 2.28`;
    empty for an sdist and where it needs none.
    """

    version: str = ""
    filename: str = ""
    system: str = ""

    @property
    def is_wheel(self) -> bool:
        """Whether the file is a wheel."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True)
class TargetImpact:
    """What an installer chooses for one target, today and once the release is published."""

    target: Target
    today: Choice
    after: Choice
    change: Change


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the planned promotion: what is published then, and what users get.

    `published` are the filenames that the step adds. `updated` targets get the release then,
    and `stays` get an older one. `source_builds` are the targets that get the sdist then, but
    a wheel today or in the end. `provisional` are those that get another wheel than in the end.
    """

    label: str
    published: tuple[str, ...]
    updated: int
    source_builds: tuple[Target, ...] = ()
    stays: int = 0
    provisional: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """The impact of a release: a row for each target, and the moments of its promotion.

    `is_latest` is whether an installer that asks for no version gets this release. If not,
    `newer` is the version that it gets, and the rows are for one that asks for `<=version`:
    it stays on this branch, or wants this pre-release.
    """

    rows: tuple[TargetImpact, ...] = ()
    moments: tuple[Moment, ...] = ()
    is_latest: bool = True
    newer: str = ""
