"""Ordinary releases of popular projects: a review must not cry wolf."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from stageproxy.core.rules.findings import Level
from stageproxy.ports import ReviewedFile
from stageproxy.store.review_inspection import ReviewInspection
from stageproxy.upstream.pip_index import settings_of_pip
from tests.batteries.report import SEED, BatteryReport
from tests.core.review.supply_chain.test_planted_changes import PLANTED
from tests.support.servers.processes import ROOT

RECORDED = ROOT / "tests" / "data" / "ordinary_upgrades.json"
"""Artifacts of releases in a row, as they were on PyPI in November 2026, and what is loud."""

UPGRADES: Sequence[Mapping[str, str | list[str]]] = json.loads(RECORDED.read_text())
MOST_LOUD = 2
FEWEST_PROJECTS = 50
FOUND_IN_THE_DELTA = "entry-point-changed"
BATTERY = "ordinary upgrades"
JSON_PAGE = {"Accept": "application/vnd.pypi.simple.v1+json"}


@dataclass(slots=True)
class Reviewed:
    """The loud findings on pairs of artifacts, by the name of the newer one."""

    loud: list[tuple[str, list[str]]]

    def report(self, planted: str = "") -> BatteryReport:
        """Return the report: which findings are too many."""
        found = [f"{name}: {code}" for name, codes in self.loud for code in codes]
        counts = {"pairs": len(self.loud), "loud findings": len(found)}
        violations = found if len(found) > MOST_LOUD else []
        return BatteryReport(BATTERY, SEED, counts, violations, planted)


async def reviewed(
    pairs: AsyncIterator[tuple[ReviewedFile, ReviewedFile]],
) -> Reviewed:
    """Review each pair as a server does, and delete its files."""
    loud: list[tuple[str, list[str]]] = []
    with ReviewInspection() as inspection:
        async for after, before in pairs:
            review = await inspection.review(after, before, "battery")
            assert not review.delta.not_compared, review.delta
            codes = [one.code for one in review.findings if _is_loud(one.level)]
            loud.append((after.filename, codes))
            for one in (after, before):
                one.path.unlink()
    return Reviewed(loud)


def _is_loud(level: Level) -> bool:
    return level in {Level.WARN, Level.REFUSE}


async def _downloaded(folder: Path) -> AsyncIterator[tuple[ReviewedFile, ReviewedFile]]:
    """Download the recorded artifacts from the index of pip, pair by pair."""
    async with ClientSession() as session:
        for upgrade in UPGRADES:
            page = settings_of_pip().index.simple / str(upgrade["project"]) / ""
            async with session.get(page, headers=JSON_PAGE) as answer:
                listed = await answer.json(content_type=None)
            urls = {one["filename"]: page.join(URL(one["url"])) for one in listed["files"]}
            pair = [
                await _download(session, urls[name], folder / name)
                for name in (str(upgrade["after"]), str(upgrade["before"]))
            ]
            yield pair[0], pair[1]


async def _download(session: ClientSession, url: URL, path: Path) -> ReviewedFile:
    async with session.get(url) as answer:
        answer.raise_for_status()
        await asyncio.to_thread(path.write_bytes, await answer.read())
    return ReviewedFile(path, path.name)


async def _planted(folder: Path) -> AsyncIterator[tuple[ReviewedFile, ReviewedFile]]:
    for after, before, code, _ in PLANTED.values():
        if code == FOUND_IN_THE_DELTA:
            continue
        pair = []
        for one in (after, before):
            path = folder / one.sha256
            path.write_bytes(one.content)
            pair.append(ReviewedFile(path, one.filename))
        yield pair[0], pair[1]


@pytest.mark.battery
async def test_real_upgrades(tmp_path: Path) -> None:
    """At most two findings are loud in at least fifty ordinary upgrades, and those recorded."""
    found = await reviewed(_downloaded(tmp_path))

    found.report().check()
    assert found.loud == _recorded()


def test_recorded_upgrades() -> None:
    """The recorded upgrades are of at least fifty projects, with at most two loud findings."""
    projects = {one["project"] for one in UPGRADES}

    assert len(projects) >= FEWEST_PROJECTS
    Reviewed(_recorded()).report().check()


@pytest.mark.journey
async def test_planted_upgrades(tmp_path: Path) -> None:
    """The battery fails if upgrades have what a reviewer must not miss."""
    found = await reviewed(_planted(tmp_path))

    assert [codes for _, codes in found.loud if not codes] == []
    found.report(planted="changes that a reviewer must not miss").check()


def _recorded() -> list[tuple[str, list[str]]]:
    return [(str(one["after"]), list(one["loud"])) for one in UPGRADES]
