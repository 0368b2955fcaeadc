"""Options of uploaders: skip existing files, check first, print the answer."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.builders.distributions import Distribution
from tests.support.clients.clients import Clients
from tests.support.clients.matrix import ClientMatrix
from tests.support.clients.tools import Tools
from tests.support.clients.uploaders import UPLOADERS, Release, UploaderRunner
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.processes import CommandResult, Server

pytestmark = pytest.mark.journey

RELEASE = Release("demo")
STAGED = RELEASE.files()
REPLACEMENT = Release("demo", summary="Another demo").files()[0]
PUBLISHED = Release("demo", summary="A published demo").files()
SAYS_REASONS = Version("2.29.4")

SKIPS = {
    "poetry": "File exists. Skipping",
    "pdm": "Skipping demo-2.0-py3-none-any.whl because it appears to already exist",
}


def hashes_of(*distributions: Distribution) -> dict[str, str]:
    """Return the hashes of files by their names."""
    return {one.filename: one.sha256 for one in distributions}


@pytest.fixture
def clients(clients_with_system_pip: Clients) -> Clients:
    """Return clients without pip."""
    return clients_with_system_pip


@pytest.fixture
def runner(tools: Tools, tmp_path: Path) -> UploaderRunner:
    """Return folders for the uploads of one test."""
    return UploaderRunner(tmp_path, tools)


@pytest.fixture
async def token(server: Server) -> str:
    """Create a token for uploads to one project, as CI systems have it."""
    return await server.new_token("demo", can="upload")


@pytest.mark.parametrize("uploader", SKIPS)
async def test_skips_what_pypi_has(
    server: Server,
    upstream: FakeIndex,
    runner: UploaderRunner,
    token: str,
    client_matrix: ClientMatrix,
    uploader: str,
) -> None:
    """With --skip-existing, a filename that PyPI has is no error, and opens no stage."""
    upstream.add("demo", *PUBLISHED)

    done = await runner.upload(
        UPLOADERS[uploader], RELEASE, f"{server.url}/legacy/", token, "--skip-existing"
    )

    assert SKIPS[uploader] in done.ok().output
    assert await server.staged_in("demo") == []
    client_matrix.note("uploaders", "`--skip-existing` skips what PyPI has", uploader)


@pytest.mark.parametrize("uploader", SKIPS)
async def test_skips_files_of_other_releases(
    server: Server, runner: UploaderRunner, token: str, uploader: str
) -> None:
    """With --skip-existing, every 409 counts as an existing file, also one of another release."""
    stage = await server.open_stage(name="demo", version="1.0")

    done = await runner.upload(
        UPLOADERS[uploader], RELEASE, stage.uploads, token, "--skip-existing"
    )

    assert SKIPS[uploader] in done.ok().output
    assert await server.staged_in("demo") == [{}]


@pytest.mark.parametrize("uploader", SKIPS)
async def test_staged_files_are_replaced(
    server: Server, runner: UploaderRunner, token: str, uploader: str
) -> None:
    """With --skip-existing, a staged file is replaced as usual: the server answers 200."""
    await server.stage(*PUBLISHED)

    done = await runner.upload(
        UPLOADERS[uploader], RELEASE, f"{server.url}/legacy/", token, "--skip-existing"
    )

    assert SKIPS[uploader] not in done.ok().output
    assert await server.staged_in("demo") == [hashes_of(*STAGED)]


async def test_twine_does_not_skip(
    server: Server, runner: UploaderRunner, token: str, client_matrix: ClientMatrix
) -> None:
    """Twine can skip files on PyPI only: with --skip-existing it stops before the upload."""
    done = await runner.upload(
        UPLOADERS["twine"], RELEASE, f"{server.url}/legacy/", token, "--skip-existing"
    )

    assert (done.code, "UnsupportedConfiguration" in done.output) == (1, True)
    assert await server.staged_in("demo") == []
    client_matrix.note("uploaders", "`--skip-existing` skips what PyPI has", "twine", "stops")


async def test_pdm_keeps_the_sentence_in_its_log(
    server: Server, runner: UploaderRunner, tools: Tools
) -> None:
    """Without -vv, pdm before 2.29.4 prints the status only.

    The sentence is in the log that it names.
    """
    sentence = "Invalid or non-existent authentication information."

    done = await runner.upload(UPLOADERS["pdm"], RELEASE, f"{server.url}/legacy/", "nonsense")

    is_shown = Version(tools.version("pdm")) >= SAYS_REASONS
    assert (done.code, sentence in done.output) == (1, is_shown)
    assert is_shown or "'403 Forbidden'" in done.output
    assert sentence in log_of(done)


def log_of(done: CommandResult) -> str:
    """Return the text of the log that pdm names."""
    found = re.search(r"See (\S+) for detailed debug log", done.output)
    assert found, done.output
    return Path(found[1]).read_text()


@pytest.mark.parametrize(("time", "is_same"), [("1767225600", True), ("", False)])
async def test_flit_in_a_new_checkout(
    server: Server, runner: UploaderRunner, token: str, time: str, *, is_same: bool
) -> None:
    """Flit writes the times of the sources into its files, unless SOURCE_DATE_EPOCH is set."""
    flit = replace(UPLOADERS["flit"], variables=without_empty(SOURCE_DATE_EPOCH=time))

    outputs = []
    for changed in (1_700_000_000, 1_700_000_010):
        done = await runner.upload(flit, RELEASE, f"{server.url}/legacy/", token, changed=changed)
        outputs.append((done.ok().code, await server.staged_in("demo")))

    assert (outputs[0] == outputs[1]) is is_same
    assert [len(stages) for _, stages in outputs] == [1, 1]


def without_empty(**changes: str) -> dict[str, str]:
    """Return the variables for flit with changes; empty ones are removed."""
    variables = {**UPLOADERS["flit"].variables, **changes}
    return {name: text for name, text in variables.items() if text}


async def test_twine_prints_the_stage_url(server: Server, clients: Clients, token: str) -> None:
    """With --verbose, twine prints the answer of the server: the stage URL and a pip command."""
    done = await clients.twine_upload(f"{server.url}/legacy/", token, *clients.save(*STAGED))

    assert f"{server.url}/tmp/demo/stgv_" in done.ok().output
    assert "pip --isolated install --index-url" in done.output


async def test_uploads_without_upstream(
    server: Server, clients: Clients, token: str, upstream: FakeIndex
) -> None:
    """Staging works without upstream: twine gets a 200 with the URL of the stage."""
    upstream.quirks = Quirks(status=503)

    done = await clients.twine_upload(f"{server.url}/legacy/", token, *clients.save(STAGED[0]))

    assert f"{server.url}/tmp/demo/stgv_" in done.ok().output


async def test_uv_checks_the_stage_first(server: Server, clients: Clients, token: str) -> None:
    """With the stage as --check-url, uv uploads missing files and skips existing ones."""
    stage = await server.stage(STAGED[0])
    files = clients.save(*STAGED)

    first = await clients.uv_publish(stage.uploads, token, *files, check_url=stage.index)
    second = await clients.uv_publish(stage.uploads, token, *files, check_url=stage.index)

    skipped = [one.ok().output.count("already exists, skipping") for one in (first, second)]
    assert skipped == [1, 2]
    assert await server.staged_in("demo") == [hashes_of(*STAGED)]


async def test_uv_compares_with_the_stage(server: Server, clients: Clients, token: str) -> None:
    """With the stage as --check-url, uv itself stops before it replaces a file."""
    stage = await server.stage(*STAGED)
    file = clients.save(REPLACEMENT)

    done = await clients.uv_publish(stage.uploads, token, *file, check_url=stage.index)

    assert (done.code, "Local file and index file do not match" in done.output) == (2, True)
    assert await server.staged_in("demo") == [hashes_of(*STAGED)]
