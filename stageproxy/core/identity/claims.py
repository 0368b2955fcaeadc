"""Claims of an identity token whose signature was verified, and what they say of the job."""

from collections.abc import Mapping

Claims = Mapping[str, object]
"""What an issuer says of a job, by the names of the provider."""


def text_of(claims: Claims, name: str) -> str:
    """Return a claim as text, empty if it is missing or has no single value.

    Ids are numbers with some issuers, and texts with others.
    """
    value = claims.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""
