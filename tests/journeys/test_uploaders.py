"""twine and uv publish: what a release manager sees of an upload that is taken, or refused."""

import pytest

from tests.support.clients import Clients
from tests.support.distributions import Distribution, a_wheel, an_sdist
from tests.support.fake_index import FakeIndex, Quirks
from tests.support.processes import Server

pytestmark = pytest.mark.journey

STAGED = (a_wheel("demo", "2.0"), an_sdist("demo", "2.0"))
REPLACEMENT = a_wheel("demo", "2.0", summary="Another demo")
LISTED_WITH_OTHER_BYTES = a_wheel("demo", "1.0", summary="Another demo")
OF_ANOTHER_RELEASE = a_wheel("demo", "3.0")

EXISTS = "File already exists ('demo-1.0-py3-none-any.whl', with blake2_256 hash"
OTHER_RELEASE = "demo-3.0-py3-none-any.whl does not belong to this stage, which is demo 2.0."


async def staged_hashes(server: Server) -> list[dict[str, str]]:
    """Return, for each stage there is, the hashes of its files."""
    done = (await server.command("stage", "list", "--json")).ok()
    return [
        {name: file["hashes"]["sha256"] for name, file in stage["files"].items()}
        for stage in done.document["stages"]
    ]


def hashes_of(*distributions: Distribution) -> dict[str, str]:
    """Return the hashes of files by their names."""
    return {one.filename: one.sha256 for one in distributions}


@pytest.fixture
def clients(desk: Clients) -> Clients:
    """Return clients of which pip is not used."""
    return desk


@pytest.fixture
async def token(server: Server) -> str:
    """Make a token as CI systems have it: for uploads to one project."""
    return await server.new_token("demo", can="upload")


async def test_twine_opens_a_stage(server: Server, clients: Clients, token: str) -> None:
    """A wheel and an sdist open one new stage; twine shows its URL with --verbose."""
    done = await clients.twine_upload(f"{server.url}/legacy/", token, *clients.save(*STAGED))

    assert await staged_hashes(server) == [hashes_of(*STAGED)]
    assert f"{server.url}/tmp/demo/stgv_" in done.ok().output
    assert "pip --isolated install --index-url" in done.output


async def test_twine_uploads_again(server: Server, clients: Clients, token: str) -> None:
    """The same files again are no error, as a CI job that runs twice needs it."""
    files = clients.save(*STAGED)
    await clients.twine_upload(f"{server.url}/legacy/", token, *files)

    again = await clients.twine_upload(f"{server.url}/legacy/", token, *files)

    assert f"{server.url}/tmp/demo/stgv_" in again.ok().output
    assert await staged_hashes(server) == [hashes_of(*STAGED)]


async def test_twine_replaces_a_file(server: Server, clients: Clients, token: str) -> None:
    """Another file under a staged name takes its place, and the rest stays."""
    await server.stage(*STAGED)

    done = await clients.twine_upload(f"{server.url}/legacy/", token, *clients.save(REPLACEMENT))

    assert f"{server.url}/tmp/demo/stgv_" in done.ok().output
    assert await staged_hashes(server) == [hashes_of(*STAGED[1:], REPLACEMENT)]


async def test_twine_is_refused(server: Server, clients: Clients, token: str) -> None:
    """A name that PyPI has with other bytes is refused, in PyPI's words, and leaves no stage."""
    file = clients.save(LISTED_WITH_OTHER_BYTES)

    done = await clients.twine_upload(f"{server.url}/legacy/", token, *file)

    assert (done.code, EXISTS in done.output) == (1, True)
    assert await staged_hashes(server) == []


async def test_twine_uploads_to_a_stage(server: Server, clients: Clients, token: str) -> None:
    """The upload URL of a stage takes files of its release, again and replaced too."""
    stage = await server.open_stage(name="demo")

    for files in (clients.save(*STAGED), clients.save(*STAGED), clients.save(REPLACEMENT)):
        done = await clients.twine_upload(stage.uploads, token, *files)
        assert stage.url in done.ok().output

    assert await staged_hashes(server) == [hashes_of(*STAGED[1:], REPLACEMENT)]


async def test_twine_is_refused_by_a_stage(server: Server, clients: Clients, token: str) -> None:
    """A file of another release does not get into a stage; twine shows why."""
    stage = await server.stage(*STAGED)

    done = await clients.twine_upload(stage.uploads, token, *clients.save(OF_ANOTHER_RELEASE))

    assert (done.code, OTHER_RELEASE in done.output) == (1, True)
    assert await staged_hashes(server) == [hashes_of(*STAGED)]


async def test_twine_with_an_unknown_token(server: Server, clients: Clients) -> None:
    """A token that is not the server's is refused with PyPI's sentence."""
    file = clients.save(STAGED[0])

    done = await clients.twine_upload(f"{server.url}/legacy/", "nonsense", *file)

    sentence = "Invalid or non-existent authentication information."
    assert (done.code, sentence in done.output) == (1, True)


async def test_uv_publishes(server: Server, clients: Clients, token: str) -> None:
    """A stage is opened, the same files again are no error, and a file is replaced."""
    url = f"{server.url}/legacy/"

    for files in (clients.save(*STAGED), clients.save(*STAGED), clients.save(REPLACEMENT)):
        (await clients.uv_publish(url, token, *files)).ok()

    assert await staged_hashes(server) == [hashes_of(*STAGED[1:], REPLACEMENT)]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        pytest.param(LISTED_WITH_OTHER_BYTES, EXISTS, id="a-name-that-pypi-has"),
        pytest.param(OF_ANOTHER_RELEASE, OTHER_RELEASE, id="a-file-of-another-release"),
    ],
)
async def test_uv_is_refused(
    server: Server, clients: Clients, token: str, file: Distribution, sentence: str
) -> None:
    """The server's sentence is shown, whatever is wrong with the file."""
    stage = await server.stage(*STAGED)

    done = await clients.uv_publish(stage.uploads, token, *clients.save(file))

    assert (done.code, sentence in done.output) == (2, True)
    assert await staged_hashes(server) == [hashes_of(*STAGED)]


async def test_uv_checks_the_stage_first(server: Server, clients: Clients, token: str) -> None:
    """With the stage as --check-url, uv uploads what is missing and skips what is there."""
    stage = await server.stage(STAGED[0])
    files = clients.save(*STAGED)

    first = await clients.uv_publish(stage.uploads, token, *files, check_url=stage.index)
    second = await clients.uv_publish(stage.uploads, token, *files, check_url=stage.index)

    skipped = [one.ok().output.count("already exists, skipping") for one in (first, second)]
    assert skipped == [1, 2]
    assert await staged_hashes(server) == [hashes_of(*STAGED)]


async def test_uv_compares_with_the_stage(server: Server, clients: Clients, token: str) -> None:
    """With the stage as --check-url, uv itself stops before it replaces a file."""
    stage = await server.stage(*STAGED)
    file = clients.save(REPLACEMENT)

    done = await clients.uv_publish(stage.uploads, token, *file, check_url=stage.index)

    assert (done.code, "Local file and index file do not match" in done.output) == (2, True)
    assert await staged_hashes(server) == [hashes_of(*STAGED)]


async def test_uploads_while_upstream_is_out_of_reach(
    server: Server, clients: Clients, token: str, upstream: FakeIndex
) -> None:
    """An ill upstream keeps nobody from staging: twine gets its 200 with the stage's URL."""
    upstream.quirks = Quirks(status=503)

    done = await clients.twine_upload(f"{server.url}/legacy/", token, *clients.save(STAGED[0]))

    assert f"{server.url}/tmp/demo/stgv_" in done.ok().output
