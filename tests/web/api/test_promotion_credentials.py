"""The credential that the server publishes with: where it comes from, and its secrecy."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, promotion_settings
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")
CANARY = "pypi-canary-8c1f2f6d"


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of a wheel."""
    return await service.staged(WHEEL)


async def test_no_credential(tmp_path: Path, index: FakeIndex) -> None:
    """Without a credential the answer lists the ways to provide one."""
    promotion = promotion_settings(index, token="")
    async with running_service(tmp_path / "data", index, promotion=promotion) as service:
        stage = await service.staged(WHEEL)

        answer = await PromotionClient(service).start(stage)
        shown = (await service.api("GET", f"stages/{stage['id']}")).document

    assert (answer.status, shown["status"]) == (409, "open")
    assert answer.document["detail"] == (
        "The server has no credential to publish with. Set promotion.token, pass one with "
        "`stageproxy promote --pypi-token-file FILE`, or publish from a machine that has one with "
        "`stageproxy promote --here`."
    )


async def test_token_file(tmp_path: Path, index: FakeIndex) -> None:
    """A token file is read when it is needed; the error names one that cannot be read."""
    file = tmp_path / "token"
    promotion = promotion_settings(index, token="", token_file=str(file))
    async with running_service(tmp_path / "data", index, promotion=promotion) as service:
        promotion_client, stage = PromotionClient(service), await service.staged(WHEEL)
        missing = await promotion_client.start(stage)
        file.touch(mode=0o600)
        file.write_text(f"{promotion_settings(index)['token']}\n")

        done = await promotion_client.publish(stage)

    assert (missing.status, done["status"]) == (409, "published")
    assert str(file) in missing.document["detail"]


async def test_token_of_the_project(tmp_path: Path, index: FakeIndex) -> None:
    """A project's own token has precedence over the general one."""
    own = promotion_settings(index)["token"]
    promotion = promotion_settings(index, token="wrong", tokens=f"Demo={own}")
    async with running_service(tmp_path / "data", index, promotion=promotion) as service:
        done = await PromotionClient(service).publish(await service.staged(WHEEL))

    assert done["status"] == "published"


async def test_refused_credential(tmp_path: Path, index: FakeIndex) -> None:
    """If the index refuses the token, no file is published and the stage can be changed."""
    promotion = promotion_settings(index, token="wrong")
    async with running_service(tmp_path / "data", index, promotion=promotion) as service:
        promotion_client, stage = PromotionClient(service), await service.staged(WHEEL, SDIST)

        failed = await promotion_client.publish(stage)
        edited = await service.upload(LINUX)

    assert (failed["status"], edited.status) == ("error", 200)
    assert "Invalid or non-existent authentication information." in failed["reason"]
    assert "Nothing was published" in failed["reason"]


async def test_new_credential_after_a_refusal(tmp_path: Path, index: FakeIndex) -> None:
    """After a refusal a credential in the request lets the promotion resume."""
    good = promotion_settings(index)["token"]
    promotion = promotion_settings(index, token="wrong")
    async with running_service(tmp_path / "data", index, promotion=promotion) as service:
        promotion_client, stage = PromotionClient(service), await service.staged(WHEEL)
        await promotion_client.publish(stage)

        await promotion_client.start(stage, token=good)
        done = await promotion_client.until_over(stage)

    assert (done["status"], done["fence"]) == ("published", 2)


@pytest.mark.parametrize("is_good", [True, False], ids=["taken", "refused"])
async def test_credential_of_a_request(
    tmp_path: Path, index: FakeIndex, log: io.StringIO, *, is_good: bool
) -> None:
    """A credential in a request appears in no answer, no row, no file and no log."""
    data, promotion = tmp_path / "data", promotion_settings(index, token="")
    index.uploads.tokens = {CANARY} if is_good else set()
    async with running_service(data, index, promotion=promotion) as service:
        promotion_client, stage = PromotionClient(service), await service.staged(WHEEL)
        started = await promotion_client.start(stage, token=CANARY)
        done = await promotion_client.until_over(stage)
        receipt = await promotion_client.ask("GET", stage, "/receipt")
        audit = await promotion_client.ask("GET", stage, "/audit")
        metrics = await service.get("/metrics")
        texts = [started.text, json.dumps(done), receipt.text, audit.text, metrics.text]
        while_running = files_with(data, CANARY)

    assert done["status"] == ("published" if is_good else "error")
    assert while_running | files_with(data, CANARY) == set()
    assert CANARY not in log.getvalue()
    assert "promot" in audit.text
    assert [one for one in texts if CANARY in one] == []
    sent = [dict(one.headers)["Authorization"] for one in index.uploads.history.attempts]
    assert len(sent) == 1


def files_with(folder: Path, text: str) -> set[str]:
    """Return the names of the files below a folder that contain a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert "catalogue.db" in {path.name for path in files}
    return {path.name for path in files if text.encode() in path.read_bytes()}


@pytest.mark.parametrize("body", ['{"token": 1', f'{{"token": ["{CANARY}"], "x": "{CANARY}"}}'])
async def test_credential_in_a_wrong_body(
    service: RunningService, stage: Any, log: io.StringIO, body: str
) -> None:
    """A credential in an invalid request is not repeated either."""
    headers = {"Authorization": f"Bearer {service.admin}"}
    path = f"/api/stages/{stage['id']}/promotion"

    answer = await service.send("POST", path, headers, data=body.encode())

    assert answer.status == 400
    assert CANARY not in answer.text + log.getvalue()
