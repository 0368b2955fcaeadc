"""Provenance: none for a staged file, upstream's for any other."""

from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import RunningService, prefix_of

TYPES = ["application/vnd.pypi.integrity.v1+json", "application/json", "*/*", None]
OUT = "integrity/demo/1.0/demo-1.0.tar.gz/provenance"
PROVENANCE = b'{"attestation_bundles":[],"version":1}'


def path_of(distribution: Distribution, version: str = "2.0", project: str = "demo") -> str:
    """Return the path of a file's provenance."""
    return f"integrity/{project}/{version}/{distribution.filename}/provenance"


@pytest.mark.parametrize("accept", TYPES)
async def test_staged_file(
    service: RunningService, prefix: str, wheel: Distribution, accept: str | None
) -> None:
    """A staged file has no provenance, and upstream is not asked."""
    answer = await service.get(prefix + path_of(wheel), accept)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.document == {"message": f"No provenance available for {wheel.filename}"}
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert service.index.requests == []


@pytest.mark.parametrize(
    ("version", "project"), [("2.0.0", "demo"), ("2.0", "DeMo"), ("1.0", "demo")], ids=str
)
async def test_staged_file_in_any_spelling(
    service: RunningService, prefix: str, sdist: Distribution, version: str, project: str
) -> None:
    """A staged file is found by its filename, in any spelling of project and version."""
    answer = await service.get(prefix + path_of(sdist, version, project))

    assert answer.status == 404
    assert answer.document == {"message": f"No provenance available for {sdist.filename}"}


async def test_published_file(service: RunningService, prefix: str) -> None:
    """The provenance of a published file is upstream's, byte for byte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.integrity.v1+json\r\n"
    raw = head + b"Content-Length: %d\r\n\r\n" % len(PROVENANCE) + PROVENANCE
    service.index.quirks = Quirks(raw={f"/{OUT}": iter([raw])})

    answer = await service.get(prefix + OUT)

    assert (answer.status, answer.body) == (200, PROVENANCE)
    assert answer.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"


@pytest.mark.parametrize("path", [OUT, "integrity/other/1.0/other-1.0.tar.gz/provenance"])
async def test_published_file_without(service: RunningService, prefix: str, path: str) -> None:
    """Upstream's answer for a file without provenance is passed on."""
    theirs = await service.get(f"{service.index.url}/{path}")

    ours = await service.get(prefix + path)

    assert ours.status == theirs.status == 404
    assert ours.document == theirs.document


async def test_withdrawn_file(service: RunningService, stage: Any, wheel: Distribution) -> None:
    """For a withdrawn file upstream is asked again."""
    await service.api("DELETE", f"stages/{stage['id']}/files/{wheel.filename}")
    service.index.requests.clear()

    await service.get(prefix_of(stage) + path_of(wheel))

    assert [one.path for one in service.index.requests] == [f"/{path_of(wheel)}"]


async def test_page_lists_no_provenance(service: RunningService) -> None:
    """The page lists no provenance for a staged file."""
    prefix = prefix_of(await service.staged(a_wheel("brandnew")))

    accept = "application/vnd.pypi.simple.v1+json"
    page = (await service.get(f"{prefix}simple/brandnew/", accept)).text

    assert '"provenance":null' in page
