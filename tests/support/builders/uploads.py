"""Uploads as the rules get them."""

import io
from collections.abc import Collection, Mapping

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import Contents, read_contents
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import Upload
from stageproxy.core.values import FormFields
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form

WHEEL, SDIST = a_wheel(), an_sdist()


def an_upload(
    distribution: Distribution = WHEEL,
    changes: Mapping[str, str] | None = None,
    *,
    filename: str | None = None,
    content_type: str | None = "application/octet-stream",
    more: FormFields = (),
    without: Collection[str] = (),
) -> Upload:
    """Return an upload by twine, with *changes* to its form, and *more* fields."""
    named = filename or distribution.filename
    try:
        name = parse_distribution_name(named)
    except ValueError:
        name = None
    file = io.BytesIO(distribution.content)
    return Upload(
        form=(*upload_form(distribution, without=without, **(changes or {})), *more),
        filename=named,
        content_type=content_type,
        sha256=distribution.sha256,
        blake2b_256=distribution.blake2b_256,
        md5=distribution.md5,
        name=name,
        contents=read_contents(file, name) if name else Contents(),
    )


def sentences(upload: Upload) -> list[str]:
    """Return the sentences of all refusals of an upload."""
    return [finding.message for finding in refusals(findings_of(upload))]
