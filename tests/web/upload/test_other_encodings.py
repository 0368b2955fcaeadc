"""Uploads whose METADATA is not UTF-8."""

import pytest

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.builders.hostile import HONEST_WHEEL, hostile_form
from tests.support.builders.hostile_zips import METADATA, wheel
from tests.support.servers.service import RunningService

ENCODINGS = ["latin-1", "utf-16", "utf-8-sig"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_preview_has_a_form_and_the_file(service: RunningService, encoding: str) -> None:
    """PyPI accepts such a file: it is staged with a warning, and shown as its form describes it."""
    text = (METADATA.decode() + "Author: J\xf6rg\n").encode(encoding)
    distribution = Distribution(a_wheel().filename, wheel(METADATA=text))

    answer = await service.post(hostile_form(distribution))

    file = answer.document["files"][distribution.filename]
    prefix = answer.document["links"]["stage"]
    sidecar = await service.get(f"{file['link']}.metadata")
    release = await service.get(f"{prefix}pypi/demo/1.0/json")
    page = await service.get(f"{prefix}simple/demo/", Accept="application/vnd.pypi.simple.v1+json")
    assert any(one.startswith("METADATA ") for one in file["notices"])
    assert sidecar.body == text
    assert release.document["info"]["summary"] == HONEST_WHEEL.fields["summary"]
    assert distribution.filename in page.body.decode()
