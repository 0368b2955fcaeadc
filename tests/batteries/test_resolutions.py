"""Resolutions beside those of uv: real projects on the index that pip on this machine uses."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from stageproxy.config import Config
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.server.clock import SystemClock
from stageproxy.server.indexes import indexes_of, upstream_of
from stageproxy.server.reviews import baseline_downloads_of
from stageproxy.services.review.counterparts import Counterparts
from stageproxy.services.review.resolver import ReleaseResolver
from stageproxy.upstream.session import Timeouts, open_session
from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.clients.clients import UV
from tests.support.ports.fake_derived import FakeDerived
from tests.support.ports.in_process_inspector import InProcessInspector

PYTHONS = ("3.11", "3.13")
WISHES = (
    ("requests",),
    ("httpx[http2]",),
    ("flask",),
    ("django",),
    ("fastapi",),
    ("pandas",),
    ("black",),
    ("pytest",),
    ("sphinx",),
    ("boto3",),
    ("scikit-learn",),
    ("jupyterlab",),
    ("urllib3<2", "requests"),
)
CONFLICT = ("requests==2.32.3", "urllib3==1.20")
"""Requests 2.32.3 requires urllib3>=1.21.1."""


@asynccontextmanager
async def opened_resolver() -> AsyncIterator[ReleaseResolver]:
    """Return a resolver over the index that pip uses here."""
    config = Config()
    upstream = await asyncio.to_thread(upstream_of, config)
    patience = Timeouts(config.upstream.connect_timeout, config.upstream.read_timeout)
    tls = upstream.network.tls_context(os.environ)
    async with open_session(patience, upstream.network, tls=tls) as session:
        indexes = indexes_of(config, upstream, session, SystemClock(), lambda *_: None)
        downloads = baseline_downloads_of(config, session, upstream.index, indexes.circuits)
        counterparts = Counterparts(downloads, FakeDerived(), 2**26)
        yield ReleaseResolver(indexes.previewed, downloads, counterparts, InProcessInspector())


async def resolved(
    resolver: ReleaseResolver, wishes: Sequence[str], python: str
) -> tuple[Resolution, set[str]]:
    """Return the resolution of a release with these requirements, and what it chooses beside it."""
    artifact = replace(an_artifact(), requires_dist=tuple(wishes))
    stage = replace(a_stage(), version="2.0", artifacts=(artifact,))
    found = await resolver.resolve(stage, python, resolver.knowledge())
    return found, {one for one in found.chosen if not one.startswith("demo==")}


async def chosen_by_uv(wishes: Sequence[str], python: str) -> set[str]:
    """Return what uv chooses for the same requirements."""
    options = ("--python-version", python, "--python-platform", "x86_64-unknown-linux-gnu")
    command = (str(UV), "pip", "compile", "-", *options, "--no-header", "--no-annotate", "--quiet")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate("\n".join(wishes).encode())
    assert process.returncode == 0
    lines = (one.partition(" ;")[0].strip() for one in output.decode().splitlines())
    return {one for one in lines if "==" in one}


async def differences(cases: Sequence[tuple[Sequence[str], str, str]]) -> list[str]:
    """Return where a resolution is not uv's: of requirements, for our Python and for uv's."""
    found: list[str] = []
    async with opened_resolver() as resolver:
        for wishes, python, pythons_of_uv in cases:
            resolution, ours = await resolved(resolver, wishes, python)
            # Without a patch, uv takes the first of a Python, and few people have that.
            theirs = await chosen_by_uv(wishes, f"{pythons_of_uv}.99")
            if ours != theirs:
                only = f"only here {sorted(ours - theirs)}, only in uv's {sorted(theirs - ours)}"
                found.append(f"{wishes}, Python {python}: {only}. {resolution.reason}")
    return found


@pytest.mark.battery
@pytest.mark.network
@pytest.mark.timeout(1200)
async def test_as_uv_resolves() -> None:
    """For real projects and two Pythons, a review resolves what `uv pip compile` resolves."""
    cases = [(wishes, python, python) for wishes in WISHES for python in PYTHONS]
    counts = {"projects": len(WISHES), "resolutions": len(cases)}

    BatteryReport("resolutions", SEED, counts, await differences(cases)).check()


@pytest.mark.battery
@pytest.mark.network
@pytest.mark.timeout(600)
async def test_planted_python() -> None:
    """A resolver that judges markers for another Python is found out."""
    cases = [(("pytest", "black"), "3.10", "3.13")]
    found = await differences(cases)

    BatteryReport("resolutions", SEED, {"resolutions": 1}, found, planted="another Python").check()


@pytest.mark.battery
@pytest.mark.network
@pytest.mark.timeout(600)
async def test_planted_conflict() -> None:
    """A conflict between real releases is found, and names both requirements."""
    async with opened_resolver() as resolver:
        found, _ = await resolved(resolver, CONFLICT, "3.12")

    assert found.outcome is Outcome.CONFLICT
    assert "requires urllib3==1.20" in found.reason
    assert "requests==2.32.3 requires urllib3<3,>=1.21.1" in found.reason
