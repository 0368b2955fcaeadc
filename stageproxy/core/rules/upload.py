"""Rules, and the uploads that they check."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.values import ABSENT, FormFields

RULES_AS_OF = date(2026, 8, 21)
"""The date of the version of PyPI's software that the rules were taken from."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """What the index has of the project of an upload, and of its release.

    `files` are the files of the project and their SHA-256, if the index lists it.
    `release` are the files of the release, and `also_uploaded` others that are uploaded
    with this one. `first_upload` is the time of the release's first file, and
    `is_age_known` whether the index lists the time of every file. `similar` is a
    project with a name that PyPI does not distinguish from this one. `size` is
    the size of all files of the project in bytes, including staged files, if the
    index lists sizes; `largest` is that of the largest published file.
    """

    now: datetime
    has_project: bool
    files: Mapping[str, str | None] = field(default_factory=dict)
    release: tuple[str, ...] = ()
    also_uploaded: tuple[str, ...] = ()
    first_upload: datetime | None = None
    is_age_known: bool = True
    similar: str | None = None
    size: int | None = None
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and its form: the fields in their order, the filename, the digests.

    `name` is `None` if the filename is invalid, `contents` is empty if the
    archive was not read, and `index_state` is `None` if the index was not queried.
    """

    form: FormFields
    filename: str
    content_type: str | None
    sha256: str
    blake2b_256: str
    md5: str | None
    name: DistributionName | None = None
    contents: Contents = field(default_factory=Contents)
    size: int = 0
    index_state: IndexState | None = None

    def get(self, field_name: str) -> str | None:
        """Return a form field's first value, `None` if it is missing, empty or `UNKNOWN`."""
        values = (value for key, value in self.form if key == field_name)
        first = next(values, None)
        return None if first in {None, *ABSENT} else first

    def values(self, *field_names: str) -> Iterator[str]:
        """Return all values of form fields, except empty ones and `UNKNOWN`."""
        return (value for key, value in self.form if key in field_names and value not in ABSENT)


Check = Callable[[Upload], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement on every upload.

    *about* is the requirement, and *sentence* PyPI's message with `…` for what
    varies. *level* is that of the findings; a check that lacks what it needs
    yields `UNKNOWN` instead. *since* is the date on which PyPI was last checked
    for the rule.
    """

    id: str
    about: str
    check: Check
    sentence: str = ""
    level: Level = Level.REFUSE
    since: date = RULES_AS_OF
