"""Builders of stages, artifacts, links and pages."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from packaging.utils import canonicalize_name

from stageproxy.core.index.links import PageLinks, UrlSpace
from stageproxy.core.index.pages import StagedFile, version_in
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Status
from tests.support.ports.clock import NOON

FILES = "https://files.example.org/packages"
PAGE = "https://index.example.org/simple/demo/"
LINKS = PageLinks(
    UrlSpace("https://index.example.org/", "https://index.example.org/simple/"),
    PAGE,
    "simple/demo/",
    "https://stage.example.org/tmp/demo/t/",
    lambda path: f"signature-of-{path.rpartition('/')[2]}",
)
"""The links of the page at `PAGE`, for the stage at https://stage.example.org/tmp/demo/t/."""


def a_stage(
    version: str | None = "2.0",
    *artifacts: Artifact,
    project: str = "demo",
    status: Status = Status.OPEN,
    sent: bool = False,
    lifetime: timedelta = timedelta(days=7),
    opened_at: datetime = NOON,
    expires_at: datetime | None = None,
    revision: int = 1,
) -> Stage:
    """Return a stage of a *version* with its *artifacts*, open and new by default."""
    return Stage(
        id="s1",
        project=canonicalize_name(project),
        version=version,
        status=status,
        revision=revision,
        rotation=0,
        lifetime=lifetime,
        opened_at=opened_at,
        expires_at=expires_at or opened_at + lifetime,
        sent=sent,
        artifacts=artifacts,
    )


def an_artifact(
    filename: str = "demo-2.0-py3-none-any.whl",
    *,
    content: str | None = None,
    form: str = "a form",
    requires_python: str | None = None,
    uploaded_at: datetime = NOON,
) -> Artifact:
    """Return an artifact with the digests of *content*, by default its filename."""
    data = (filename if content is None else content).encode()
    is_wheel = filename.endswith(".whl")
    return Artifact(
        filename=filename,
        kind=ArtifactKind.WHEEL if is_wheel else ArtifactKind.SDIST,
        sha256=_sha256(data),
        blake2b_256=hashlib.blake2b(data, digest_size=32).hexdigest(),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        size=len(data),
        form_sha256=_sha256(form.encode()),
        requires_python=requires_python,
        summary=None,
        requires_dist=(),
        core_metadata_sha256=_sha256(b"metadata of " + data) if is_wheel else None,
        uploaded_at=uploaded_at,
        uploaded_by="t1",
    )


def a_file_upload(
    filename: str = "demo-2.0-py3-none-any.whl",
    *,
    upload_id: str = "u1",
    status: UploadStatus = UploadStatus.PENDING,
    expires_at: datetime = NOON + timedelta(days=1),
    received: FileDigests | None = None,
    attestations: str | None = None,
    notices: tuple[str, ...] = (),
) -> FileUpload:
    """Return an upload of a file that was announced at noon, whose bytes are its filename."""
    return FileUpload(
        id=upload_id,
        filename=filename,
        size=len(filename),
        hashes={"sha256": _sha256(filename.encode()), "md5": "00" * 16},
        status=status,
        created_at=NOON,
        expires_at=expires_at,
        created_by="t1",
        received=received,
        attestations=attestations,
        notices=notices,
    )


def a_staged_file(
    filename: str = "demo-2.0-py3-none-any.whl",
    *,
    requires_python: str | None = None,
    yanked: str | None = None,
    link: str | None = None,
) -> StagedFile:
    """Return a link to a staged file of the version in its filename."""
    artifact = an_artifact(filename)
    return StagedFile(
        filename=filename,
        version=str(version_in(filename)),
        link=f"../../{artifact.path}" if link is None else link,
        sha256=artifact.sha256,
        size=artifact.size,
        upload_time="2026-11-22T12:00:00.123456Z",
        requires_python=requires_python,
        yanked=yanked,
        core_metadata_sha256=artifact.core_metadata_sha256,
    )


def page_with(*filenames: str, **changes: Any) -> bytes:
    """Return a JSON page of `demo` as PyPI formats it; *changes* are of its top-level keys."""
    versions = dict.fromkeys(str(version) for one in filenames if (version := version_in(one)))
    page: Mapping[str, Any] = {
        "files": [a_listed_entry(one) for one in filenames],
        "meta": {"_last-serial": 7, "api-version": "1.4"},
        "name": "demo",
        "project-status": {"status": "active"},
        "versions": list(versions),
    }
    return as_json({**page, **changes})


def a_listed_entry(filename: str, **changes: Any) -> dict[str, Any]:
    """Return the entry of a file on a JSON page; *changes* spell `-` in keys as `_`."""
    entry = {
        "core-metadata": False,
        "data-dist-info-metadata": False,
        "filename": filename,
        "hashes": {"sha256": an_artifact(filename).sha256},
        "provenance": None,
        "requires-python": None,
        "size": 1234,
        "upload-time": "2026-01-02T03:04:05.678901Z",
        "url": f"{FILES}/{filename}",
        "yanked": False,
    }
    return entry | {key.replace("_", "-"): value for key, value in changes.items()}


def as_json(value: object) -> bytes:
    """Return a document as PyPI formats it: sorted keys, no spaces, UTF-8, a newline."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{text}\n".encode()


def html_page_with(*links: str, head: str = "") -> bytes:
    """Return an HTML page of `demo` in PyPI's shape; a link is a filename or a whole `<a>`."""
    lines = [one if one.startswith("<") else f"{a_link(one)}<br />" for one in links]
    body = "".join(f"{line}\n" for line in lines)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n  <head>\n'
        '    <meta name="pypi:repository-version" content="1.4">\n'
        f"{head}    <title>Links for demo</title>\n  </head>\n  <body>\n"
        f"    <h1>Links for demo</h1>\n{body}</body>\n</html>\n<!--SERIAL 7-->"
    ).encode()


def a_link(filename: str, href: str | None = None, **attributes: str) -> str:
    """Return the link to a file on an HTML page; *attributes* spell `-` as `_`."""
    if href is None:
        href = f"{FILES}/{filename}#sha256={an_artifact(filename).sha256}"
    given = "".join(
        f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items()
    )
    return f'<a href="{escape(href)}"{given}>{escape(filename)}</a>'


def filenames_on(page: bytes) -> Sequence[str]:
    """Return the names of the files on a JSON page, in order."""
    return [entry["filename"] for entry in json.loads(page)["files"]]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
