"""POST /api/check: findings about a file before it is sent."""

from datetime import timedelta
from typing import Any

import pytest

from stageproxy.web.bodies import LONGEST_FORM
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.clients.http import Answer
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import RunningService

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
NOT_ASKED = "No answer from PyPI: it may already have this file."
ONE_SDIST = "Only one sdist may be uploaded per release."


def form_of(file: Distribution, **changes: Any) -> dict[str, Any]:
    """Return the form of a file's upload, as an object."""
    form: dict[str, Any] = {}
    for name, value in upload_form(file):
        form[name] = [*form[name], value] if name in form else [value]
    single = {name: values[0] if len(values) == 1 else values for name, values in form.items()}
    return single | changes


async def check(
    service: RunningService, file: Distribution, token: str | None = None, **changes: Any
) -> Answer:
    """Return the answer to a check of a file whose form has *changes*."""
    return await service.api(
        "POST",
        "check",
        token,
        filename=file.filename,
        size=len(file.content),
        form=form_of(file, **changes),
    )


async def findings(service: RunningService, file: Distribution, **changes: Any) -> Any:
    """Return the findings, as level, source and sentence."""
    answer = await check(service, file, **changes)
    assert answer.status == 200
    document = answer.document
    assert document["refused"] is any(one["level"] == "refuse" for one in document["findings"])
    return [(one["level"], one["source"], one["message"]) for one in document["findings"]]


@pytest.mark.parametrize("file", [WHEEL, SDIST], ids=["wheel", "sdist"])
async def test_fine(service: RunningService, file: Distribution) -> None:
    """A valid file has no findings, although its archive is not there."""
    answer = await check(service, file)

    assert answer.document == {"rules-as-of": "2026-08-21", "refused": False, "findings": []}


async def test_form(service: RunningService) -> None:
    """The form is judged as that of an upload, and all findings are reported together."""
    found = await findings(service, WHEEL, summary="x" * 600, metadata_version="9.9")

    assert [(level, source) for level, source, _ in found] == [
        ("refuse", "metadata-version"),
        ("refuse", "summary"),
    ]


async def test_values(service: RunningService) -> None:
    """A field is one value or an array of values, each of which counts."""
    one = await findings(service, WHEEL, classifiers="Not :: One")
    two = await findings(service, WHEEL, classifiers=["Typing :: Typed", "Not :: One"])
    same = await findings(service, WHEEL, summary=["A demo"])

    assert (one, same) == (two, [])
    assert [(level, source) for level, source, _ in one] == [("refuse", "classifier")]


async def test_filename(service: RunningService) -> None:
    """An invalid filename is refused."""
    named = Distribution("demo-2.0-py3.whl", WHEEL.content)

    (found,) = await findings(service, named, pyversion="py3")

    sentence = "Invalid wheel filename (wrong number of parts): 'demo-2.0-py3'"
    assert found == ("refuse", "content", sentence)


async def test_filename_of_another_project(service: RunningService) -> None:
    """A filename of another project is refused."""
    found = await findings(service, a_wheel("other", "2.0"), name="demo")

    assert [one[2] for one in found] == ["Start filename for 'demo' with 'demo'."]


NAMES = ["", "/", "../..", "demo/../../etc", "demo?x", "dé"]


@pytest.mark.parametrize("name", NAMES)
async def test_invalid_name(service: RunningService, name: str) -> None:
    """Upstream is not asked about an invalid project name."""
    found = await findings(service, WHEEL, name=name)

    assert any((level, source) == ("refuse", "name") for level, source, _ in found)
    assert service.index.requests == []


async def test_published_file(service: RunningService) -> None:
    """A file that PyPI has is accepted if the form claims the same digest."""
    service.index.add("demo", WHEEL)

    assert await findings(service, WHEEL) == []


@pytest.mark.parametrize("claimed", ["00" * 32, ""], ids=["other bytes", "not claimed"])
async def test_published_filename(service: RunningService, claimed: str) -> None:
    """A filename that PyPI has is refused unless the form claims the same digest."""
    at = service.clock.now() - timedelta(days=1)
    service.index.add("demo", WHEEL, uploaded_at=at)

    found = await findings(service, WHEEL, sha256_digest=claimed)

    assert [one[0] for one in found] == ["refuse", "unknown"]
    assert found[0][2].startswith(f"File already exists ('{WHEEL.filename}', ")


