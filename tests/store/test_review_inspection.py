"""Artifacts that are read for a review, in processes of their own."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.review.findings import Section
from stageproxy.core.rules.findings import Level
from stageproxy.ports import ReviewedFile, ReviewInspector
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from stageproxy.store.review_inspection import REVIEW_LIMITS, ReviewInspection
from stageproxy.web.metrics import Metrics
from tests.support.builders.archives import gzip_of, zip_of
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.reviewed import PLAIN
from tests.support.servers.inspection_processes import inspection_processes

SMALL = replace(REVIEW_LIMITS, at_once=1)
ASKER = "stage"
BEFORE = a_wheel(version="1.0", modules=PLAIN)
CODE = "import os, base64\nexec(base64.b64decode('eA=='))\nos.system('id')\n"
AFTER = a_wheel(
    version="1.1",
    modules={**PLAIN, "demo/core.py": CODE},
    extra={"demo_boot.pth": b"import demo\n"},
    requires_dist=["attrs>=23"],
)


@pytest.fixture
def inspection() -> Iterator[ReviewInspection]:
    """Return a review inspection with one process."""
    with ReviewInspection(SMALL) as inspection:
        yield inspection


def saved(folder: Path, distribution: Distribution) -> ReviewedFile:
    """Write a file under its digest, as in the data directory."""
    path = folder / distribution.sha256
    path.write_bytes(distribution.content)
    return ReviewedFile(path, distribution.filename)


def never_ending(folder: Path) -> ReviewedFile:
    """Return a pipe without a writer, which is never read to its end."""
    path = folder / "pipe"
    os.mkfifo(path)
    return ReviewedFile(path, AFTER.filename)


async def test_review_of_two_wheels(inspection: ReviewInspection, tmp_path: Path) -> None:
    """One question answers what differs, with diffs, capabilities and findings."""
    review = await inspection.review(saved(tmp_path, AFTER), saved(tmp_path, BEFORE), ASKER)

    members = {one.path: one for one in review.delta.members}
    assert (review.delta.filename, review.delta.before) == (AFTER.filename, BEFORE.filename)
    assert "+" in {line.sign for line in members["demo/core.py"].diff}
    assert [one.name for one in review.requirements] == ["attrs"]
    [capability] = review.capabilities
    assert (capability.module, capability.before) == ("demo/core.py", ())
    assert {"code", "process"} <= set(capability.after)
    loud = {one.code for one in review.findings if one.level is Level.WARN}
    assert {"decoded-code", "pth-code"} <= loud


async def test_review_of_a_first_wheel(inspection: ReviewInspection, tmp_path: Path) -> None:
    """Without a counterpart nothing is compared, but what is loud anywhere is found."""
    review = await inspection.review(saved(tmp_path, AFTER), None, ASKER)

    assert (review.delta.before, review.delta.members) == ("", ())
    assert {"decoded-code", "pth-code"} <= {one.code for one in review.findings}


async def test_parity(inspection: ReviewInspection, tmp_path: Path) -> None:
    """The files of a wheel are compared with those of the sdist."""
    sdist = an_sdist(version="1.1", modules=PLAIN)
    wheel = a_wheel(version="1.1", modules={**PLAIN, "demo/extra.py": "x = 1\n"})

    [finding] = await inspection.parity(saved(tmp_path, wheel), saved(tmp_path, sdist), ASKER)

    assert (finding.code, finding.section) == ("not-in-sdist", Section.PARITY)


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("demo-1.1-py3-none-any.whl", b"no zip"),
        ("demo-1.1-py3-none-any.whl", AFTER.content[:-30]),
        ("demo-1.1-py3-none-any.whl", zip_of([("demo/zeros", bytes(200 * 2**20))])),
        ("demo-1.1.tar.gz", an_sdist(version="1.1").content[:-40]),
        ("demo-1.1.tar.gz", gzip_of(b"x" * 5000)),
        ("demo-1.1.tar.bz2", b"BZh"),
    ],
    ids=["no zip", "a cut wheel", "a bomb", "a cut sdist", "no tar", "another kind"],
)
async def test_hostile_archive(
    inspection: ReviewInspection, tmp_path: Path, filename: str, content: bytes
) -> None:
    """An archive that cannot be read is not compared, and why is said; nothing looks removed."""
    after = saved(tmp_path, Distribution(filename, content))

    review = await inspection.review(after, saved(tmp_path, BEFORE), ASKER)

    assert review.delta.not_compared
    assert review.delta.members == ()


@pytest.mark.parametrize(
    "source",
    ["(" * 50_000, "x = " + "-" * 100_000 + "1\n", "f(" * 3000 + ")" * 3000, "x = 1\n" * 120_000],
    ids=["parentheses", "signs", "calls", "a long module"],
)
async def test_hostile_module(inspection: ReviewInspection, tmp_path: Path, source: str) -> None:
    """A module that cannot be parsed is no reason to know nothing: it is named."""
    after = a_wheel(version="1.1", modules={**PLAIN, "demo/deep.py": source})

    review = await inspection.review(saved(tmp_path, after), saved(tmp_path, BEFORE), ASKER)

    assert [one.path for one in review.delta.members if one.path == "demo/deep.py"]
    unknown = {one.code for one in review.findings if one.level is Level.UNKNOWN}
    assert unknown & {"module-not-read", "not-reviewed"}


async def test_archive_that_takes_too_long(tmp_path: Path) -> None:
    """A question that exceeds its time is answered by what is known: that it does."""
    with ReviewInspection(replace(SMALL, seconds=1)) as inspection:
        review = await inspection.review(never_ending(tmp_path), None, ASKER)

    assert review.delta.not_compared == "It was not read: this takes more than 1 seconds."
    assert [one.code for one in review.findings] == ["not-reviewed"]


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts in the parts of a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts_in(one)


async def test_texts_are_printable(inspection: ReviewInspection, tmp_path: Path) -> None:
    """No text of a review can move the cursor of a terminal, or turn text around."""
    path = "demo/\u202egpj.py"
    after = a_wheel(version="1.1", modules={**PLAIN, path: f"x = '\x1b[2J'\n{CODE}"})

    review = await inspection.review(saved(tmp_path, after), saved(tmp_path, BEFORE), ASKER)

    texts = [*texts_in(asdict(review))]
    assert [one for one in texts if not one.replace("\t", "").isprintable()] == []
    assert review.capabilities[0].module == "demo/\\u202egpj.py"


async def test_uploads_never_wait_for_reviews(tmp_path: Path) -> None:
    """While reviews take all of their places, an upload is read at once, by another process."""
    wheel = saved(tmp_path, AFTER)
    with ReviewInspection(SMALL) as reviews, Inspection(InspectionLimits(at_once=1)) as uploads:
        stuck = asyncio.ensure_future(reviews.review(never_ending(tmp_path), None, ASKER))
        waiting = asyncio.ensure_future(reviews.review(wheel, None, "other stage"))
        await asyncio.sleep(0)

        contents = await uploads.read_contents(
            wheel.path, parse_distribution_name(AFTER.filename), "token"
        )

        assert contents.core_metadata
        assert not stuck.done()
        assert not waiting.done()
        waiting.cancel()
        stuck.cancel()


async def test_reviews_are_counted(tmp_path: Path) -> None:
    """Questions are counted by how they ended, apart from the waiting times of uploads."""
    metrics = Metrics()
    with ReviewInspection(replace(SMALL, seconds=1), count=metrics.count_review) as inspection:
        await inspection.review(saved(tmp_path, AFTER), None, ASKER)
        await inspection.review(never_ending(tmp_path), None, ASKER)

    text = generate_latest(metrics.registry).decode()
    assert 'stageproxy_inspections_total{kind="review",outcome="answered"} 1.0' in text
    assert 'stageproxy_inspections_total{kind="review",outcome="over-limit"} 1.0' in text
    assert "stageproxy_inspection_wait_seconds_count 0.0" in text


async def test_processes_give_way(inspection: ReviewInspection, tmp_path: Path) -> None:
    """The processes of reviews run when nobody else needs the processor."""
    await inspection.review(saved(tmp_path, AFTER), None, ASKER)

    [pid] = inspection_processes(os.getpid())
    assert os.getpriority(os.PRIO_PROCESS, pid) == REVIEW_LIMITS.niceness


def fits_the_port(inspection: ReviewInspection) -> ReviewInspector:
    """Return the inspection as its port, which mypy checks."""
    return inspection


async def test_this_process_opens_no_archive(tmp_path: Path) -> None:
    """Whatever is in an archive reaches a parser in the child process only."""
    files = [saved(tmp_path, one) for one in (AFTER, BEFORE, an_sdist(version="1.1"))]
    opened: list[str] = []
    LISTENERS.append(opened)
    try:
        with ReviewInspection(SMALL) as inspection:
            await inspection.review(files[0], files[1], ASKER)
            await inspection.parity(files[0], files[2], ASKER)
        assert not {str(one.path) for one in files} & set(opened)
        files[0].path.read_bytes()
        assert str(files[0].path) in opened  # it would have been noticed
    finally:
        LISTENERS.remove(opened)


LISTENERS: list[list[str]] = []
"""Lists that get the paths of the files that this process opens."""


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for one in LISTENERS:
            one.append(str(arguments[0]))


sys.addaudithook(_note)
