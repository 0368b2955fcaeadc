"""The requirements of a release, read from what an index has beside it: bounded, and never run."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

LONGEST_METADATA = 2**20
"""How many bytes of a METADATA file are read at most. Its fields come before its description."""

_MOST = 500
_LONGEST = 1000
"""How many requirements are read, and how long each may be: longer ones take long to judge."""
_FIELD = re.compile(rb"([a-z-]+)[ \t]*:(.*)", re.IGNORECASE)
_FINAL_SINCE = (2, 2)


@dataclass(frozen=True, slots=True)
class Required:
    """What a file requires. `why_not` is why it is not known, or not all of it."""

    requirements: tuple[Requirement, ...] = ()
    why_not: str = ""


def required_in_metadata(core_metadata: bytes, *, is_wheel: bool = True) -> Required:
    """Return what the headers of a METADATA file require.

    Those of an sdist are final only from metadata 2.2 on, and unless they are dynamic.
    """
    fields = list(_fields_in(core_metadata))
    texts = [value for name, value in fields if name == "requires-dist"]
    if not is_wheel and not _are_final(fields):
        return Required(why_not="it has only an sdist, which would have to be built")
    return required_in(texts)


def _fields_in(core_metadata: bytes) -> Iterator[tuple[str, str]]:
    for line in core_metadata[:LONGEST_METADATA].splitlines():
        # A line of spaces continues a header, such as a licence of several paragraphs.
        if not line:
            return
        if found := _FIELD.fullmatch(line):
            yield found[1].decode().lower(), found[2].decode(errors="replace").strip()


def _are_final(fields: Sequence[tuple[str, str]]) -> bool:
    found = dict(fields)
    version = re.match(r"(\d+)\.(\d+)", found.get("metadata-version", "1.0"))
    is_new = version is not None and (int(version[1]), int(version[2])) >= _FINAL_SINCE
    return is_new and ("dynamic", "requires-dist") not in {(a, b.lower()) for a, b in fields}


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
