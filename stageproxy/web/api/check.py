"""POST /api/check: PyPI's verdict on a file before its upload."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from stageproxy.core.rules.findings import finding_json
from stageproxy.core.rules.table import RULES_AS_OF, refusals
from stageproxy.web.access.auth import authenticate
from stageproxy.web.access.refusals import mark_read_only
from stageproxy.web.bodies import LONGEST_FORM, Body, read_body
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import EXAMINER


class CheckFile(Body):
    """A file to check: its name, its size in bytes, and the fields of its form."""

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    size: Annotated[int, Field(ge=0)] = 0
    form: dict[str, str | list[str]]


async def check_file(request: web.Request) -> web.Response:
    """Return PyPI's verdict on a file before its upload: on its name, its form and its release."""
    mark_read_only(request)
    token = await authenticate(request)
    body = await read_body(request, CheckFile, LONGEST_FORM)
    form = tuple(
        (name, value)
        for name, values in body.form.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    findings = await request.app[EXAMINER].predict(token, form, body.filename, body.size)
    return json_response(
        {
            "rules-as-of": RULES_AS_OF.isoformat(),
            "refused": bool(refusals(findings)),
            "findings": [finding_json(one) for one in findings],
        }
    )
