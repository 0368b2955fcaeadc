"""Filenames of distributions and their parts."""

from dataclasses import dataclass
from math import prod

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

WHEEL_SUFFIX = ".whl"
SDIST_SUFFIX = ".tar.gz"
MOST_TAGS = 10_000
"""How many tags a wheel's filename may stand for. A kilobyte can stand for millions."""


@dataclass(frozen=True, slots=True)
class DistributionName:
    """The parts of the filename of a wheel or an sdist.

    `spelled` is the project's name as spelled in the filename, `root` the
    directory of the metadata in the archive, and `python_tag` what uploads call
    `pyversion`. `platforms` are the platform tags of a wheel, in lower case.
    """

    filename: str
    project: NormalizedName
    spelled: str
    version: Version
    root: str
    is_wheel: bool
    python_tag: str
    platforms: tuple[str, ...] = ()

    @property
    def metadata_path(self) -> str:
        """The path of the core metadata in the archive."""
        return f"{self.root}/METADATA" if self.is_wheel else f"{self.root}/PKG-INFO"


def parse_distribution_name(filename: str) -> DistributionName:
    """Parse a filename. Raise `ValueError` with the message of `packaging` if it is invalid."""
    if filename.endswith(WHEEL_SUFFIX):
        return _wheel(filename)
    return _sdist(filename)


def _wheel(filename: str) -> DistributionName:
    if number_of_tags(filename) > MOST_TAGS:
        raise ValueError(f"Invalid wheel filename (more than {MOST_TAGS} tags): {filename!r}")
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise ValueError(str(error)) from error
    spelled, spelled_version = filename.split("-")[:2]
    python_tag, _, platforms = filename.removesuffix(WHEEL_SUFFIX).split("-")[-3:]
    root = f"{spelled}-{spelled_version}.dist-info"
    return DistributionName(
        filename,
        project,
        spelled,
        version,
        root,
        is_wheel=True,
        python_tag=python_tag,
        platforms=tuple(platforms.lower().split(".")),
    )


def number_of_tags(filename: str) -> int:
    """Return the number of tags that a wheel's filename stands for, by Python, ABI, platform."""
    parts = filename.removesuffix(WHEEL_SUFFIX).split("-")[-3:]
    return prod(part.count(".") + 1 for part in parts)


def _sdist(filename: str) -> DistributionName:
    try:
        project, version = parse_sdist_filename(filename)
    except InvalidSdistFilename as error:
        msg = f"Invalid source distribution filename: {filename}"
        raise ValueError(msg) from error
    root = filename.removesuffix(SDIST_SUFFIX)
    spelled = root.rpartition("-")[0]
    return DistributionName(
        filename, project, spelled, version, root, is_wheel=False, python_tag="source"
    )
