"""Here is what is said of files that would make one release, one by one and taken together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stageproxy.core.index.pages import Listing, version_in
from stageproxy.core.rules.findings import Finding, suspicious
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import Surroundings, Upload
from stageproxy.core.stage.accept import find_closed
from stageproxy.core.stage.differences import claims_of_form, differences
from stageproxy.core.stage.wheel_coverage import lost_wheels, release_before


def findings_by_file(
    uploads: Sequence[Upload], around: Surroundings | None, now: datetime
) -> Mapping[str, list[Finding]]:
    """Return what is said of files of one release, as if they were uploaded one after another.

    *around*: what the index has, if it was asked.
    """
    seen = around or Surroundings(now=now, has_project=True)
    found: dict[str, list[Finding]] = {}
    for upload in uploads:
        found[upload.filename] = _findings(replace(upload, around=seen))
        is_new = upload.filename not in seen.files
        seen = replace(
            seen,
            files={**seen.files, upload.filename: upload.sha256},
            coming=(*seen.coming, upload.filename),
            size=seen.size + upload.size if is_new and seen.size is not None else seen.size,
        )
    return found


def _findings(upload: Upload) -> list[Finding]:
    """Return what is said of a file; of its metadata nothing, if that could not be read.

    Else a file that is no archive would lack a name, a version and all the rest.
    """
    if upload.contents.core_metadata is not None:
        return findings_of(upload)
    name = upload.name
    told = (("name", name.project), ("version", str(name.version))) if name else ()
    found = findings_of(replace(upload, form=(*upload.form, *told)))
    of_the_file = [one for one in found if one.source == "content"]
    return of_the_file if refusals(of_the_file) else found


def release_findings(uploads: Sequence[Upload], listing: Listing | None) -> list[Finding]:
    """Return what is said of files of one release as a whole.

    *listing*: what the index has of the project, if it was asked.
    """
    seen = listing or Listing()
    closed = find_closed(uploads[0].name.project, seen) if uploads and uploads[0].name else None
    readable = (one for one in uploads if one.contents.core_metadata is not None)
    told = (claims_of_form(one.filename, one.form) for one in readable)
    sentences = [*differences(told), *_lost(uploads, seen)]
    found = [suspicious(one, "release") for one in sentences]
    return [closed, *found] if closed else found


def _lost(uploads: Sequence[Upload], listing: Listing) -> list[str]:
    """Return what wheels are missing that the release before had."""
    name = uploads[0].name if uploads else None
    versions = {filename: version_in(filename) for filename in listing.files}
    before = release_before(name.version, versions) if name else None
    if name is None or before is None:
        return []
    old = (filename for filename, version in versions.items() if version == before)
    out = (filename for filename, version in versions.items() if version == name.version)
    lost = lost_wheels([*(one.filename for one in uploads), *out], old)
    return [f"There is {what}, unlike in {name.project} {before}." for what in lost]
