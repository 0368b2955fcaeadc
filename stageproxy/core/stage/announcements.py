"""Announcements of files, and whether a stage can accept such a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.errors import InvalidRequestError, Problem
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.stage import Stage

_ALLOWED = re.compile(r"[A-Za-z0-9._+!-]+")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A file that a client is about to send: filename, size in bytes, digests in hex."""

    filename: str
    size: int
    hashes: Mapping[str, str]


def parse_filename(filename: str) -> DistributionName:
    """Return the parts of an announced filename. Raise if it is not one of a wheel or an sdist."""
    try:
        return parse_distribution_name(filename)
    except ValueError as error:
        sentence = f"{filename!r} is not a valid wheel or sdist filename: {error}"
        raise _invalid(sentence) from error


def check_name(stage: Stage, name: DistributionName) -> None:
    """Raise if the stage can never accept a file of that *name*.

    The rules would refuse it as well, but only once the whole file is there.
    """
    if not _ALLOWED.fullmatch(name.filename):
        raise _invalid(
            f"{name.filename!r} contains characters that PyPI does not allow in filenames."
        )
    if name.project != stage.project or not stage.accepts_version(str(name.version)):
        raise _invalid(
            f"{name.filename} does not belong to this session, which is for {stage.release}."
        )
    refused = refusals(findings_of(_announced_upload(name)))
    problems = [Problem("filename", one.message) for one in refused if one.source == "content"]
    if problems:
        raise InvalidRequestError(problems[0].message, problems)


def _announced_upload(name: DistributionName) -> Upload:
    form = (
        ("name", name.project),
        ("version", str(name.version)),
        ("filetype", "bdist_wheel" if name.is_wheel else "sdist"),
    )
    return Upload(form, name.filename, None, "", "", "", name=name)


def _invalid(sentence: str) -> InvalidRequestError:
    return InvalidRequestError(sentence, [Problem("filename", sentence)])
