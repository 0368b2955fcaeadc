"""The recorded answers of PyPI's own software to uploads, compared with this service's."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import FORM, body_of
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import NOON
from tests.support.servers.processes import ROOT
from tests.support.servers.service import RunningService, basic, running_service
from tests.support.uploads.cases import BY_ID, CASES, built, is_as_on_pypi, parts_of

UPLOADS = [case for case in CASES if case["kind"] == "upload" and case["parity"] == "must-match"]
FAILURES = [case for case in CASES if case["parity"] == "upstream-bug"]
SCRIPTS = [case for case in CASES if case["kind"] == "entry-point-name"]
DIFFERENCES = dict(
    re.findall(
        r"^\| `([\w.-]+)` \| [^|]+ \| (\d+[^|]*) \|",
        (ROOT / "docs" / "reference" / "verdict.md").read_text(),
        re.MULTILINE,
    )
)
"""The cases with another answer on purpose, and that answer."""

CREDENTIALS: Mapping[str, str] = {
    "main": "Basic",
    "bearer:main": "Bearer {}",
    "token:main": "token {}",
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "upload": {"replace": False, "max_file_size": 100 * 2**20},
    "stage": {"max_per_project": 1000},
    "upstream": {"fresh_for": 0},
}


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service with PyPI's limits: nothing is replaced, files end at 100 MB."""
    index.add("conf-proj")
    upload, stage, upstream = SETTINGS["upload"], SETTINGS["stage"], SETTINGS["upstream"]
    async with running_service(
        tmp_path / "data", index, upload=upload, stage=stage, upstream=upstream
    ) as running:
        yield running


def put_on_index(index: FakeIndex, case: Mapping[str, Any]) -> None:
    """Put on the index what was there when PyPI was asked."""
    age = {"seq1": timedelta(), "release created 15 days ago": timedelta(days=15)}
    condition = case.get("precondition")
    if condition is None:
        return
    first = BY_ID["seq1-first-sdist" if condition == "seq1" else "seq13-base"]
    uploaded = (NOON - age[condition]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    index.add("conf-proj", built(first), extra_file_keys={"upload-time": uploaded})


async def answer_to(service: RunningService, case: Mapping[str, Any]) -> Answer:
    """Return the service's answer to a case."""
    request = case["request"]
    headers = {"Content-Type": FORM, **request["headers"]}
    scheme = CREDENTIALS.get(request["auth"])
    if scheme is not None:
        token = service.admin
        headers["Authorization"] = basic(token) if scheme == "Basic" else scheme.format(token)
    return await service.send("POST", request["path"], headers, data=body_of(parts_of(case)))


@pytest.mark.parametrize("case", UPLOADS, ids=[case["id"] for case in UPLOADS])
async def test_upload(service: RunningService, case: Mapping[str, Any]) -> None:
    """Each upload gets PyPI's answer, or the different one that the docs explain."""
    put_on_index(service.index, case)

    answer = await answer_to(service, case)

    received = f"{answer.status} {answer.reason}"
    assert is_as_on_pypi(answer, case) != (case["id"] in DIFFERENCES), received
    assert received.startswith(DIFFERENCES.get(case["id"], received))


@pytest.mark.parametrize("case", FAILURES, ids=[case["id"] for case in FAILURES])
async def test_where_pypi_fails(service: RunningService, case: Mapping[str, Any]) -> None:
    """An upload that PyPI answers with broken headers, or not at all, is a 400 in one line."""
    answer = await answer_to(service, case)

    sentence = {"fn-too-long-300": "^400 Filename is too long: 'conf_proj-252.0-py3-none-many"}
    expected = case.get("expected_text_regex") or sentence[case["id"]]
    assert re.search(expected, f"{answer.status} {answer.reason}")


@pytest.mark.parametrize("case", SCRIPTS, ids=[case["id"] for case in SCRIPTS])
async def test_name_of_a_script(service: RunningService, case: Mapping[str, Any]) -> None:
    """A script name is accepted if PyPI accepts it."""
    entry_points = f"[console_scripts]\n{case['value']} = conf_pkg:main\n".encode()
    wheel = a_wheel("conf-proj", extra={"conf_proj-1.0.dist-info/entry_points.txt": entry_points})

    answer = await service.upload(wheel)

    assert (answer.status, bool(re.search(case.get("expected_text_regex", ""), answer.text))) == (
        case["expected_status"],
        True,
    )


def test_differences_are_of_cases() -> None:
    """Each difference in the docs is of a recorded case."""
    assert set(DIFFERENCES) <= {case["id"] for case in UPLOADS}
