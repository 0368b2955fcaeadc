"""Six uploaders, each called as its users do: a release is staged, sent again, and replaced."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients.matrix import VERSION, ClientMatrix
from tests.support.clients.tools import Tools
from tests.support.clients.uploaders import (
    UPLOADERS,
    Release,
    Uploader,
    UploaderRunner,
    find_printed_url,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import (
    CommandResult,
    Server,
    assert_no_token_is_logged,
    running_server,
)

pytestmark = pytest.mark.journey

AT_ONCE = 3
TARGETS = ("`/legacy/`", "the URL of a stage")
CASES = [(uploader, target) for uploader in UPLOADERS for target in TARGETS]
PRINTED = {"flit": "https://{host}/project/{name}/", "hatch": "{url}{name}/2.0/"}
SHOWN = {"flit": "`https://HOST/project/NAME/`", "hatch": "`URL` + `NAME/VERSION/`"}


@dataclass(frozen=True, slots=True)
class Step:
    """One upload: its result, the files of the uploader, and the stages afterwards."""

    done: CommandResult
    built: dict[str, str]
    stages: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Journey:
    """Three uploads to one URL: a release, the same again, and other files of the same names."""

    url: str
    release: Release
    first: Step
    again: Step
    replaced: Step


Journeys = Mapping[tuple[str, str], Journey]


async def upload_three_times(
    runner: UploaderRunner, server: Server, uploader: Uploader, target: str
) -> Journey:
    """Upload one project three times."""
    release = Release(f"demo-{uploader.name}-{TARGETS.index(target)}")
    other = Release(release.name, summary="Another demo")
    token = await server.new_token(release.name, can="upload")
    url = f"{server.url}/legacy/"
    if target != TARGETS[0]:
        url = (await server.open_stage(name=release.name)).uploads

    async def step(what: Release) -> Step:
        done = await runner.upload(uploader, what, url, token)
        return Step(done, runner.built(uploader, what), await server.staged_in(what.name))

    return Journey(url, release, await step(release), await step(release), await step(other))


async def upload_all(folder: Path, tools: Tools) -> dict[tuple[str, str], Journey]:
    """Run all journeys against one server, some at a time."""
    runner, logs = UploaderRunner(folder, tools), folder / "logs"
    logs.mkdir()
    free = asyncio.Semaphore(AT_ONCE)

    async def one(uploader: str, target: str) -> Journey:
        async with free:
            return await upload_three_times(runner, server, UPLOADERS[uploader], target)

    async with (
        FakeIndex.running() as index,
        running_server(folder / "data", logs=logs, settings={"UPSTREAM__URL": index.url}) as server,
    ):
        made = dict(zip(CASES, await asyncio.gather(*(one(*case) for case in CASES)), strict=True))
    assert_no_token_is_logged(logs)
    return made


@pytest.fixture(scope="module")
def journeys(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Journeys:
    """Return the results of all uploads, by uploader and target."""
    return asyncio.run(upload_all(tmp_path_factory.mktemp("uploaders"), tools))


@pytest.mark.parametrize("uploader", UPLOADERS)
def test_command(tools: Tools, client_matrix: ClientMatrix, tmp_path: Path, uploader: str) -> None:
    """Each command is the client's own, configured by environment variables only."""
    one = UPLOADERS[uploader]

    environment = one.environment("http://server.example/legacy/", "secret", tmp_path)

    assert "http://server.example/legacy/" in [environment[name] for name in one.variables]
    assert [one.command.split()[0], *one.command.split()[1:2]] in (
        [uploader, "upload"],
        [uploader, "publish"],
    )
    variables = "<br>".join(f"`{name}={text}`" for name, text in one.variables.items())
    client_matrix.note("upload-commands", uploader, "command", f"`{one.command}`")
    client_matrix.note("upload-commands", uploader, "variables", variables)
    version = UploaderRunner(tmp_path, tools).version(uploader)
    client_matrix.note("uploaders", VERSION, uploader, version)


@pytest.mark.parametrize(("uploader", "target"), CASES)
def test_release_is_staged(
    journeys: Journeys, client_matrix: ClientMatrix, uploader: str, target: str
) -> None:
    """A wheel and an sdist are in one stage of their project."""
    journey = journeys[uploader, target]

    journey.first.done.ok()
    assert sorted(journey.first.built) == sorted(one.filename for one in journey.release.files())
    assert journey.first.stages == [journey.first.built]
    client_matrix.note("uploaders", f"stages a release, with {target}", uploader)


@pytest.mark.parametrize(("uploader", "target"), CASES)
def test_the_same_again(
    journeys: Journeys, client_matrix: ClientMatrix, uploader: str, target: str
) -> None:
    """The same files again are no error, so that a CI job can run twice."""
    journey = journeys[uploader, target]

    journey.again.done.ok()
    assert journey.again.built == journey.first.built
    assert journey.again.stages == journey.first.stages
    client_matrix.note("uploaders", f"the same again, with {target}", uploader)


@pytest.mark.parametrize(("uploader", "target"), CASES)
def test_files_are_replaced(
    journeys: Journeys, client_matrix: ClientMatrix, uploader: str, target: str
) -> None:
    """Other files of the same names replace the staged ones."""
    journey = journeys[uploader, target]

    journey.replaced.done.ok()
    assert journey.replaced.stages == [journey.replaced.built]
    unchanged = set(journey.replaced.built.items()) & set(journey.first.built.items())
    assert (journey.replaced.built.keys(), unchanged) == (journey.first.built.keys(), set())
    client_matrix.note("uploaders", f"replaces files, with {target}", uploader)


@pytest.mark.parametrize(("uploader", "target"), CASES)
def test_printed_url(
    journeys: Journeys, client_matrix: ClientMatrix, uploader: str, target: str
) -> None:
    """Only flit and hatch print where they think that the release is."""
    journey = journeys[uploader, target]
    host = journey.url.split("/")[2]
    expected = PRINTED.get(uploader, "").format(
        host=host, url=journey.url, name=journey.release.name
    )

    assert (find_printed_url(journey.first.done.output, journey.url) or "") == expected
    client_matrix.note(
        "uploaders", "prints where the release is", uploader, SHOWN.get(uploader, "nothing")
    )


@pytest.mark.parametrize("uploader", sorted(UPLOADERS.keys() - {"hatch"}))
def test_order(journeys: Journeys, client_matrix: ClientMatrix, uploader: str) -> None:
    """A stage starts with a wheel or, from poetry, with an sdist; hatch sends either first."""
    lines = after_the_build(journeys[uploader, TARGETS[0]].first.done.output)

    first, *_ = re.findall(r"[\w.-]+(\.whl|\.tar\.gz)", lines)

    assert first == (".tar.gz" if uploader == "poetry" else ".whl")
    client_matrix.note("uploaders", "sends first", uploader, f"`{first}`")


def after_the_build(output: str) -> str:
    """Return the lines that flit prints after the build; the others do not build."""
    return output.rpartition("Built wheel")[2].partition("Uploading")[2] or output
