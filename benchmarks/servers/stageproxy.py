"""The server that is measured."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from benchmarks.run import Run
from tests.support.servers.processes import Server, running_server


@asynccontextmanager
async def running_stageproxy(
    run: Run, name: str = "stageproxy", **settings: str
) -> AsyncIterator[Server]:
    """Run a server, by default on an empty data directory, with its access log in a file.

    A second server with the same *name* has the data of the first.
    """
    logs = run.folder / f"{name}-logs"
    logs.mkdir(exist_ok=True)
    async with running_server(run.folder / name, logs=logs, settings=_named(settings)) as server:
        yield server


def _named(settings: Mapping[str, str]) -> Mapping[str, str]:
    return {name.upper(): text for name, text in settings.items()}
