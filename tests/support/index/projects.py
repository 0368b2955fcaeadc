"""The contents of a fake index: projects, releases and files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import EllipsisType
from typing import Any

from packaging.metadata import RawMetadata
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from tests.support.builders.distributions import Distribution

FIRST_UPLOAD = datetime(2026, 1, 1, 12, 0, 0, 453794, tzinfo=UTC)
VERSION_IN_FILENAME = re.compile(
    r"-(\d[^-]*?)(-.*)?\.(whl|zip|tgz|egg|exe|tar(\.\w+)?)$", re.IGNORECASE
)
QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a project, as its first file described it."""

    version: str
    fields: RawMetadata
    requires_python: str | None
    yanked: str | bool = False

    def is_version(self, version: str) -> bool:
        """Return whether this is *version*, in any spelling."""
        return canonicalize_version(self.version) == canonicalize_version(version)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A distribution on the index."""

    distribution: Distribution
    release: Release
    uploaded_at: datetime
    extra_keys: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Return the path of the bytes on the host."""
        digest = self.distribution.blake2b_256
        folder = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
        return f"packages/{folder}/{self.distribution.filename}"


@dataclass(frozen=True, slots=True)
class Project:
    """A project with its files, by version and filename."""

    display_name: str
    status: str = "active"
    serial: int = 0
    files: tuple[ListedFile, ...] = ()
    extra_page_keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the normalized name."""
        return canonicalize_name(self.display_name)

    @property
    def listed(self) -> tuple[ListedFile, ...]:
        """Return the files on the page: none in quarantine."""
        return () if self.status == QUARANTINED else self.files

    def listed_in(self, version: str) -> list[ListedFile]:
        """Return the files of a release on the page."""
        return [file for file in self.listed if file.release.is_version(version)]

    def find_release(self, version: str) -> Release | None:
        """Return the release of *version*, or `None`."""
        releases = (file.release for file in self.files)
        return next((release for release in releases if release.is_version(version)), None)

    def uploaded(self, new: ListedFile, *, serial: int) -> "Project":
        """Return the project with another file; changes of its release apply to all its files."""
        old = (
            replace(file, release=new.release)
            if file.release.is_version(new.release.version)
            else file
            for file in self.files
            if file.distribution.filename != new.distribution.filename
        )
        return replace(self, serial=serial, files=tuple(sorted((*old, new), key=_order)))


@dataclass(slots=True)
class Projects:
    """All projects of an index; a serial counts added files."""

    by_name: dict[str, Project] = field(default_factory=dict)
    serial: int = 0

    def find(self, name: str) -> Project | None:
        """Return the project of any spelling of *name*, or `None`."""
        return self.by_name.get(canonicalize_name(name))

    def find_file(self, path: str) -> ListedFile | None:
        """Return the file at *path*, in quarantine too, or `None`."""
        files = (file for project in self.by_name.values() for file in project.files)
        return next((file for file in files if file.path == path), None)

    def put(self, project: Project) -> Project:
        """Add *project*, or replace the one of its name."""
        self.by_name[project.name] = project
        return project

    def upload(
        self,
        project: Project,
        distribution: Distribution,
        *,
        requires_python: str | EllipsisType | None,
        yanked: str | bool,
        extra_keys: Mapping[str, Any],
        uploaded_at: datetime | None = None,
    ) -> Project:
        """Add a file to *project*, and its release if it is the first."""
        self.serial += 1
        described = _described(distribution)
        release = project.find_release(described.version) or described
        release = replace(release, yanked=yanked)
        if not isinstance(requires_python, EllipsisType):
            release = replace(release, requires_python=requires_python)
        at = uploaded_at or FIRST_UPLOAD + timedelta(minutes=self.serial)
        new = ListedFile(distribution, release, at, extra_keys)
        return self.put(project.uploaded(new, serial=self.serial))

    def accept(self, project: Project, file: ListedFile) -> None:
        """Add a file that was uploaded to *project*."""
        self.serial += 1
        self.put(project.uploaded(file, serial=self.serial))


def version_order(version: str) -> tuple[int, Version, str]:
    """Return the key by which versions are sorted: invalid ones come first."""
    try:
        return 1, Version(version), ""
    except InvalidVersion:
        return 0, Version("0"), version


def _order(file: ListedFile) -> tuple[tuple[int, Version, str], str]:
    return version_order(file.release.version), file.distribution.filename


def _described(distribution: Distribution) -> Release:
    fields = distribution.fields
    version = fields.get("version") or _version_in(distribution.filename)
    return Release(version, fields, fields.get("requires_python"))


def _version_in(filename: str) -> str:
    match = VERSION_IN_FILENAME.search(filename)
    return match[1] if match else "0"
