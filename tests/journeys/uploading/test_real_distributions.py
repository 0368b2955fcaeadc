"""Real wheels and sdists are accepted, and old ones are refused by the present rules."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import FormData

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.values import FormFields
from stageproxy.upstream.pip_index import settings_of_pip
from tests.support.builders.distributions import Distribution
from tests.support.builders.real_distributions import distribution_at, fetch_distributions
from tests.support.clients.clients import Clients
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, ServerStart

pytestmark = [pytest.mark.journey, pytest.mark.network]

FOLDER = Path(__file__).parent
ROWS = [line.split() for line in (FOLDER / "real_distributions.txt").read_text().splitlines()]
"""Project, version and filename of files that PyPI would accept."""
REFUSED = dict(
    line.split(": ", 1) for line in (FOLDER / "refused_distributions.txt").read_text().splitlines()
)
"""Files that PyPI accepted once and would refuse now, with its sentence.

The project counts as new.
"""
NOTICED = {
    "py_spy-0.4.2-py2.py3-none-manylinux_2_5_x86_64.manylinux1_x86_64.whl": (
        "The tags in WHEEL do not match the filename: 'py3-none-manylinux1_x86_64', "
        "'py3-none-manylinux_2_5_x86_64'."
    )
}
"""The only files with warnings, all of them justified."""
MISSING = "The release has no "
"""The start of the notes on what a release lacks, which many do."""
ENOUGH = 200
"""The least number of files for a meaningful run."""
AT_ONCE = 4
BY_TWINE = 10
WHEEL_ELSEWHERE = ["--only-binary", ":all:", "--python-version", "313", "--abi", "cp313"]
FROM_INDEX = {
    "setuptools": ["--no-binary", "six", "six==1.17.0"],
    "flit": ["--no-binary", "idna", "idna==3.10"],
    "hatchling": ["--no-binary", "soupsieve", "soupsieve==2.8"],
    "poetry": ["--no-binary", "tomlkit", "tomlkit==0.13.3"],
    "macOS": [*WHEEL_ELSEWHERE, "--platform", "macosx_11_0_arm64", "markupsafe==3.0.3"],
    "Windows": [*WHEEL_ELSEWHERE, "--platform", "win_amd64", "markupsafe==3.0.3"],
    "musl": [*WHEEL_ELSEWHERE, "--platform", "musllinux_1_2_aarch64", "markupsafe==3.0.3"],
}
"""A few files as pip downloads them: sdists by backend, wheels by platform."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of an upload: the status, and the notices or the refusals."""

    status: int
    messages: list[str]


@pytest.fixture(scope="module")
def published() -> Mapping[str, Distribution]:
    """Return the files of both lists, by name."""
    wanted = {filename: project for project, _, filename in ROWS}
    wanted |= {name: parse_distribution_name(name).project for name in REFUSED}
    return asyncio.run(fetch_distributions(wanted))


@pytest.fixture
async def index() -> AsyncIterator[FakeIndex]:
    """Run an index that has the projects of the list without their files."""
    async with FakeIndex.running() as running:
        for project in {project for project, *_ in ROWS}:
            running.add(project)
        yield running


@pytest.fixture
def clients(clients_with_system_pip: Clients) -> Clients:
    """Return clients with the pip of this environment."""
    return clients_with_system_pip


@pytest.fixture
async def server(start_server: ServerStart, index: FakeIndex) -> AsyncIterator[Server]:
    """Run a server in front of that index."""
    async with start_server(settings={"UPSTREAM__URL": index.url}) as running:
        yield running


def listed(published: Mapping[str, Distribution]) -> list[Distribution]:
    """Return the files that are to be accepted."""
    return [published[filename] for *_, filename in ROWS]


def form_for(distribution: Distribution) -> FormFields:
    """Return the form that `stageproxy upload` and twine send."""
    name = parse_distribution_name(distribution.filename)
    contents = read_contents(io.BytesIO(distribution.content), name)
    return form_of(contents.core_metadata or b"", name, sha256_digest=distribution.sha256)


async def upload(server: Server, distribution: Distribution) -> Answer:
    """Upload a file as clients do."""
    form = FormData([*await asyncio.to_thread(form_for, distribution), ("staged", "true")])
    form.add_field("content", io.BytesIO(distribution.content), filename=distribution.filename)
    accept = {"Accept": "application/json"}
    status, body = await server.ask("POST", "/legacy/", form=form, headers=accept)
    document = json.loads(body)
    if status != 200:
        lines = (line for line in document["message"].splitlines() if line)
        return Answer(status, [line.partition(" See ")[0] for line in lines])
    notices = document["files"][distribution.filename]["notices"]
    return Answer(status, [one for one in notices if not one.startswith(MISSING)])


async def upload_all(server: Server, files: Iterable[Distribution]) -> dict[str, Answer]:
    """Upload files, some at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(distribution: Distribution) -> tuple[str, Answer]:
        async with free:
            return distribution.filename, await upload(server, distribution)

    return dict(await asyncio.gather(*(one(distribution) for distribution in files)))


def test_list_is_long_and_wide() -> None:
    """The list has enough files of every kind."""
    assert len({filename for *_, filename in ROWS}) >= ENOUGH
    assert len({project for project, *_ in ROWS}) >= 120


async def test_all_are_accepted(server: Server, published: Mapping[str, Distribution]) -> None:
    """No file that PyPI would accept is refused, and no honest one has a warning."""
    answers = await upload_all(server, listed(published))

    refused = {name: one.messages for name, one in answers.items() if one.status != 200}
    noticed = {name: one.messages for name, one in answers.items() if one.messages}
    print(f"{len(answers)} files, {len(refused)} refused, {len(noticed)} with notices")  # noqa: T201
    assert refused == {}
    assert noticed == {name: [text] for name, text in NOTICED.items()}


async def test_old_ones_are_refused(server: Server, published: Mapping[str, Distribution]) -> None:
    """Files that PyPI has but would refuse now are refused with PyPI's sentence."""
    old = [published[name] for name in REFUSED]

    answers = await upload_all(server, old)

    firsts = {name: (one.status, one.messages[0]) for name, one in answers.items()}
    assert firsts == {name: (400, sentence) for name, sentence in REFUSED.items()}


async def test_twine_uploads_them(
    server: Server, published: Mapping[str, Distribution], clients: Clients
) -> None:
    """A few files are uploaded by twine, which reads them itself."""
    every = listed(published)
    some = every[:: len(every) // BY_TWINE][:BY_TWINE]

    (
        await clients.twine_upload(
            f"{server.url}/legacy/", server.admin_token, *clients.save(*some)
        )
    ).ok()

    staged = [await server.staged_in(one.fields["name"]) for one in some]
    assert staged == [[{one.filename: one.sha256}] for one in some]


async def test_sdists_and_other_platforms(server: Server, clients: Clients) -> None:
    """Sdists of four backends, and wheels for other machines, are accepted."""
    found = await asyncio.gather(*(downloaded(clients, *wanted) for wanted in FROM_INDEX.values()))
    files = [distribution for each in found for distribution in each]

    answers = await upload_all(server, files)

    assert len(answers) == len(FROM_INDEX)
    assert {name: one for name, one in answers.items() if one != Answer(200, [])} == {}


async def downloaded(clients: Clients, *wanted: str) -> list[Distribution]:
    """Return the files that pip downloads from its index."""
    folder = clients.new_folder("downloads")
    index = ["--index-url", str(settings_of_pip().index.simple)]
    (await clients.pip("download", "--no-deps", *index, "-d", str(folder), *wanted)).ok()
    return [distribution_at(path) for path in folder.iterdir()]
