"""The requirements of a release, read from what an index has beside it: bounded, and never run."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

LONGEST_METADATA = 2**20
"""How many bytes of a METADATA file are read at most. Its fields come before its description."""

_MOST = 500
_LONGEST = 1000
"""How many requirements are read, and how long each may be: longer ones take long to judge."""
_FIELD = re.compile(rb"requires-dist[ \t]*:(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Required:
    """What a file requires. `why_not` is why it is not known, or not all of it."""

    requirements: tuple[Requirement, ...] = ()
    why_not: str = ""


def required_in_metadata(core_metadata: bytes) -> Required:
    """Return what the headers of a METADATA file require."""
    texts: list[str] = []
    for line in core_metadata[:LONGEST_METADATA].splitlines():
        if not line.strip():
            break
        if found := _FIELD.fullmatch(line):
            texts.append(found[1].decode(errors="replace").strip())
    return required_in(texts)


def required_in_json(body: bytes) -> Required:
    """Return what a document of the JSON API says that a release requires."""
    try:
        listed = json.loads(body)["info"]["requires_dist"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Required(why_not="its document in the JSON API cannot be read")
    if listed is None:
        return Required()
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return Required(why_not="its document in the JSON API cannot be read")
    return required_in(listed)


def required_in(texts: Iterable[str]) -> Required:
    """Return the requirements of these *texts*, or that they cannot be read."""
    listed = list(texts)
    if len(listed) > _MOST:
        return Required(why_not=f"it has more than {_MOST} requirements")
    if any(len(one) > _LONGEST for one in listed):
        return Required(why_not=f"a requirement has more than {_LONGEST} characters")
    try:
        return Required(_parsed(listed))
    except (InvalidRequirement, RecursionError):
        return Required(why_not="one of its requirements is not valid")


def _parsed(texts: Sequence[str]) -> tuple[Requirement, ...]:
    return tuple(Requirement(one) for one in texts)
