"""The JSON API and the feed of releases in PyPI's format."""

from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from packaging.metadata import RawMetadata
from packaging.version import Version

from tests.support.index.pages import escape, metadata_digest
from tests.support.index.projects import ListedFile, Project, Release, version_order

FEED_LENGTH = 40
OWNERSHIP = {"organization": None, "roles": [{"role": "Owner", "user": "maintainer"}]}
DOWNLOADS = {"last_day": -1, "last_month": -1, "last_week": -1}
TEXTS = (
    "author",
    "author_email",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "summary",
)
LISTS = ("dynamic", "license_files", "provides_extra", "requires_dist")

Document = Mapping[str, Any]


def project_document(project: Project, site: str, files_url: str) -> Document:
    """Return `/pypi/<project>/json`: the newest release, and the files of all."""
    versions = dict.fromkeys(file.release.version for file in project.listed)
    releases = {
        version: [_file(file, files_url) for file in project.listed_in(version)]
        for version in versions
    }
    newest = max((file.release for file in project.listed), key=_precedence)
    return {**release_document(project, newest, site, files_url), "releases": releases}


def release_document(project: Project, release: Release, site: str, files_url: str) -> Document:
    """Return `/pypi/<project>/<version>/json`, without other releases."""
    return {
        "info": _info(project, release, site),
        "last_serial": project.serial,
        "ownership": OWNERSHIP,
        "urls": [_file(file, files_url) for file in project.listed_in(release.version)],
        "vulnerabilities": [],
    }


def releases_feed(project: Project, site: str) -> str:
    """Return `/rss/project/<project>/releases.xml`, the newest release first."""
    first_files = {file.release.version: file for file in reversed(project.listed)}
    newest = sorted(
        first_files.values(), key=lambda file: version_order(file.release.version), reverse=True
    )
    items = "".join(_item(project, file, site) for file in newest[:FEED_LENGTH])
    name = escape(project.display_name)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0">\n  <channel>\n'
        f"    <title>PyPI recent updates for {name}</title>\n"
        f"    <link>{site}/project/{project.name}/</link>\n"
        f"    <description>Recent updates to the Python Package Index for {name}</description>\n"
        f"    <language>en</language>\n{items}  </channel>\n</rss>"
    )


def _item(project: Project, file: ListedFile, site: str) -> str:
    version = escape(file.release.version)
    summary = escape(file.release.fields.get("summary", ""))
    published = format_datetime(file.uploaded_at, usegmt=True)
    return (
        f"    <item>\n      <title>{version}</title>\n"
        f"      <link>{site}/project/{project.name}/{version}/</link>\n"
        f"      <description>{summary}</description>\n"
        f"      <pubDate>{published}</pubDate>\n    </item>\n"
    )


def _precedence(release: Release) -> tuple[bool, bool, tuple[int, Version, str]]:
    order = version_order(release.version)
    return not release.yanked, not order[1].is_prerelease, order


def _info(project: Project, release: Release, site: str) -> Document:
    fields = release.fields
    page = f"{site}/project/{project.name}/"
    return {
        **{key: fields.get(key) for key in (*TEXTS, *LISTS)},
        "bugtrack_url": None,
        "classifiers": fields.get("classifiers", []),
        "docs_url": None,
        "downloads": DOWNLOADS,
        "keywords": ", ".join(fields.get("keywords", [])) or None,
        "name": project.display_name,
        "package_url": page,
        "platform": next(iter(fields.get("platforms", [])), None),
        "project_url": page,
        "project_urls": _project_urls(fields),
        "release_url": f"{page}{release.version}/",
        "requires_python": release.requires_python,
        "version": release.version,
        "yanked": bool(release.yanked),
        "yanked_reason": _reason(release),
    }


def _project_urls(fields: RawMetadata) -> Mapping[str, str] | None:
    urls = dict(fields.get("project_urls", {}))
    if "home_page" in fields:
        urls.setdefault("Homepage", fields["home_page"])
    if "download_url" in fields:
        urls.setdefault("Download", fields["download_url"])
    return urls or None


def _reason(release: Release) -> str | None:
    return release.yanked if isinstance(release.yanked, str) else None


def _file(file: ListedFile, files_url: str) -> Document:
    distribution = file.distribution
    return {
        "comment_text": None,
        "core-metadata": metadata_digest(file),
        "digests": {
            "blake2b_256": distribution.blake2b_256,
            "md5": distribution.md5,
            "sha256": distribution.sha256,
        },
        "downloads": -1,
        "filename": distribution.filename,
        "has_sig": False,
        "md5_digest": distribution.md5,
        "packagetype": "bdist_wheel" if distribution.is_wheel else "sdist",
        "python_version": distribution.python_tag,
        "requires_python": file.release.requires_python,
        "size": len(distribution.content),
        "upload_time": file.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "upload_time_iso_8601": file.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "url": f"{files_url}/{file.path}",
        "yanked": bool(file.release.yanked),
        "yanked_reason": _reason(file.release),
    }
