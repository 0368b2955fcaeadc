"""Builders of documents of the JSON API, and of the staged release to add."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stageproxy.core.index.pages import StagedFile
from stageproxy.core.index.release_info import release_info
from stageproxy.core.index.release_json import StagedRelease
from tests.support.builders.stages import FILES, a_staged_file, an_artifact, as_json

SITE = "https://index.example.org"
URL = f"{SITE}/pypi/demo/json"
PROJECT_URL = f"{SITE}/project/demo/"


def a_published_file(filename: str, **changes: Any) -> dict[str, Any]:
    """Return the entry of a published file, with *changes* of its keys."""
    artifact = an_artifact(filename)
    entry = {
        "comment_text": None,
        "digests": {"md5": artifact.md5, "sha256": artifact.sha256},
        "filename": filename,
        "requires_python": None,
        "url": f"{FILES}/{filename}",
        "yanked": False,
        "yanked_reason": None,
    }
    return entry | changes


def a_project_json(
    releases: Mapping[str, Sequence[str | Mapping[str, Any]]],
    /,
    newest: str | None = None,
    *,
    info: Mapping[str, Any] = {},
    **changes: Any,
) -> bytes:
    """Return /pypi/demo/json: files or filenames by version; by default the last is newest.

    *changes* are of the top-level keys.
    """
    version = ["1.0", *releases][-1] if newest is None else newest
    listed = {key: [_entry(one) for one in files] for key, files in releases.items()}
    document = {
        "info": {
            "name": "Demo",
            "package_url": PROJECT_URL,
            "project_url": PROJECT_URL,
            "release_url": f"{PROJECT_URL}{version}/",
            "summary": "What is out",
            "version": version,
            "yanked": False,
            **info,
        },
        "last_serial": 7,
        "ownership": {"organization": None, "roles": [{"role": "Owner", "user": "somebody"}]},
        "releases": listed,
        "urls": listed.get(version, []),
        "vulnerabilities": [{"id": "PYSEC-1"}],
    }
    return as_json(document | changes)


def a_release_json(version: str, *files: str | Mapping[str, Any], **changes: Any) -> bytes:
    """Return /pypi/demo/<version>/json."""
    document = {
        "info": {"name": "Demo", "version": version},
        "last_serial": 7,
        "ownership": {"organization": None, "roles": []},
        "urls": [_entry(one) for one in files],
        "vulnerabilities": [],
    }
    return as_json(document | changes)


def a_staged_release(
    version: str = "2.0", *filenames: str, form: Sequence[tuple[str, str]] = ()
) -> StagedRelease:
    """Return a staged release of demo, by default with one wheel."""
    names = filenames or (f"demo-{version}-py3-none-any.whl",)
    given = (("name", "demo"), ("summary", "What is staged"), *form)
    info = release_info(given, version, PROJECT_URL)
    return StagedRelease("demo", version, info, [_staged(one, version) for one in names])


def _entry(file: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return a_published_file(file) if isinstance(file, str) else file


def _staged(filename: str, version: str) -> StagedFile:
    artifact = an_artifact(filename)
    is_wheel = filename.endswith(".whl")
    return replace(
        a_staged_file(filename, requires_python=">=3.8", link=f"{FILES}/staged/{filename}"),
        version=version,
        blake2b_256=artifact.blake2b_256,
        md5=artifact.md5,
        packagetype=artifact.kind.value,
        python_version="py3" if is_wheel else "source",
    )
