"""pypiserver and devpi-server: what promotion meets where it does not publish on PyPI."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from stageproxy.core.errors import DamagedArtifactError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.rights import Credential
from stageproxy.ports import UploadRequest
from stageproxy.upstream.session import Patience, open_session
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
    """Run the index that the case names, empty."""
    async with other_indexes.start(name) as running:
        yield running


@pytest.mark.parametrize("name", STARTS)
async def test_release(clients: Clients, index: OtherIndex, name: str) -> None:
    """What twine uploads is listed with our sha256, where hashes are listed at all."""
    files = clients.save(WHEEL, SDIST)

    done = await clients.twine_upload(index.repository_url, index.password, *files)

    done.ok()
    has_hashes = name != "pypiserver-without-hashes"
    expected = HASHES if has_hashes else dict.fromkeys(HASHES)
    assert await index.hashes("demo-plus") == expected


@pytest.mark.parametrize("name", STARTS)
async def test_install(clients: Clients, index: OtherIndex) -> None:
    """What pip installs are the very bytes of the wheel."""
    for one in (WHEEL, SDIST):
        await index.upload(one)
    requirements = clients.new_folder("project") / "requirements.txt"
    requirements.write_text(f"demo-plus==2.0 --hash=sha256:{WHEEL.sha256}\n")

    python, done = await clients.install("pip", index.index_url, "-r", str(requirements))

    done.ok()
    assert await clients.python(python, "import demo_plus; print(demo_plus.VERSION)") == "2.0"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("pypiserver", 1, "400 Bad Request"),
        ("devpi-server", 0, "200 Upload of identical file to non volatile index."),
    ],
)
async def test_same_again(clients: Clients, index: OtherIndex, code: int, said: str) -> None:
    """The same file again is success for devpi-server, and an error for pypiserver."""
    files = clients.save(WHEEL)
    await index.upload(WHEEL)

    done = await clients.twine_upload(index.repository_url, index.password, *files)

    assert (done.code, said in done.output) == (code, True)


@pypiserver_and_devpi
async def test_other_bytes(index: OtherIndex) -> None:
    """Other bytes of a name are refused, and the first ones stay."""
    await index.upload(WHEEL)

    answer = await index.upload(OTHER_WHEEL)

    assert (answer.status, "already exists" in answer.text) == (409, True)
    assert await index.hashes("demo-plus") == {WHEEL.filename: WHEEL.sha256}


async def test_other_bytes_for_twine(clients: Clients, other_indexes: OtherIndexes) -> None:
    """To twine, known by its User-Agent, pypiserver says 400 where it says 409 to others."""
    files = clients.save(OTHER_WHEEL)
    async with other_indexes.pypiserver() as index:
        await index.upload(WHEEL)

        done = await clients.twine_upload(index.repository_url, index.password, *files)

    assert (done.code, "400 Bad Request" in done.output) == (1, True)


async def test_volatile_index(other_indexes: OtherIndexes) -> None:
    """A volatile index of devpi-server, its default, replaces files: look before you send."""
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
    """Only devpi-server has pages in JSON. Links are relative, to the host or to the page."""
    await index.upload(WHEEL)

    page = await index.page("demo-plus")

    assert page.headers["Content-Type"].partition(";")[0] == kind
    assert f'"{link}' in page.text


@pytest.mark.parametrize(("name", "status"), [("pypiserver", 301), ("devpi-server", 302)])
async def test_other_spelling(index: OtherIndex, status: int) -> None:
    """Pages are at normalized names. Other spellings lead there."""
    await index.upload(WHEEL)

    page = await index.page("Demo_Plus")

    assert (page.status, page.headers["Location"]) == (status, f"{index.index_url}demo-plus/")


@pypiserver_and_devpi
async def test_missing_project(index: OtherIndex) -> None:
    """There is no page of a project without files."""
    page = await index.page("demo-plus")

    assert page.status == 404


async def test_missing_project_elsewhere(other_indexes: OtherIndexes) -> None:
    """For what it lacks, pypiserver leads to another index: to PyPI if it is not told otherwise.

    Who follows reads of another project with the same name, and takes it for the one there.
    """
    async with other_indexes.pypiserver(missing_are_at="http://other.example/simple/") as index:
        page = await index.page("demo-plus")

    assert (page.status, page.headers["Location"]) == (
        303,
        "http://other.example/simple/demo-plus/",
    )


@pytest.mark.parametrize(("name", "status"), [("pypiserver", 403), ("devpi-server", 401)])
async def test_wrong_password(index: OtherIndex, status: int) -> None:
    """Who does not have the password uploads nothing."""
    answer = await index.upload(WHEEL, password="wrong")

    assert answer.status == status
    assert not (await index.listing("demo-plus")).is_there


@pypiserver_and_devpi
async def test_wrong_digest(index: OtherIndex) -> None:
    """Neither compares the file with the sha256 that the form claims: only the page tells."""
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
    """An upload that is cut off leaves half a file on pypiserver, and nothing on devpi-server."""
    await index.upload_half(WHEEL)

    assert await index.hashes("demo-plus") == listed


@pypiserver_and_devpi
async def test_ours_broken_off(index: OtherIndex, tmp_path: Path) -> None:
    """What we break off, because the file is damaged, leaves nothing anywhere: it is a reset.

    Pypiserver took what had come for the whole file when the connection was closed.
    """
    content = WHEEL.content + bytes(2**20)
    path = tmp_path / WHEEL.filename
    path.write_bytes(content)
    upload_request = UploadRequest(
        path.name, path, len(content), "0" * 64, tuple(upload_form(WHEEL))
    )
    patience = Patience(timedelta(seconds=5), timedelta(seconds=30))

    async with open_session(patience, keeps_connections=False) as session:
        api = HttpUploadClient(session, index.repository_url, silence=timedelta(seconds=30))
        with pytest.raises(DamagedArtifactError):
            await api.publish(
                upload_request, Credential(index.username, index.password), lambda _: None
            )

    assert await index.hashes("demo-plus") == {}


@pytest.mark.parametrize(("name", "waits"), [("pypiserver", True), ("devpi-server", False)])
async def test_one_at_a_time(index: OtherIndex, *, waits: bool) -> None:
    """While pypiserver waits for one request, it answers nobody else."""
    async with index.unfinished_request():
        is_answered = await index.answers_within(seconds=1)

    assert is_answered is not waits
