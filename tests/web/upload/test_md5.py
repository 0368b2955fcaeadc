"""MD5 of staged files: made before the answer where the form names it, else when it is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.stage.stage import Artifact
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import Part, content_part, twine_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file
from tests.web.upload.test_damaged_files import alter

WHEEL = a_wheel(version="2.0")
MD5 = Part("md5_digest", WHEEL.md5.encode())


async def stored_artifact(service: RunningService) -> Artifact:
    """Return the artifact as its row has it."""
    [stage] = (await service.api("GET", "stages")).document["stages"]
    stored = await service.parts.database.read(lambda rows: rows.stages.find(stage["id"]))
    assert stored is not None
    return stored.artifacts[0]


async def stages(service: RunningService) -> tuple[Any, Any]:
    """Return the stage as the list has it, and then as its own document."""
    [listed] = (await service.api("GET", "stages")).document["stages"]
    shown = (await service.api("GET", f"stages/{listed['id']}")).document
    return listed["files"][WHEEL.filename]["hashes"], shown["files"][WHEEL.filename]["hashes"]


async def test_not_made_before_the_answer(service: RunningService) -> None:
    """A form that names no MD5 costs none."""
    await service.post(twine_form(WHEEL))

    assert (await stored_artifact(service)).md5 is None


@pytest.mark.parametrize("parts", [[MD5, *twine_form(WHEEL)], [*twine_form(WHEEL), MD5]])
async def test_made_where_the_form_names_it(service: RunningService, parts: list[Part]) -> None:
    """An MD5 that the form names is made and compared, also when its field follows the file."""
    answer = await service.post(parts)

    assert answer.status == 200
    assert (await stored_artifact(service)).md5 == WHEEL.md5


async def test_made_for_the_session_object(service: RunningService) -> None:
    """The session object that answers an upload has the MD5 of its file."""
    answer = await service.post([Part("staged", b"true"), *twine_form(WHEEL)])

    assert answer.document["files"][WHEEL.filename]["hashes"]["md5"] == WHEEL.md5


async def test_wrong_after_the_file(service: RunningService) -> None:
    """A wrong MD5 that follows the file is refused like one before it."""
    *fields, _ = twine_form(WHEEL)

    answer = await service.post([*fields, content_part(WHEEL), Part("md5_digest", b"0" * 32)])

    expected = "The digest supplied does not match a digest calculated from the uploaded file."
    assert (answer.status, answer.reason) == (400, expected)


async def test_made_for_whoever_asks(service: RunningService) -> None:
    """A single stage is shown with the MD5, which a list lacks until then."""
    await service.post(twine_form(WHEEL))

    listed, shown = await stages(service)

    assert (listed.get("md5"), shown["md5"]) == (None, WHEEL.md5)


async def test_json_document(service: RunningService) -> None:
    """The JSON document of a release has the MD5 although no uploader named it."""
    answer = await service.post(twine_form(WHEEL))
    url = answer.text.splitlines()[1]

    document = (await service.get(f"{url}pypi/demo/2.0/json")).document

    assert document["urls"][0]["digests"]["md5"] == WHEEL.md5
    assert document["urls"][0]["md5_digest"] == WHEEL.md5


async def test_made_once(service: RunningService) -> None:
    """The MD5 is stored: the file is read once for it."""
    await service.post(twine_form(WHEEL))
    first = await stages(service)
    stored_file(service.data, WHEEL.sha256).unlink()

    second = await stages(service)

    assert [shown["md5"] for _, shown in (first, second)] == [WHEEL.md5, WHEEL.md5]


@pytest.mark.parametrize("damage", [Path.unlink, alter], ids=["missing", "altered"])
async def test_damaged_file(service: RunningService, damage: Callable[[Path], object]) -> None:
    """A damaged file has no MD5: that of other bytes is neither shown nor stored."""
    await service.post(twine_form(WHEEL))
    damage(stored_file(service.data, WHEEL.sha256))

    _, shown = await stages(service)

    assert "md5" not in shown
    assert (await stored_artifact(service)).md5 is None


@pytest.mark.parametrize("named", [True, False])
async def test_file_uploads(service: RunningService, *, named: bool) -> None:
    """A file upload has an MD5 if it was announced with one, or when it is shown."""
    hashes = {"sha256": WHEEL.sha256, **({"md5": WHEEL.md5} if named else {})}
    client = Pep694Client(service)
    session = await client.session()
    upload = (await client.announce(session, WHEEL, hashes=hashes)).document
    await client.send(upload, WHEEL.content)
    await client.complete(upload)

    stored = (await stored_artifact(service)).md5

    assert (stored, (await stages(service))[1]["md5"]) == (WHEEL.md5 if named else None, WHEEL.md5)