async def test_published_bytes(service: RunningService) -> None:
    """PyPI accepts no bytes under two names; the case of the digest does not matter."""
    service.index.add("demo", WHEEL)
    renamed = Distribution("demo-3.0-py3-none-any.whl", WHEEL.content)

    found = await findings(service, renamed, version="3.0", sha256_digest=WHEEL.sha256.upper())

    assert f"'{WHEEL.filename}' has the same bytes." in [one[2] for one in found]


async def test_old_release(service: RunningService) -> None:
    """A release that PyPI has closed accepts no file."""
    service.index.add("demo", WHEEL)

    ((level, _, message),) = await findings(service, SDIST)

    assert level == "refuse"
    assert message.startswith("Uploading new files to releases older than 14 days is not allowed.")


async def test_second_sdist(service: RunningService) -> None:
    """A release accepts one sdist."""
    at = service.clock.now() - timedelta(days=1)
    service.index.add("demo", an_sdist(version="2.0.0"), uploaded_at=at)

    assert ("refuse", "content", ONE_SDIST) in await findings(service, SDIST)


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_closed_project(service: RunningService, status: str) -> None:
    """A closed project accepts no file."""
    service.index.add("demo", a_wheel(), status=status)

    sentence = f"Project demo is {status} on PyPI and accepts no uploads."
    assert await findings(service, WHEEL) == [("refuse", "name", sentence)]


async def test_similar_name(service: RunningService) -> None:
    """A new project must not have a name that is similar to another project's."""
    service.index.add("dem0", a_wheel("dem0"))

    ((level, source, message),) = await findings(service, WHEEL)

    assert (level, source) == ("refuse", "name")
    assert (
        message
        == "The name 'demo' is too similar to an existing project. The existing project is 'dem0'."
    )


async def test_upstream_out_of_reach(service: RunningService) -> None:
    """Without an answer from PyPI the finding is unknown, not a refusal."""
    service.index.quirks = Quirks(status=500)

    assert await findings(service, WHEEL) == [("unknown", "index", NOT_ASKED)]


async def test_large_file(service: RunningService) -> None:
    """The size alone is enough to report that a file may be too large."""
    answer = await service.api(
        "POST", "check", filename=WHEEL.filename, size=200 * 2**20, form=form_of(WHEEL)
    )

    (found,) = answer.document["findings"]
    assert (found["level"], "has a size of 200 MB" in found["message"]) == ("unknown", True)


BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "an array": b"[]",
    "no form": b'{"filename": "demo-2.0.tar.gz"}',
    "no filename": b'{"form": {}}',
    "an empty filename": b'{"filename": "", "form": {}}',
    "a long filename": b'{"filename": "%s", "form": {}}' % (b"x" * 256),
    "a size below nothing": b'{"filename": "demo-2.0.tar.gz", "size": -1, "form": {}}',
    "a number in the form": b'{"filename": "demo-2.0.tar.gz", "form": {"name": 1}}',
    "something else": b'{"filename": "demo-2.0.tar.gz", "form": {}, "content": "x"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_bad_body(service: RunningService, body: bytes) -> None:
    """A body that is not a valid check is 400."""
    headers = {"Authorization": f"Bearer {service.admin}"}

    answer = await service.send("POST", "/api/check", headers, data=body)

    assert answer.status == 400
    assert answer.document["errors"]


async def test_long_form(service: RunningService) -> None:
    """A form may be as long as that of an upload, and no longer."""
    text = "All about it. " * 2**14

    fine = await check(service, WHEEL, description=text, description_content_type="text/plain")
    long = await check(service, WHEEL, description="x" * LONGEST_FORM)

    assert (fine.status, fine.document["findings"], long.status) == (200, [], 413)


async def test_rights(service: RunningService) -> None:
    """A check takes the right to upload the file; without it upstream is not asked."""
    mine, other = await service.token("upload", "demo"), await service.token("upload", "other")
    later = await service.token("upload", "demo", version="3.0")

    statuses = [(await check(service, WHEEL, token)).status for token in (other, later, "no")]

    assert statuses == [403, 403, 401]
    assert service.index.requests == []
    assert (await check(service, WHEEL, mine)).status == 200


async def test_nothing_is_staged(service: RunningService) -> None:
    """A check changes nothing."""
    await check(service, WHEEL)

    assert (await service.api("GET", "stages")).document == {"stages": []}
    assert [one for one in (service.data / "files").rglob("*") if one.is_file()] == []
