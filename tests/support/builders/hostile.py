"""Archives that are made to do harm, each with what may become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.builders.forms import Part, content_part, form_parts


class Fate(IntEnum):
    """What becomes of an archive, or worse: some Pythons, and busy machines, read less."""

    ANSWERED = 0
    """Taken in: PyPI takes it, and nobody needs to know."""
    NOTED = 1
    """Taken in with a notice."""
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class Hostile:
    """An archive, built when it is needed: some are large."""

    build: Callable[[], bytes]
    fate: Fate = Fate.REFUSED


HONEST_WHEEL, HONEST_SDIST = a_wheel(), an_sdist()


def hostile_form(distribution: Distribution) -> list[Part]:
    """Return the form of an honest file, with the content of another; the stage is to be told."""
    fields = [*hostile_fields(distribution), ("staged", "true")]
    return [*form_parts(fields), content_part(distribution)]


def hostile_fields(distribution: Distribution) -> list[tuple[str, str]]:
    """Return what the form of an honest file says, with the digests of another."""
    honest = HONEST_WHEEL if distribution.is_wheel else HONEST_SDIST
    digests = {
        "sha256_digest": distribution.sha256,
        "blake2_256_digest": distribution.blake2b_256,
    }
    return upload_form(honest, **digests)
