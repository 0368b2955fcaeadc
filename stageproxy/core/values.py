"""Values that several folders of core share: the fields of an upload form."""

FormFields = tuple[tuple[str, str], ...]
"""The fields of an upload form, in the order in which they came."""

ABSENT = frozenset({"", "UNKNOWN"})
"""What a field says that says nothing; old tools write `UNKNOWN` (core metadata 1.0)."""


def form_size(form: FormFields, core_metadata: bytes | None) -> int:
    """Return how many bytes a form and a METADATA file take, which are stored beside a file."""
    fields = sum(len(name.encode()) + len(value.encode()) for name, value in form)
    return fields + len(core_metadata or b"")
