"""The artifacts of a stage as an index would list them."""

from datetime import UTC, datetime

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.index.feed import FeedItem
from stageproxy.core.index.pages import StagedFile
from stageproxy.core.index.release_info import release_info
from stageproxy.core.index.release_json import StagedRelease
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.core.values import FormFields


def staged_files(stage: Stage, root: str) -> list[StagedFile]:
    """Return the artifacts as files of a page. *root*: the path from the page to the stage's root.

    PyPI shows the Requires-Python of the file that is published first for all files.
    """
    first = next(iter(in_promotion_order(stage.artifacts)), None)
    return [
        StagedFile(
            filename=artifact.filename,
            version=str(stage.version),
            link=root + artifact.path,
            sha256=artifact.sha256,
            size=artifact.size,
            upload_time=rfc3339(artifact.uploaded_at),
            requires_python=first.requires_python if first else None,
            yanked=None,
            core_metadata_sha256=artifact.core_metadata_sha256,
            blake2b_256=artifact.blake2b_256,
            md5=artifact.md5,
            packagetype=artifact.kind.value,
            python_version=python_version_of(artifact),
        )
        for artifact in stage.artifacts
    ]


def python_version_of(artifact: Artifact) -> str:
    """Return `python_version` of the JSON API: the Python tag of a wheel, or `source`."""
    return parse_distribution_name(artifact.filename).python_tag


def staged_release(stage: Stage, form: FormFields, *, root: str, project_url: str) -> StagedRelease:
    """Return the stage as a release of the JSON API. *form*: that of the first artifact.

    *root* is the stage URL, and *project_url* the project's page on PyPI.
    """
    version = str(stage.version)
    info = release_info(form, version, project_url)
    files = staged_files(stage, root)
    return StagedRelease(stage.project, version, info, files)


def feed_item(stage: Stage, project_url: str) -> FeedItem:
    """Return the stage as the newest item of the feed of releases."""
    first = in_promotion_order(stage.artifacts)[0]
    return FeedItem(
        version=str(stage.version),
        link=f"{project_url}{stage.version}/",
        summary=first.summary or "",
        authors=(),
        released_at=min(one.uploaded_at for one in stage.artifacts),
    )


def rfc3339(time: datetime) -> str:
    """Return a time as indexes format it: UTC, microseconds, `Z` (PEP 700)."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def whole_seconds(time: datetime) -> str:
    """Return a time as PEP 694 formats it, and as people read it: UTC, `Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def artifact_at(stage: Stage, blake2b_256: str, filename: str) -> Artifact | None:
    """Return the artifact of the stage with a digest and a filename, `None` if there is none."""
    found = stage.find_artifact(filename)
    return found if found and found.blake2b_256 == blake2b_256 else None
