"""The moments of a promotion: what users get between its first file and its last."""

from collections.abc import Mapping, Sequence

from packaging.version import Version

from stageproxy.core.review.impact.choices import Chosen
from stageproxy.core.review.impact.impact import Moment
from stageproxy.core.review.impact.targets import Target

States = Sequence[Chosen | None]
"""What is chosen for a target today, and after each wave of a promotion."""


def moments_of(
    waves: Sequence[Sequence[str]], states: Mapping[Target, States], version: Version
) -> tuple[Moment, ...]:
    """Return the moments of a promotion that publishes filenames in *waves*."""
    return tuple(
        _moment(_label(waves, place), wave, place, states, version)
        for place, wave in enumerate(waves, 1)
    )


def _moment(
    label: str, wave: Sequence[str], place: int, states: Mapping[Target, States], version: Version
) -> Moment:
    updated = [target for target, chosen in states.items() if _is_of(version, chosen[place])]
    stays = sum(chosen[place] is not None for chosen in states.values()) - len(updated)
    return Moment(
        label,
        tuple(wave),
        len(updated),
        tuple(one for one in updated if _builds_meanwhile(states[one], place)),
        stays,
        tuple(one for one in updated if _is_provisional(states[one], place)),
    )


def _is_of(version: Version, chosen: Chosen | None) -> bool:
    return chosen is not None and chosen.version == version


def _builds_meanwhile(states: States, place: int) -> bool:
    """Return whether the sdist is chosen, but a wheel today or in the end."""
    now, first, last = states[place], states[0], states[-1]
    is_sdist = now is not None and not now.file.is_wheel
    return is_sdist and any(one is not None and one.file.is_wheel for one in (first, last))


def _is_provisional(states: States, place: int) -> bool:
    """Return whether another wheel is chosen than in the end."""
    now = states[place]
    return now is not None and now.file.is_wheel and now != states[-1]


def _label(waves: Sequence[Sequence[str]], place: int) -> str:
    wave = waves[place - 1]
    if not wave[0].endswith(".whl"):
        return "the sdist"
    number = "wheel" if len(wave) == 1 else f"{len(wave)} wheels"
    if place > 1:
        return f"the other {number}"
    return "one wheel" if len(wave) == 1 and len(waves) > 1 else f"the {number}"
