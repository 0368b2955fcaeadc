"""The laws of stages: what must be true after every step, whatever the step was."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from stageproxy.core.stage.lifetime import as_of
from stageproxy.core.stage.stage import NEXT, Stage, Status
from tests.batteries.stage_model import ModelStage
from tests.batteries.stage_world import NOT_FOUND, PROJECT, World
from tests.support.servers.service import JSON_PAGE
from tests.support.stored_files import stored_file

COUNTED = ("opened", "uploaded", "replaced", "withdrawn", "extended", "rotated", "canceled")
UNKNOWN = "stgv_" + "0" * 38
GONE = 410


async def violations(world: World, *, of_all: bool) -> list[str]:
    """Return a sentence for each law that is broken; *of_all*: also of stages that have ended."""
    found = [one async for one in _of_the_server(world)]
    for stage in world.model.stages.values():
        row = await world.row(stage)
        told = [*_of_the_row(world, stage, row), *_of_the_index(world, stage)]
        if of_all or stage.is_live:
            told += [one async for one in _of_the_preview(world, stage)]
        if of_all:
            told += [one async for one in _of_the_trail(world, stage)]
        found += [f"{stage.id}: {one}" for one in told]
    return found


async def _of_the_server(world: World) -> AsyncIterator[str]:
    twice = _releases_with_two_live_stages(world)
    if twice:
        yield f"There are two live stages of {twice}."
    chain_check = (await world.service.api("GET", "audit/verify")).document
    if not chain_check["ok"]:
        yield f"The audit trail is broken: {chain_check['reason']}"
    for token in (UNKNOWN, *(one.path.split("/")[3] for one in world.model.stages.values())):
        path = f"/tmp/{PROJECT if token == UNKNOWN else 'other'}/{token}/simple/"
        answer = await world.service.get(path)
        if answer.status != NOT_FOUND:
            yield f"An unknown stage URL is answered with {answer.status}."
    if "revoked" in world.tokens:
        answer = await world.service.api("GET", "stages", world.tokens["revoked"])
        if answer.status != 403:
            yield f"A revoked token is answered with {answer.status}."
    for name in sorted(_not_approved(world)):
        yield f"{name} was sent, and nobody had approved it."


def _not_approved(world: World) -> set[str]:
    """Return the files that the index received and that no order named."""
    attempts = world.index.uploads.history.attempts
    whole = {(one.filename or "", one.sha256) for one in attempts if one.sha256}
    approved = chain.from_iterable(one.approved for one in world.model.stages.values())
    return {name for name, _ in whole - set(approved)}


def _releases_with_two_live_stages(world: World) -> list[str]:
    query = """
        SELECT version FROM stage WHERE status IN ('open', 'processing', 'error')
        GROUP BY project, version_key HAVING count(*) > 1
    """
    with closing(sqlite3.connect(world.data / "catalogue.db")) as catalogue:
        return [row[0] for row in catalogue.execute(query)]


def _of_the_row(world: World, stage: ModelStage, row: Stage | None) -> Iterator[str]:
    """Compare a stored stage with the model, and its files on the disk with their digests."""
    if row is None:
        if not world.model.is_over(stage):
            yield "It was forgotten too early."
        return
    yield from _changes(stage, row)
    yield from _differences(world, stage, row)
    if row.expires_at > row.opened_at + max(world.longest, row.lifetime):
        yield "It lives longer than it may."
    if stage.is_live:
        yield from _missing_bytes(world, stage)


def _differences(world: World, stage: ModelStage, row: Stage) -> Iterator[str]:
    files = {one.filename: one.sha256 for one in row.artifacts}
    if files != stage.files:
        yield f"It has {sorted(files)} in place of {sorted(stage.files)}."
    shown = as_of(row, world.model.now)
    if shown.status != stage.status:
        yield f"It is {row.status} in place of {stage.status}."
    # Of a stage that never expires, a sweep ends the uploads whose time is over.
    now = world.model.now
    unfinished = {one.filename for one in shown.uploads if one.as_of(now) is one}
    if stage.is_live and unfinished != stage.uploads.keys():
        yield f"{sorted(unfinished)} are being uploaded in place of {sorted(stage.uploads)}."


def _changes(stage: ModelStage, row: Stage) -> Iterator[str]:
    """Compare a stored stage with what it was after the last step, and remember it."""
    before, stage.seen = stage.seen, row
    if before is None:
        return
    is_changed = (before.artifacts, before.uploads) != (row.artifacts, row.uploads)
    if row.revision < before.revision + is_changed:
        yield f"Its revision went from {before.revision} to {row.revision}."
    if row.status != before.status and row.status not in _reachable(before.status):
        yield f"It went from {before.status} to {row.status}."


def _reachable(status: Status) -> set[Status]:
    """Return the statuses that can follow a status, after any number of steps."""
    found, waiting = set[Status](), {status}
    while waiting:
        one = waiting.pop()
        after = chain.from_iterable(NEXT.get((one, sent), {}).values() for sent in (False, True))
        new = set(after) - found
        found, waiting = found | new, waiting | new
    return found


def _missing_bytes(world: World, stage: ModelStage) -> Iterator[str]:
    sent = (one.sha256 for one in stage.uploads.values() if one.is_sent and not one.has_failed)
    for sha256 in {*stage.files.values(), *sent}:
        path = stored_file(world.data, sha256)
        if not path.exists():
            yield f"{sha256} is not on the disk."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{sha256} is damaged."


async def _of_the_preview(world: World, stage: ModelStage) -> AsyncIterator[str]:
    over = world.model.is_over(stage)
    for path in stage.former_paths:
        status = (await world.service.get(f"{path}simple/")).status
        if status != (NOT_FOUND if over else GONE):
            yield f"Its former URL is answered with {status}."
    # A promotion that hangs reads pages meanwhile, so that more may appear on them.
    listed_before = world.everything_listed()
    answer = await world.service.get(f"{stage.path}simple/{PROJECT}/", JSON_PAGE)
    if over or stage.status == "canceled":
        if answer.status != (NOT_FOUND if over else GONE):
            yield f"Its URL is answered with {answer.status} after its end."
        return
    public = world.everything_public()
    staged = {name: sha256 for name, sha256 in stage.files.items() if stage.status != "published"}
    expected, least = staged | public, staged | listed_before
    listed = _files_on(answer.document) if answer.status == 200 else {}
    if not least.items() <= listed.items() <= expected.items():
        yield f"Its page lists {sorted(listed.items())} in place of {sorted(expected.items())}."
    for path in stage.former_files:
        status = (await world.service.get(stage.path + path)).status
        if status != GONE and path.rpartition("/")[2] not in public:
            yield f"A file that was withdrawn is answered with {status}."


def _files_on(page: Mapping[str, Any]) -> Mapping[str, str]:
    return {one["filename"]: one["hashes"]["sha256"] for one in page["files"]}


def _of_the_index(world: World, stage: ModelStage) -> Iterator[str]:
    """Compare what is public of a release with what was approved."""
    if not stage.approved:
        return
    accepted = world.index.uploads.history.accepted
    twice = [name for name, times in Counter(accepted).items() if times > 1]
    yield from (f"{name} was accepted twice." for name in twice)
    if any(name.endswith(".tar.gz") for name in stage.accepted[:-1]):
        yield "The sdist was not the last file."
    public = world.public(stage.version)
    if stage.status == "published" and not stage.files.items() <= public.items():
        yield f"It is published, and the index has {sorted(public)}."
    if stage.status == "open" and stage.is_sent:
        yield "It is open, and something of it was sent."


async def _of_the_trail(world: World, stage: ModelStage) -> AsyncIterator[str]:
    """Count the events of a stage: one for each change."""
    answer = await world.service.api("GET", f"stages/{stage.id}/audit")
    if answer.status != 200:
        yield f"Its trail is answered with {answer.status}."
        return
    counted = Counter(one["action"] for one in answer.document["events"])
    expected = {name: stage.events[name] for name in COUNTED}
    if {name: counted[name] for name in COUNTED} != expected:
        yield f"Its trail has {dict(counted)}, and {expected} happened."
    if counted["published"] != (stage.status == "published"):
        yield f"It was published {counted['published']} times, and is {stage.status}."
    receipt = await world.service.api("GET", f"stages/{stage.id}/receipt")
    if stage.status == "published" and not world.model.is_over(stage):
        files = {name: one["sha256"] for name, one in json.loads(receipt.body)["files"].items()}
        if files != stage.files:
            yield f"Its receipt names {sorted(files)}."
