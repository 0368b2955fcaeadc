"""Archives that are made to do harm, each with what may become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from .distributions import Distribution, a_wheel, an_sdist, upload_form
from .forms import Part, content_part, form_parts


class Fate(Enum):
    """What may become of an archive."""

    REFUSED = auto()
    NOTED = auto()
    """Refused, or taken in with a notice."""
    ANSWERED = auto()
    """Refused or taken in: PyPI takes it, and it harms nobody who only reads it."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """An archive, built when it is needed: some are large."""

    build: Callable[[], bytes]
    fate: Fate = Fate.REFUSED


HONEST_WHEEL, HONEST_SDIST = a_wheel(), an_sdist()


def hostile_form(distribution: Distribution) -> list[Part]:
    """Return the form of an honest file, with the content of another; the stage is to be told."""
    honest = HONEST_WHEEL if distribution.is_wheel else HONEST_SDIST
    digests = {
        "sha256_digest": distribution.sha256,
        "blake2_256_digest": distribution.blake2b_256,
        "staged": "true",
    }
    return [*form_parts(upload_form(honest, **digests)), content_part(distribution)]
