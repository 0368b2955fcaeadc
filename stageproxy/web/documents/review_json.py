"""The review of a stage as JSON, with an ETag."""

import asyncio
import json

from aiohttp import web

from stageproxy.core.index.pages import own_document
from stageproxy.core.review.document import as_document
from stageproxy.core.stage.stage import Stage
from stageproxy.web.answers.conditional import conditional
from stageproxy.web.answers.headers import PRIVATE
from stageproxy.web.keys import REVIEWS

_JSON = "application/json"


async def review_response(request: web.Request, stage: Stage) -> web.Response:
    """Return the review of the files that a stage has now; asking for it completes it."""
    review = await request.app[REVIEWS].of(stage)
    # On a thread: the changes of many files are long.
    body = await asyncio.to_thread(lambda: json.dumps(as_document(review)).encode())
    headers = {"Content-Type": _JSON, "Cache-Control": PRIVATE, "Vary": "Accept-Encoding"}
    return await conditional(request, own_document(body, _JSON), headers)
