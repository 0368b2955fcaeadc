"""Derived results: what was worked out of artifacts, and can be worked out again at any time."""

import hashlib
from dataclasses import dataclass

RULES = 1
"""The version of the rules of a review. A higher one makes every stored result outdated."""


@dataclass(frozen=True, slots=True)
class DerivedName:
    """The name of a derived result. It is deleted with its `owner`, an artifact by SHA-256."""

    owner: str
    key: str


def derived_name(owner: str, *inputs: str) -> DerivedName:
    """Return the name of what is worked out of *inputs* by the rules as they are now."""
    text = "\n".join((str(RULES), owner, *inputs))
    return DerivedName(owner, hashlib.sha256(text.encode(errors="replace")).hexdigest())
