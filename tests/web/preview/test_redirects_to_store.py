"""Installers read staged files from the store itself, if the settings allow it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.s3 import ACCESS_KEY, REGION, SECRET, S3Server
from tests.support.servers.service import RunningService, running_service

JSON = "application/vnd.pypi.simple.v1+json"
WHEEL = a_wheel(version="2.0")
PIP = 'pip/26.0 {"installer":{"name":"pip"}}'


def serving(
    folder: Path, index: FakeIndex, moto: S3Server, *, redirect: bool
) -> AbstractAsyncContextManager[RunningService]:
    """Run a server whose files are in a bucket."""
    s3: dict[str, Any] = {
        "endpoint": moto.endpoint,
        "region": REGION,
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET,
        "redirect": redirect,
    }
    files = f"s3://{moto.create_bucket()}/files"
    return running_service(folder / "data", index, storage={"files": files}, s3=s3)


@pytest.fixture
async def redirecting(
    tmp_path: Path, index: FakeIndex, moto: S3Server
) -> AsyncIterator[RunningService]:
    """Run a server that redirects installers to the store."""
    async with serving(tmp_path, index, moto, redirect=True) as service:
        yield service


async def url_of_wheel(service: RunningService) -> str:
    """Stage a wheel, and return the URL of its file as its page links to it."""
    page = URL((await service.staged(WHEEL))["links"]["stage"]) / "simple/demo/"
    document = (await service.get(str(page), accept=JSON)).document
    return str(page.join(URL(document["files"][0]["url"])))


async def test_installer(redirecting: RunningService) -> None:
    """Pip is redirected to a URL that opens the file, which no cache may keep."""
    url = await url_of_wheel(redirecting)

    answer = await redirecting.get(url, User_Agent=PIP)

    assert answer.status == 307
    assert answer.headers["Cache-Control"] == "no-store"
    content = await redirecting.get(answer.headers["Location"])
    assert content.body == WHEEL.content


@pytest.mark.parametrize(
    ("method", "user_agent"), [("GET", "curl/8.5.0"), ("GET", "Mozilla/5.0"), ("HEAD", PIP)]
)
async def test_others(redirecting: RunningService, method: str, user_agent: str) -> None:
    """Other clients get the bytes from the server, as all do from HEAD."""
    url = await url_of_wheel(redirecting)

    answer = await redirecting.get(url, method=method, User_Agent=user_agent)

    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(WHEEL.content))


async def test_by_default(tmp_path: Path, index: FakeIndex, moto: S3Server) -> None:
    """Without the setting, installers get the bytes from the server."""
    async with serving(tmp_path, index, moto, redirect=False) as service:
        answer = await service.get(await url_of_wheel(service), User_Agent=PIP)

    assert (answer.status, answer.body) == (200, WHEEL.content)


async def test_log(redirecting: RunningService, caplog: pytest.LogCaptureFixture) -> None:
    """No signed URL is logged."""
    answer = await redirecting.get(await url_of_wheel(redirecting), User_Agent=PIP)

    assert "X-Amz-Signature" in answer.headers["Location"]
    assert "X-Amz" not in caplog.text
