"""pypiserver and devpi-server: how other indexes than PyPI behave during a promotion."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from stageproxy.core.errors import DamagedArtifactError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.rights import Credential
from stageproxy.ports import UploadRequest
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.upload_client import HttpUploadClient
from tests.support.builders.distributions import a_wheel, an_sdist, upload_form
from tests.support.clients.clients import Clients
from tests.support.clients.tools import Tools
from tests.support.servers.other_indexes import STARTS, OtherIndex, OtherIndexes

pytestmark = pytest.mark.journey

WHEEL = a_wheel("demo-plus", "2.0")
SDIST = an_sdist("demo-plus", "2.0")
OTHER_WHEEL = a_wheel("demo-plus", "2.0", summary="Another demo")
HASHES: Mapping[str, str | None] = {one.filename: one.sha256 for one in (WHEEL, SDIST)}

pypiserver_and_devpi = pytest.mark.parametrize("name", ["pypiserver", "devpi-server"])


@pytest.fixture
def other_indexes(tools: Tools, tmp_path: Path) -> OtherIndexes:
    """Return the indexes that can be started."""
    return OtherIndexes(tools, tmp_path)


@pytest.fixture
async def index(other_indexes: OtherIndexes, name: str) -> AsyncIterator[OtherIndex]:
    """Run the index of the case, empty."""
    async with other_indexes.start(name) as running:
        yield running


@pytest.mark.parametrize("name", STARTS)
async def test_release(clients: Clients, index: OtherIndex, name: str) -> None:
    """An upload of twine is listed with its sha256, unless hashes are disabled."""
    files = clients.save(WHEEL, SDIST)

    done = await clients.twine_upload(index.repository_url, index.password, *files)

    done.ok()
    has_hashes = name != "pypiserver-without-hashes"
    expected = HASHES if has_hashes else dict.fromkeys(HASHES)
    assert await index.hashes("demo-plus") == expected


@pytest.mark.parametrize("name", STARTS)
async def test_install(clients: Clients, index: OtherIndex) -> None:
    """Pip installs exactly the bytes of the wheel."""
    for one in (WHEEL, SDIST):
        await index.upload(one)
    requirements = clients.new_folder("project") / "requirements.txt"
    requirements.write_text(f"demo-plus==2.0 --hash=sha256:{WHEEL.sha256}\n")

    python, done = await clients.install("pip", index.index_url, "-r", str(requirements))

    done.ok()
    assert await clients.python(python, "import demo_plus; print(demo_plus.VERSION)") == "2.0"


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("pypiserver", 1, "400 Bad Request"),
        ("devpi-server", 0, "200 Upload of identical file to non volatile index."),
    ],
)
async def test_same_again(clients: Clients, index: OtherIndex, code: int, sentence: str) -> None:
    """The same file again succeeds on devpi-server, and fails on pypiserver."""
    files = clients.save(WHEEL)
    await index.upload(WHEEL)

    done = await clients.twine_upload(index.repository_url, index.password, *files)

    assert (done.code, sentence in done.output) == (code, True)


@pypiserver_and_devpi
async def test_other_bytes(index: OtherIndex) -> None:
    """Other bytes under a filename are refused, and the first ones stay."""
    await index.upload(WHEEL)

    answer = await index.upload(OTHER_WHEEL)

    assert (answer.status, "already exists" in answer.text) == (409, True)
    assert await index.hashes("demo-plus") == {WHEEL.filename: WHEEL.sha256}


async def test_other_bytes_for_twine(clients: Clients, other_indexes: OtherIndexes) -> None:
    """Pypiserver answers twine, recognized by its User-Agent, with 400 instead of 409."""
    files = clients.save(OTHER_WHEEL)
    async with other_indexes.pypiserver() as index:
        await index.upload(WHEEL)

        done = await clients.twine_upload(index.repository_url, index.password, *files)

    assert (done.code, "400 Bad Request" in done.output) == (1, True)


async def test_volatile_index(other_indexes: OtherIndexes) -> None:
    """A volatile index of devpi-server, its default, replaces files."""
    async with other_indexes.devpi(volatile=True) as index:
        await index.upload(WHEEL)

        answer = await index.upload(OTHER_WHEEL)

        assert (answer.status, answer.reason) == (200, "OK")
        assert await index.hashes("demo-plus") == {WHEEL.filename: OTHER_WHEEL.sha256}


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("pypiserver", SimpleType.HTML, f"/packages/{WHEEL.filename}"),
        (
            "devpi-server",
            SimpleType.V1_JSON,
            f"../../+f/{WHEEL.sha256[:3]}/{WHEEL.sha256[3:16]}/{WHEEL.filename}",
        ),
    ],
)
async def test_page(index: OtherIndex, kind: SimpleType, link: str) -> None:
    """Only devpi-server has JSON pages. Links are relative to the host or to the page."""
    await index.upload(WHEEL)

    page = await index.page("demo-plus")

    assert page.headers["Content-Type"].partition(";")[0] == kind
    assert f'"{link}' in page.text


@pytest.mark.parametrize(("name", "status"), [("pypiserver", 301), ("devpi-server", 302)])
async def test_other_spelling(index: OtherIndex, status: int) -> None:
    """Pages are at normalized names; other spellings redirect there."""
    await index.upload(WHEEL)

    page = await index.page("Demo_Plus")

    assert (page.status, page.headers["Location"]) == (status, f"{index.index_url}demo-plus/")


@pypiserver_and_devpi
async def test_missing_project(index: OtherIndex) -> None:
    """A project without files has no page."""
    page = await index.page("demo-plus")

    assert page.status == 404


async def test_missing_project_elsewhere(other_indexes: OtherIndexes) -> None:
    """Pypiserver redirects missing projects to another index, by default PyPI.

    A client that follows reads another project of the same name.
    """
    async with other_indexes.pypiserver(missing_are_at="http://other.example/simple/") as index:
        page = await index.page("demo-plus")

    assert (page.status, page.headers["Location"]) == (
        303,
        "http://other.example/simple/demo-plus/",
    )


@pytest.mark.parametrize(("name", "status"), [("pypiserver", 403), ("devpi-server", 401)])
async def test_wrong_password(index: OtherIndex, status: int) -> None:
    """A client without the password cannot upload."""
    answer = await index.upload(WHEEL, password="wrong")

    assert answer.status == status
    assert not (await index.listing("demo-plus")).exists


@pypiserver_and_devpi
async def test_wrong_digest(index: OtherIndex) -> None:
    """Neither compares the file with the sha256 in the form: only the page shows a difference."""
    answer = await index.upload(WHEEL, sha256_digest="0" * 64)

    assert answer.status == 200
    assert await index.hashes("demo-plus") == {WHEEL.filename: WHEEL.sha256}


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        (
            "pypiserver",
            {WHEEL.filename: sha256(WHEEL.content[: len(WHEEL.content) // 2]).hexdigest()},
        ),
        ("devpi-server", {}),
    ],
)
async def test_half_an_upload(index: OtherIndex, listed: dict[str, str]) -> None:
    """A truncated upload leaves half a file on pypiserver, and nothing on devpi-server."""
    await index.upload_half(WHEEL)

    assert await index.hashes("demo-plus") == listed


@pypiserver_and_devpi
async def test_interrupted_upload_leaves_nothing(index: OtherIndex, tmp_path: Path) -> None:
    """An upload that stageproxy interrupts because the file is damaged leaves nothing.

    The connection is reset. When it was only closed, pypiserver stored the received part as the
    whole file.
    """
    content = WHEEL.content + bytes(2**20)
    path = tmp_path / WHEEL.filename
    path.write_bytes(content)
    upload_request = UploadRequest(
        path.name, path, len(content), "0" * 64, tuple(upload_form(WHEEL))
    )
    patience = Timeouts(timedelta(seconds=5), timedelta(seconds=30))

    async with open_session(patience, keep_alive=False) as session:
        api = HttpUploadClient(session, index.repository_url, idle_timeout=timedelta(seconds=30))
        with pytest.raises(DamagedArtifactError):
            await api.publish(
                upload_request, Credential(index.username, index.password), lambda _: None
            )

    assert await index.hashes("demo-plus") == {}


@pytest.mark.parametrize(("name", "waits"), [("pypiserver", True), ("devpi-server", False)])
async def test_one_at_a_time(index: OtherIndex, *, waits: bool) -> None:
    """Pypiserver answers one request at a time."""
    async with index.unfinished_request():
        is_answered = await index.answers_within(seconds=1)

    assert is_answered is not waits
