"""Findings on the files of a release, one by one and as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stageproxy.core.index.pages import Listing, version_in
from stageproxy.core.rules.findings import Finding, suspicious
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import IndexState, Upload
from stageproxy.core.stage.accept import find_closed
from stageproxy.core.stage.differences import claims_of_form, differences
from stageproxy.core.stage.wheel_coverage import lost_wheels, release_before


def findings_by_file(
    uploads: Sequence[Upload], index_state: IndexState | None, now: datetime
) -> Mapping[str, list[Finding]]:
    """Return the findings on the files of a release, as if they were uploaded in this order.

    *index_state*: `None` if the index was not queried.
    """
    state = index_state or IndexState(now=now, has_project=True)
    found: dict[str, list[Finding]] = {}
    for upload in uploads:
        found[upload.filename] = _findings(replace(upload, index_state=state))
        is_new = upload.filename not in state.files
        state = replace(
            state,
            files={**state.files, upload.filename: upload.sha256},
            coming=(*state.coming, upload.filename),
            size=state.size + upload.size if is_new and state.size is not None else state.size,
        )
    return found


def _findings(upload: Upload) -> list[Finding]:
    """Return the findings on a file, without those on metadata that could not be read.

    Otherwise a broken archive would be reported to lack a name, a version and so on.
    """
    if upload.contents.core_metadata is not None:
        return findings_of(upload)
    name = upload.name
    known = (("name", name.project), ("version", str(name.version))) if name else ()
    found = findings_of(replace(upload, form=(*upload.form, *known)))
    on_the_file = [one for one in found if one.source == "content"]
    return on_the_file if refusals(on_the_file) else found


def release_findings(uploads: Sequence[Upload], listing: Listing | None) -> list[Finding]:
    """Return the findings on the files of a release as a whole.

    *listing*: the files that the index lists of the project, `None` if it was not queried.
    """
    known = listing or Listing()
    closed = find_closed(uploads[0].name.project, known) if uploads and uploads[0].name else None
    readable = (one for one in uploads if one.contents.core_metadata is not None)
    claims = (claims_of_form(one.filename, one.form) for one in readable)
    sentences = [*differences(claims), *_lost_wheels(uploads, known)]
    found = [suspicious(one, "release") for one in sentences]
    return [closed, *found] if closed else found


def _lost_wheels(uploads: Sequence[Upload], listing: Listing) -> list[str]:
    """Return a sentence on each platform whose wheels of the previous release are missing."""
    name = uploads[0].name if uploads else None
    versions = {filename: version_in(filename) for filename in listing.files}
    before = release_before(name.version, versions) if name else None
    if name is None or before is None:
        return []
    old = (filename for filename, version in versions.items() if version == before)
    published = (filename for filename, version in versions.items() if version == name.version)
    lost = lost_wheels([*(one.filename for one in uploads), *published], old)
    return [f"There is {what}, unlike in {name.project} {before}." for what in lost]
