"""Here is a stage as the user of a command names it."""

from dataclasses import dataclass, field

from yarl import URL


@dataclass(frozen=True, slots=True)
class StageReference:
    """A stage as the user names it: its server, its id or its URL."""

    server: URL
    id: str | None
    url: URL | None = field(repr=False)
