"""Here is what a client says of a file before it sends it, and whether such a file can come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.errors import InvalidRequestError, Problem
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.stage import Stage

_PLAIN = re.compile(r"[A-Za-z0-9._+!-]+")


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a client says of a file before it sends it: its name, bytes, and digests in hex."""

    filename: str
    size: int
    hashes: Mapping[str, str]


def name_of(filename: str) -> DistributionName:
    """Take the filename of an announced file apart, or raise what is wrong with it."""
    try:
        return parse_distribution_name(filename)
    except ValueError as error:
        sentence = f"{filename!r} is not the filename of a wheel or an sdist: {error}"
        raise _invalid(sentence) from error


def check_name(stage: Stage, name: DistributionName) -> None:
    """Raise if a file of that *name* can never be a part of the stage.

    The verdict would say so too, but only once all of the file is there.
    """
    if not _PLAIN.fullmatch(name.filename):
        raise _invalid(f"{name.filename!r} contains characters that no filename on PyPI has.")
    if name.project != stage.project or not stage.accepts_version(str(name.version)):
        raise _invalid(
            f"{name.filename} does not belong to this session, which is for {stage.release}."
        )
    found = refusals(findings_of(_before_it_is_sent(name)))
    problems = [Problem("filename", one.message) for one in found if one.source == "content"]
    if problems:
        raise InvalidRequestError(problems[0].message, problems)


def _before_it_is_sent(name: DistributionName) -> Upload:
    form = (
        ("name", name.project),
        ("version", str(name.version)),
        ("filetype", "bdist_wheel" if name.is_wheel else "sdist"),
    )
    return Upload(form, name.filename, None, "", "", "", name=name)


def _invalid(sentence: str) -> InvalidRequestError:
    return InvalidRequestError(sentence, [Problem("filename", sentence)])
