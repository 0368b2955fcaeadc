"""Evidence in the API: what was reported of tries of a stage."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from stageproxy.core.review.document import as_document
from stageproxy.core.review.evidence import LONGEST_COMMAND, LONGEST_NAME, Evidence
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import Body, Digest, read_body
from stageproxy.web.documents.session_json import json_response, with_names
from stageproxy.web.keys import ACCESS, EVIDENCE

_LONGEST_SENT_LOG = 32_000
_Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class NewEvidence(Body):
    """The result of a try, and the manifest digest of the files that were tried."""

    manifest_digest: Digest = Field(alias="manifest-digest")
    python: _Name
    implementation: Literal["cp", "cpt", "pp"]
    platform: _Name
    installer: _Name
    filename: Annotated[str, StringConstraints(max_length=300)] = ""
    command: Annotated[str, StringConstraints(max_length=2 * LONGEST_COMMAND)] = ""
    exit_code: int = Field(alias="exit-code", ge=-(2**31), lt=2**32)
    seconds: float = Field(ge=0, lt=1e7, allow_inf_nan=False)
    log_tail: Annotated[str, StringConstraints(max_length=_LONGEST_SENT_LOG)] = Field(
        default="", alias="log-tail"
    )


async def add_evidence(request: web.Request) -> web.Response:
    """Attach the result of a try to the files that the stage has now.

    It is a conflict if they have changed since. Whoever can read the stage can read the
    result: tokens in the log are hidden, and long logs are cut.
    """
    token = await authenticate(request)
    body = await read_body(request, NewEvidence)
    reported = Evidence(
        **body.model_dump(exclude={"meta"}),
        id=secrets.token_hex(8),
        passed=body.exit_code == 0,
        at=datetime.min.replace(tzinfo=UTC),
        by=token.id,
    )
    stage_id = request.match_info["id"]
    evidence = await request.app[EVIDENCE].add(token, stage_id, reported)
    names = await request.app[ACCESS].names()
    document = _document(evidence, names, evidence.manifest_digest)
    return json_response(document, HTTPStatus.CREATED)


async def list_evidence(request: web.Request) -> web.Response:
    """Return the results of tries of a stage, the latest first.

    A result is superseded once the stage has other files.
    """
    token = await authenticate(request)
    found = await request.app[EVIDENCE].list(token, request.match_info["id"])
    names = await request.app[ACCESS].names()
    listed = [_document(one, names, found.manifest_digest) for one in found.evidence]
    return json_response({"evidence": listed})


def _document(evidence: Evidence, names: Mapping[str, str], present: str) -> dict[str, Any]:
    document: Any = as_document(evidence)
    superseded = evidence.manifest_digest != present
    return {**with_names(document, names, "by"), "superseded": superseded}
