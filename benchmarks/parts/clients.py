"""uv and pip through a stage, beside the same commands without it.

The index is the one that pip on this machine uses. The stage is of another project, so that every
page and file passes through.
"""

import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.goals import Goal, Row, Samples
from benchmarks.processor import children_seconds
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.stageproxy import running_stageproxy
from stageproxy.upstream.pip_index import PipSettings, settings_of_pip
from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import UV, clean_environment
from tests.support.servers.processes import run as run_command

PINS = Path(__file__).with_name("pins.txt")
PROJECT = "sample-of-a-stage"

_SECONDS = 300


def _goal(what: str, most: float) -> Goal:
    return Goal(what, "the index itself", "s", most=most)


COLD_UV = _goal("`uv pip compile` of 146 pins, cold", 1.05)
WARM_UV = _goal("`uv pip compile` of 146 pins, warm", 1.0)
COLD_PIP = _goal("`pip download` of 146 pins, cold", 1.05)
WARM_PIP = _goal("`pip download` of 146 pins, warm", 1.0)


@dataclass(frozen=True, slots=True)
class Installer:
    """A command that reads the pins, and the goals with an empty and with a full cache."""

    name: str
    cold: Goal
    warm: Goal

    def command(self, folder: Path) -> Sequence[str]:
        """Return the command, whose output goes to an empty folder."""
        if self.name == "uv":
            quiet = ("--quiet", "--no-header", "--no-annotate")
            return (str(UV), "pip", "compile", *quiet, "-o", str(folder / "pins"), str(PINS))
        pip = (sys.executable, "-m", "pip", "download", "--quiet")
        return (*pip, "--no-deps", "--only-binary=:all:", "-d", str(folder), "-r", str(PINS))


INSTALLERS = (Installer("uv", COLD_UV, WARM_UV), Installer("pip", COLD_PIP, WARM_PIP))


@dataclass(frozen=True, slots=True)
class Client:
    """An installer, and the index that it uses."""

    installer: Installer
    environment: Mapping[str, str]
    folder: Path

    async def cold(self) -> float:
        """Return the seconds that the command takes with an empty cache."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return await self.warm()

    async def warm(self) -> float:
        """Return the seconds that it takes with the cache of the last time."""
        output = self.folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        command = self.installer.command(output)
        began = time.perf_counter()
        done = await run_command(*command, environment=self.environment, seconds=_SECONDS)
        took = time.perf_counter() - began
        if done.code != 0:
            raise RuntimeError(f"{self.installer.name} failed. Run it by hand: `{PINS.name}`.")
        return took

    @property
    def has_stored(self) -> bool:
        """Return whether the client has put anything into its cache."""
        return (self.folder / "cache").exists()


async def measure(run: Run) -> AsyncIterator[Row]:
    """Run both installers, with a cold and a warm cache in each round."""
    pip = settings_of_pip()
    async with running_stageproxy(run) as ours:
        stage = await ours.server.stage(a_wheel(PROJECT, "1.0"))
        for installer in INSTALLERS:
            through = _client(run, installer, "stage", pip, stage.index)
            direct = _client(run, installer, "direct", pip, str(pip.index.simple))
            began = children_seconds()
            cold = await alternate(run.rounds, through.cold, direct.cold)
            row = Row(
                installer.cold, Samples(*cold), _limit(installer, children_seconds() - began, cold)
            )
            yield await explained(row, ours, through.cold)
            warm = cold
            if through.has_stored or direct.has_stored:
                warm = await alternate(run.rounds, through.warm, direct.warm)
            row = Row(installer.warm, Samples(*warm), _caches(installer, through, direct))
            yield await explained(row, ours, through.warm)


def _caches(installer: Installer, *clients: Client) -> str:
    """Return what the client could store."""
    if any(client.has_stored for client in clients):
        return f"{installer.name} has stored what the index allows it to."
    return (
        f"{installer.name} has stored nothing, as the index sends no headers for caches:"
        " these are the numbers of the cold cache."
    )


def _limit(installer: Installer, seconds: float, cold: Sequence[Sequence[float]]) -> str:
    times = [one for side in cold for one in side]
    spent = seconds / len(times)
    return (
        f"{installer.name} itself uses {spent:.1f} s of processor time in the"
        f" {median(times):.1f} s that it takes."
    )


def _client(run: Run, installer: Installer, side: str, pip: PipSettings, index: str) -> Client:
    """Return a client whose index is in its environment: the URL may contain a credential."""
    folder = run.folder / f"{installer.name}-{side}"
    cache = str(folder / "cache")
    authorities = pip.network.authorities
    return Client(
        installer,
        {
            **clean_environment(),
            "PIP_INDEX_URL": index,
            "UV_DEFAULT_INDEX": index,
            "PIP_CACHE_DIR": cache,
            "UV_CACHE_DIR": cache,
            **({"SSL_CERT_FILE": authorities, "PIP_CERT": authorities} if authorities else {}),
        },
        folder,
    )


PART = Part(
    "clients",
    "uv and pip, with the index that pip on this machine uses",
    (COLD_UV, WARM_UV, COLD_PIP, WARM_PIP),
    measure,
)
