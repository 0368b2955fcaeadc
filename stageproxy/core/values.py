"""Values that several folders of core share: the fields of an upload form."""

FormFields = tuple[tuple[str, str], ...]
"""The fields of an upload form, in the order in which they came."""

ABSENT = frozenset({"", "UNKNOWN"})
"""What a field says that says nothing; old tools write `UNKNOWN` (core metadata 1.0)."""
