"""`stageproxy review`: what is printed, and how the command ends."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.review.completeness import Completeness
from stageproxy.core.review.delta.delta import ArtifactDelta
from stageproxy.core.review.document import as_document
from stageproxy.core.review.review import ReviewProgress, ReviewState
from stageproxy.core.rules.findings import Level
from tests.support.builders.reviews import (
    HASHES,
    LOST_MUSL,
    NOTE,
    REFUSED,
    SDIST,
    WHEEL,
    a_review,
    an_impact,
    unfinished,
)
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.review_server import STAGE_ID, ReviewServer, running_review_server

ESCAPE = "\x1b"
WARNING = replace(REFUSED, level=Level.WARN)


@pytest.fixture
def server() -> Iterator[ReviewServer]:
    """Return a server with the review of one stage."""
    with running_review_server() as server:
        yield server


def lines_of(server: ReviewServer, cli: CommandRunner, *options: str) -> list[str]:
    """Return the lines that the command prints without a token, whatever its exit code is."""
    ended = cli.run_in_environment({}, "review", server.stage_url, *options)
    return [line.rstrip() for line in ended.stdout.splitlines()]


def section(lines: list[str], heading: str) -> list[str]:
    """Return the lines below a heading, up to the next empty line."""
    below = lines[[one.startswith(heading) for one in lines].index(True) + 1 :]
    return below[: below.index("")] if "" in below else below


@pytest.mark.parametrize(
    ("findings", "code"),
    [((NOTE,), 0), ((LOST_MUSL, NOTE), 1), ((REFUSED,), 1)],
    ids=["a note", "users lose something", "refused"],
)
def test_exit_code(
    offline: CommandRunner, server: ReviewServer, findings: tuple[Any, ...], code: int
) -> None:
    """The exit code is 1 if PyPI would refuse something, or users would lose something."""
    server.answer_with(a_review(*findings))

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert (ended.code, ended.stderr) == (code, "")


@pytest.mark.parametrize(
    ("findings", "decision"),
    [
        ((), "Nothing was found that speaks against publishing it."),
        ((LOST_MUSL,), "Users would lose or risk something: 1 finding."),
        (
            (WARNING,),
            "Nothing was found that speaks against publishing it. 1 warning to acknowledge.",
        ),
        (
            (REFUSED, LOST_MUSL),
            "PyPI would refuse it: 1 reason, and 1 finding to decide about.",
        ),
    ],
    ids=["nothing", "loud", "a warning", "refused"],
)
def test_decision(
    offline: CommandRunner, server: ReviewServer, findings: tuple[Any, ...], decision: str
) -> None:
    """The first lines say what it is, what stands against it, and which files it has."""
    server.answer_with(a_review(*findings))

    assert lines_of(server, offline)[:3] == [
        f"demo 2.0: {decision}",
        "  2 files, compared with 1.9 (final)",
        f"  Manifest  {a_review().manifest_digest}",
    ]


def test_what_was_not_compared_is_no_clean_bill(
    offline: CommandRunner, server: ReviewServer
) -> None:
    """Where nothing was found because nothing was compared, the first line says so.

    The page did, and the command said that nothing was found.
    """
    failed = replace(a_review(), progress=ReviewProgress(ReviewState.FAILED))
    server.answer_with(failed)

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert ended.stdout.splitlines()[0] == (
        "demo 2.0: Nothing speaks against it, but the contents could not be compared."
    )


def test_findings_with_advice(offline: CommandRunner, server: ReviewServer) -> None:
    """Findings are listed by their severity, each with its files, its place and what to do."""
    server.answer_with(a_review(LOST_MUSL, NOTE))

    lines = lines_of(server, offline)

    assert section(lines, "Decide about this") == [
        f"  {LOST_MUSL.message}",
        f"    {LOST_MUSL.advice}",
    ]
    assert section(lines, "Good to know") == [
        "  METADATA:7: There is no License-Expression.",
        "    Add one.",
        f"    In {WHEEL}, {SDIST}",
    ]


def test_matrix(offline: CommandRunner, server: ReviewServer) -> None:
    """The matrix of platforms and Pythons fits into 80 columns, and its marks are explained."""
    server.answer_with(a_review())

    shown = section(lines_of(server, offline), "What users get")

    rows = [" ".join(one.split()) for one in shown]
    assert rows[0] == "3.9 3.10 3.11 3.12 3.13 3.14 3.15"
    assert rows[3] == "musllinux x86_64 ok ok ok ok BUILD ok ok"
    assert rows[9] == "3.14t pp3.11"
    assert rows[12] == "musllinux x86_64 ok ."
    assert max(map(len, shown)) <= 80
    assert shown[18:] == [
        "  BUILD falls back to a build from source",
        "  ok    gets a wheel, as of the release before",
        "  .     has no file, today or afterwards",
    ]


def test_moments(offline: CommandRunner, server: ReviewServer) -> None:
    """What users get while the release is published is shown step by step."""
    server.answer_with(a_review())

    assert section(lines_of(server, offline), "While it is published") == [
        "   1. after the first wheel: 8 targets get it, 4 stay on an older version, 2 build from source",  # noqa: E501
        "      from source then: cp313-musllinux_x86_64, cp313-musllinux_aarch64",
        "   2. after the sdist: 64 targets get it",
    ]


def test_not_the_latest(offline: CommandRunner, server: ReviewServer) -> None:
    """Of a release that is older than another one, it is said which one installers choose."""
    impact = replace(an_impact(), is_latest=False, newer="3.0")
    server.answer_with(a_review(impact=impact))

    assert "  Installers choose 3.0 by themselves." in lines_of(server, offline)


def test_completeness(offline: CommandRunner, server: ReviewServer) -> None:
    """What is missing of what is expected is named, and so is what nobody expects."""
    server.answer_with(a_review())

    assert section(lines_of(server, offline), "Completeness") == [
        "  1 of 2 expectations are met.",
        "  missing  cp313-musllinux_x86_64  (the last release has it)",
        "  not expected  demo-2.0-py2-none-any.whl",
    ]


CHANGES = [
    "  ~ License-Expression: MIT -> Apache-2.0",
    "  ~ Requires-Dist: idna>=3 -> idna>=4  (tightened)",
    "  + Requires-Dist: six  (added, extra all)",
    "  + entry-point demo: demo.cli:main",
    "  ~ demo.core can use nothing -> network  (demo/core.py:12)",
    f"  ~ {SDIST}  1.0 MB -> 1.2 MB (+20 %)",
    "      + demo/new.py  100 B",
    "      ~ demo/core.py  20 B -> 25 B (+25 %)",
    "      and 3 more files that differ",
    f"  + {WHEEL}  900 B  not compared: there is no counterpart",
]


def test_changes(offline: CommandRunner, server: ReviewServer) -> None:
    """Changes of metadata, requirements, names, capabilities and artifacts are listed."""
    server.answer_with(a_review())

    lines = lines_of(server, offline)

    assert "Changes since demo 1.9 (final)  1.0 MB -> 1.2 MB (+20 %)" in lines
    assert section(lines, "Changes since") == CHANGES


def test_diff(offline: CommandRunner, server: ReviewServer) -> None:
    """With `--diff`, the differences of text files follow, with folded lines counted."""
    server.answer_with(a_review())

    shown = section(lines_of(server, offline, "--diff"), "Changes since")

    assert shown == [
        *CHANGES[:8],
        "           … 11 lines that are the same",
        "          -a = 1",
        "          +a = 2",
        *CHANGES[8:],
    ]


def test_repeated_changes(offline: CommandRunner, server: ReviewServer) -> None:
    """What differs as in a file above, and what is listed nowhere, is only counted."""
    (delta,) = a_review().deltas
    artifacts = (delta.artifacts[0], replace(delta.artifacts[1], not_compared="", repeated=7))
    server.answer_with(a_review(deltas=(replace(delta, artifacts=artifacts, omitted=4),)))

    shown = section(lines_of(server, offline), "Changes since")

    assert shown[5] == "  and 4 more changes"
    assert shown[-1] == f"  ~ 1 file differs only as those above do: {WHEEL}"


def test_artifacts_that_are_alike(offline: CommandRunner, server: ReviewServer) -> None:
    """Sixty wheels with the same changes are one line, so that what is found stays in sight."""
    (delta,) = a_review().deltas
    first = replace(delta.artifacts[0], repeated=1)
    alike = [ArtifactDelta(f"demo-2.0-{one}.whl", "demo-1.9.whl", repeated=2) for one in range(60)]
    gone = [ArtifactDelta("", f"demo-1.9-{one}.whl", size_before=1) for one in range(30)]
    artifacts = (*alike[:30], first, *alike[30:], *gone)
    server.answer_with(a_review(deltas=(replace(delta, artifacts=artifacts),)))

    shown = section(lines_of(server, offline), "Changes since")

    assert "      and 1 file that differs as above" in shown
    assert (
        "  ~ 60 files differ only as those above do: demo-2.0-0.whl, demo-2.0-1.whl, "
        "demo-2.0-2.whl and 57 more"
    ) in shown
    assert shown[-1] == "  and 10 more files that it has no longer"
    assert len(shown) < 40


def test_resolution(offline: CommandRunner, server: ReviewServer) -> None:
    """Whether it can be installed today is shown for each Python, and why not."""
    server.answer_with(a_review())

    assert section(lines_of(server, offline), "Installation today") == [
        "  Python 3.12 resolves to 2 releases",
        "  Python 3.9 conflicts: idna>=4 has no release.",
    ]


def test_evidence(offline: CommandRunner, server: ReviewServer) -> None:
    """What others have tried is shown; what was of other files is superseded."""
    server.answer_with(a_review())

    shown = section(lines_of(server, offline), "Evidence")

    assert [one.split()[0] for one in shown] == ["Result", "passed", "superseded"]
    assert "cp313-manylinux_x86_64" in shown[1]


def test_next_step(offline: CommandRunner, server: ReviewServer) -> None:
    """The command that publishes exactly these files is named, or what to do before."""
    digest = a_review().manifest_digest
    publish = f"  stageproxy promote {server.stage_url} --manifest {digest}"
    server.answer_with(a_review(), a_review(evidence=()), a_review(LOST_MUSL))

    tried, untried, loud = (lines_of(server, offline) for _ in range(3))

    assert tried[-1] == untried[-1] == publish
    assert f"  stageproxy try {server.stage_url}" in untried
    assert loud[-1] == f"  stageproxy upload --stage {server.stage_url} FILE…"


def test_empty_stage(offline: CommandRunner, server: ReviewServer) -> None:
    """An empty stage is no failure, and how to fill it is said."""
    empty = {"manifest": "", "impact": None, "completeness": None, "evidence": ()}
    server.answer_with(a_review(**empty))

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert ended.code == 0
    assert ended.stdout.startswith("demo 2.0: The stage is empty.\n")
    assert ended.stdout.endswith(f"  stageproxy upload --stage {server.stage_url} FILE…\n")


def test_json(offline: CommandRunner, server: ReviewServer) -> None:
    """With `--json`, the document of the server is printed as it is, with the same exit code."""
    server.answer_with(a_review(LOST_MUSL))

    ended = offline.run_in_environment({}, "review", server.stage_url, "--json")

    assert (ended.code, ended.stderr) == (1, "")
    assert ended.document == as_document(a_review(LOST_MUSL))


def test_waiting(offline: CommandRunner, server: ReviewServer) -> None:
    """The command waits for the comparison, and prints a line for each step of it."""
    server.answer_with(
        unfinished(ReviewState.WAITING),
        unfinished(ReviewState.RUNNING, 1, 3, SDIST),
        a_review(),
    )

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert ended.stderr.splitlines() == [
        "0 of 3: Waiting for its turn.",
        f"1 of 3: {SDIST}",
    ]
    assert "Changes since demo 1.9" in ended.stdout


def test_no_wait(offline: CommandRunner, server: ReviewServer) -> None:
    """With `--no-wait`, what is there is printed, and that something is missing."""
    server.answer_with(unfinished(ReviewState.RUNNING))

    ended = offline.run_in_environment({}, "review", server.stage_url, "--no-wait")

    assert (ended.code, ended.stderr) == (0, "")
    assert "  The contents are still being compared.\n" in ended.stdout


def test_timeout(offline: CommandRunner, server: ReviewServer) -> None:
    """A comparison that takes too long ends the command with what is there, and exit code 1."""
    server.answer_with(unfinished(ReviewState.RUNNING))

    ended = offline.run_in_environment({}, "review", server.stage_url, "--timeout", "0.01s")

    assert ended.code == 1
    assert "--timeout" in ended.stderr
    assert ended.stdout.startswith("demo 2.0: ")


def test_failed_comparison(offline: CommandRunner, server: ReviewServer) -> None:
    """A comparison that failed says why, and is no success."""
    failed = a_review(progress=ReviewProgress(ReviewState.FAILED, now="the disk is full"))
    server.answer_with(failed)

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert ended.code == 1
    assert "  The contents could not be compared: the disk is full\n" in ended.stdout


def test_index_does_not_answer(offline: CommandRunner, server: ReviewServer) -> None:
    """While the index does not answer, the exit code is 3: the impact is unknown."""
    server.answer_with(a_review(impact=None, completeness=None))

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert ended.code == 3
    assert "What users get is unknown" in ended.stdout


def test_by_id(offline: CommandRunner, server: ReviewServer) -> None:
    """A stage that is named by its id is read with the token."""
    server.answer_with(a_review())
    environment = {"STAGEPROXY_SERVER": server.stub.url, "STAGEPROXY_TOKEN": "stgu_x"}

    ended = offline.run_in_environment(environment, "review", STAGE_ID, "--json")

    assert ended.code == 0
    assert server.stub.authorizations == ["Bearer stgu_x"]


def test_hostile_texts(offline: CommandRunner, server: ReviewServer) -> None:
    """No text of a release can steer the terminal or hide other lines."""
    evil = "\x1b[2J\u202eevil\r\x07"
    server.answer_with(a_review(replace(LOST_MUSL, message=evil, place=evil, advice=evil)))

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert all(one.isprintable() for one in ended.stdout.splitlines())
    assert "?[2J?evil??" in ended.stdout


def test_another_version(offline: CommandRunner, server: ReviewServer) -> None:
    """A review that this version does not know is an error that says what to do."""
    document: Any = as_document(a_review())
    document["progress"]["state"] = "pondering"
    server.stub.answers["/tmp/demo/token/+review"] = document

    ended = offline.run_in_environment({}, "review", server.stage_url)

    assert (ended.code, ended.stdout) == (1, "")
    assert "Install the same version" in ended.stderr


def test_colors_on_a_terminal(offline: CommandRunner, server: ReviewServer) -> None:
    """On a terminal the text is styled."""
    server.answer_with(a_review(LOST_MUSL))

    code, shown = replace(offline, url=server.stub.url).run_in_terminal(
        "", "review", server.stage_url
    )

    assert code == 1
    assert f"{ESCAPE}[1;31m" in shown


def a_log(**changes: str) -> str:
    """Return the output of a build, with other hashes for some files."""
    lines = (f"{sha256}  dist/{name}" for name, sha256 in {**HASHES, **changes}.items())
    return "\n".join(["2026-11-30T12:00:00Z Run sha256sum", *lines])


def test_hashes(offline: CommandRunner, server: ReviewServer, tmp_path: Path) -> None:
    """Each line with a hash is marked, and other hashes than those of the stage are a failure."""
    log = tmp_path / "log.txt"
    log.write_text(a_log(**{SDIST: "c" * 64, "demo-2.0-1.whl": "d" * 64}))
    server.answer_with(a_review())

    ended = offline.run_in_environment({}, "review", server.stage_url, "--hashes", log)

    assert ended.code == 1
    shown = section([one.rstrip() for one in ended.stdout.splitlines()], "Hashes of the build")
    assert [one[:14].strip() for one in shown[:3]] == ["same", "DIFFERENT", "not staged"]
    assert shown[4].startswith(f"  {SDIST} has sha256 {HASHES[SDIST]} in the stage, but ")


def test_same_hashes(offline: CommandRunner, server: ReviewServer, tmp_path: Path) -> None:
    """If every file has the hash of the build, that is said, and the command succeeds."""
    log = tmp_path / "log.txt"
    log.write_text(a_log())
    server.answer_with(a_review())

    ended = offline.run_in_environment({}, "review", server.stage_url, "--hashes", log)

    assert ended.code == 0
    assert "  Every file of the stage has the hash of the build.\n" in ended.stdout


@pytest.mark.parametrize("option", ["--diff", "--hashes=FILE"])
def test_json_alone(offline: CommandRunner, tmp_path: Path, option: str) -> None:
    """`--json` prints the whole review, so that options of what is shown contradict it."""
    file = tmp_path / "log.txt"
    file.write_text(json.dumps({}))

    ended = offline.run("review", "demo", "--json", option.replace("FILE", str(file)))

    assert ended.code == 2


def test_nothing_is_expected(offline: CommandRunner, server: ReviewServer) -> None:
    """Of a first release nothing is expected, and nothing is said about completeness."""
    server.answer_with(a_review(completeness=Completeness()))

    assert "Completeness" not in lines_of(server, offline)
