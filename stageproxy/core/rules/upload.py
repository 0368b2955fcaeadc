"""Here is an upload as the rules see it, what is known around it, and what a rule is."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.values import ABSENT, FormFields

RULES_AS_OF = date(2026, 8, 21)
"""The day of PyPI's software from which the rules were taken."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the index has beside an upload: the project, its files, and those of the same release.

    `files` are the project's, with their SHA-256 where the index says it;
    `first_upload` is when the release's first file came; `is_age_known` says
    whether the index tells that of every file. `coming` are other files of the
    release that are on their way. `similar` is another project whose name PyPI
    takes for the same. `size` is what all files of the project have in bytes,
    those that are staged included, if the index says so; `largest` is the
    largest of them.
    """

    now: datetime
    has_project: bool
    files: Mapping[str, str | None] = field(default_factory=dict)
    release: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    first_upload: datetime | None = None
    is_age_known: bool = True
    similar: str | None = None
    size: int | None = None
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the form's fields in their order, its name, its bytes in digests.

    `name` is `None` where the filename cannot be taken apart, `contents` is
    empty where the archive was not looked into, and `around` is `None` where
    the index was not asked.
    """

    form: FormFields
    filename: str
    content_type: str | None
    sha256: str
    blake2b_256: str
    md5: str
    name: DistributionName | None = None
    contents: Contents = field(default_factory=Contents)
    size: int = 0
    around: Surroundings | None = None

    def get(self, field_name: str) -> str | None:
        """Return a form field's first value, or nothing if it is missing, empty or `UNKNOWN`."""
        values = (value for key, value in self.form if key == field_name)
        first = next(values, None)
        return None if first in {None, *ABSENT} else first

    def values(self, *field_names: str) -> Iterator[str]:
        """Return all values of form fields, but for those that say nothing."""
        return (value for key, value in self.form if key in field_names and value not in ABSENT)


Check = Callable[[Upload], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that is asked of every upload.

    *sentence* is PyPI's own, `…` standing for what differs from file to file;
    *level* is that of its findings, unless what it needs is missing. *since* is
    when PyPI was last seen to have it.
    """

    id: str
    about: str
    check: Check
    sentence: str = ""
    level: Level = Level.REFUSE
    since: date = RULES_AS_OF
