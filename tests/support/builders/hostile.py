"""Hostile archives, each with its worst allowed fate."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.builders.forms import Part, content_part, form_parts


class Fate(IntEnum):
    """The fate of an archive, or a worse one: some Pythons and busy machines read less."""

    ANSWERED = 0
    """Accepted: PyPI accepts it, and it does no harm."""
    NOTED = 1
    """Accepted with a notice."""
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class Hostile:
    """An archive that is built on demand, because some are large."""

    build: Callable[[], bytes]
    fate: Fate = Fate.REFUSED


HONEST_WHEEL, HONEST_SDIST = a_wheel(), an_sdist()


def hostile_form(distribution: Distribution) -> list[Part]:
    """Return the form of a harmless file with the content of another."""
    fields = [*hostile_fields(distribution), ("staged", "true")]
    return [*form_parts(fields), content_part(distribution)]


def hostile_fields(distribution: Distribution) -> list[tuple[str, str]]:
    """Return the fields of a harmless file with the digests of another."""
    honest = HONEST_WHEEL if distribution.is_wheel else HONEST_SDIST
    digests = {
        "sha256_digest": distribution.sha256,
        "blake2_256_digest": distribution.blake2b_256,
    }
    return upload_form(honest, **digests)
