"""What the users of six uploaders see of a dozen refusals: the server's sentence, each time."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients.matrix import YES, ClientMatrix
from tests.support.clients.tools import Tools
from tests.support.clients.uploaders import UPLOADERS, Uploader, UploaderRunner
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import (
    CommandResult,
    Server,
    assert_no_token_is_logged,
    running_server,
)
from tests.support.uploads.refusals import REFUSALS, SETTINGS, RefusalSetup

pytestmark = pytest.mark.journey

AT_ONCE = 3
UNKNOWN_TOKEN = "unknown token (403)"
SHAPES = {
    "twine": r"HTTPError: 403 Forbidden from \S+\s+{}",
    "uv": r"Server says: 403 {}",
    "flit": r"Traceback .*\n.*HTTPError: 403 Client Error: {} for url",
    "poetry": r"HTTP Error 403: {} \| b'{}'",
    "pdm": r"pdm.termui: {}\nTraceback ",
    "hatch": r"Client error '403 {}'",
}
CASES = [
    (uploader, case)
    for uploader in UPLOADERS
    for case, refusal in REFUSALS.items()
    if not (refusal.by_hand and UPLOADERS[uploader].builds)
]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused upload, the possible sentences, and the stages before and afterwards."""

    done: CommandResult
    sentences: tuple[str, ...]
    before: list[dict[str, str]]
    since: list[dict[str, str]]


async def try_to_upload(
    runner: UploaderRunner, server: Server, index: FakeIndex, uploader: Uploader, case: str
) -> Refused:
    """Upload a refused file, with its own project."""
    refusal = REFUSALS[case]
    release = refusal.release(f"{uploader.name}-{[*REFUSALS].index(case)}")
    url, token = await refusal.arrange(RefusalSetup(server, index, release.name))
    before = await server.staged_in(release.name)
    done = await runner.upload(uploader, release, url, token, *uploader.explained)
    since = await server.staged_in(release.name)
    return Refused(done, refusal.sentences(release), before, since)


async def try_all(folder: Path, tools: Tools) -> dict[tuple[str, str], Refused]:
    """Run all cases against one server, some at a time."""
    runner, logs = UploaderRunner(folder, tools), folder / "logs"
    logs.mkdir()
    free = asyncio.Semaphore(AT_ONCE)

    async def one(uploader: str, case: str) -> Refused:
        async with free:
            return await try_to_upload(runner, server, index, UPLOADERS[uploader], case)

    async with (
        FakeIndex.running() as index,
        running_server(
            folder / "data", logs=logs, settings={"UPSTREAM__URL": index.url, **SETTINGS}
        ) as server,
    ):
        done = dict(zip(CASES, await asyncio.gather(*(one(*case) for case in CASES)), strict=True))
    assert_no_token_is_logged(logs)
    return done


@pytest.fixture(scope="module")
def refused(
    tools: Tools, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, str], Refused]:
    """Return the results of all refused uploads, by uploader and case."""
    return asyncio.run(try_all(tmp_path_factory.mktemp("refused"), tools))


@pytest.mark.parametrize(("uploader", "case"), CASES)
def test_sentence_is_shown(
    refused: Mapping[tuple[str, str], Refused],
    client_matrix: ClientMatrix,
    uploader: str,
    case: str,
) -> None:
    """The uploader prints the server's sentence and fails, and nothing is staged."""
    one = refused[uploader, case]

    assert any(sentence in one.done.output for sentence in one.sentences)
    assert (one.done.code, one.since) == (UPLOADERS[uploader].refused, one.before)
    outcome = " ".join([YES, *(f"`{option}`" for option in UPLOADERS[uploader].explained)])
    client_matrix.note("uploaders", f"shows: {case}", uploader, outcome)


@pytest.mark.parametrize("uploader", UPLOADERS)
def test_place_of_the_sentence(refused: Mapping[tuple[str, str], Refused], uploader: str) -> None:
    """Each uploader prints the sentence in its own way."""
    one = refused[uploader, UNKNOWN_TOKEN]
    sentence = re.escape(one.sentences[0])

    assert re.search(SHAPES[uploader].replace("{}", sentence), one.done.output, re.DOTALL)


def test_flit_without_a_traceback(refused: Mapping[tuple[str, str], Refused]) -> None:
    """Flit prints a 400 as a line, but other statuses with a traceback."""
    output = refused["flit", "summary too long (400)"].done.output

    assert "400 Client Error: 'summary' field must be 512 characters or less." in output
    assert "Traceback" not in output
