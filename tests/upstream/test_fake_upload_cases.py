"""Uploads to the fake index, compared with recorded answers of PyPI's own software."""

import re
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from tests.support.builders.forms import FORM, body_of
from tests.support.clients.http import Answer, send
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import NOON
from tests.support.servers.service import basic
from tests.support.uploads.cases import BY_ID, CASES, Case, built, is_as_on_pypi, parts_of
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

KNOWN_GROUPS = {"state", "digest", "ok", "auth", "attestations", "form"}
NOT_LOOKED_AT = {
    # Contents of archives, and filenames of sdists.
    "seq8-zip-sdist-fresh",
    "seq9-sdist-no-pkg-info",
    "seq25-new-project-failing-file",
    # How long values are displayed, and requests without a form.
    "name-non-ascii",
    "name-long-reason-truncated",
    "field-as-file",
}
KNOWN_STATES = {
    "seq11-deleted-filename-reuse",
    "seq12-deleted-filename-reuse-same-bytes",
    "seq17-archived-project",
    "seq18-quarantined-project",
}
KNOWN = [
    case
    for case in CASES
    if case["id"] in KNOWN_STATES
    or (
        case["kind"] == "upload"
        and case["parity"] == "must-match"
        and case["group"] in KNOWN_GROUPS
        and case["id"] not in NOT_LOOKED_AT
    )
]
CREDENTIALS = {
    "main": basic(UPLOAD_TOKEN),
    "bearer:main": f"Bearer {UPLOAD_TOKEN}",
    "token:main": f"token {UPLOAD_TOKEN}",
}
AGES = {"seq1": timedelta(), "release created 15 days ago": timedelta(days=15)}


def put_on(index: FakeIndex, case: Case) -> None:
    """Set up the index as PyPI was when the case was recorded."""
    index.add("arch-proj", status="archived")
    index.add("quar-proj", status="quarantined")
    index.add("conf-proj")
    condition = case.get("precondition")
    if condition in AGES:
        first = BY_ID["seq1-first-sdist" if condition == "seq1" else "seq13-base"]
        index.add("conf-proj", built(first), uploaded_at=NOON - AGES[condition])
    elif condition and "deleted" in condition:
        index.uploads.burned = {built(case).filename}


async def answer_to(index: FakeIndex, case: Case) -> Answer:
    """Return the answer of the index to a case."""
    request = case["request"]
    headers = {"Content-Type": FORM, **request["headers"]}
    if request["auth"] in CREDENTIALS:
        headers["Authorization"] = CREDENTIALS[request["auth"]]
    url = index.url + request["path"]
    async with ClientSession(skip_auto_headers=("Accept",)) as session:
        return await send(session, request["method"], url, headers, data=body_of(parts_of(case)))


@pytest.mark.parametrize("case", KNOWN, ids=[case["id"] for case in KNOWN])
async def test_upload(index: FakeIndex, case: Case) -> None:
    """The fake index returns the recorded answer in the cases that it covers."""
    put_on(index, case)

    answer = await answer_to(index, case)

    assert is_as_on_pypi(answer, case), f"{answer.status} {answer.reason}"


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        (None, "text/plain; charset=UTF-8", r"^400 Include|^400 Error: Include"),
        ("*/*", "text/html; charset=UTF-8", "<title>400 Error: Include at least one"),
        ("application/json", "application/json", '"code": "400 Error: Include at least one'),
    ],
    ids=["no Accept", "any", "JSON"],
)
async def test_three_shapes_of_a_refusal(
    index: FakeIndex, accept: str | None, content_type: str, body: str
) -> None:
    """A refusal is in the status line and in the body, in the type that the client accepts."""
    case = {**BY_ID["seq1-first-sdist"], "form": [["name", "demo"], ["filetype", "sdist"]]}
    case["request"] = {**case["request"], "headers": {"Accept": accept} if accept else {}}

    answer = await answer_to(index, case)

    assert (answer.status, answer.headers["Content-Type"]) == (400, content_type)
    assert answer.reason.startswith("Error: Include at least one message digest")
    assert re.search(body, answer.text)


async def test_success_is_thirteen_bytes(index: FakeIndex) -> None:
    """An accepted file is answered with PyPI's bytes."""
    answer = await answer_to(index, BY_ID["seq1-first-sdist"])

    assert (answer.status, answer.body) == (200, b"200 OK\n\n\n\n\n\n\n")


async def test_without_slash(index: FakeIndex) -> None:
    """An upload to `/legacy` is redirected with a sentence, and not accepted."""
    case = BY_ID["seq1-first-sdist"]
    answer = await answer_to(index, {**case, "request": {**case["request"], "path": "/legacy"}})

    assert (answer.status, answer.headers["Location"]) == (308, f"{index.url}/legacy/")
    assert index.uploads.history.attempts == []
