"""POST of /tmp/<project>/<stage token>/+hashes: pasted hashes beside the files of a stage.

This is for browsers without scripts; with them, the page compares by itself. Nothing is stored.
"""

import asyncio
from urllib.parse import parse_qs

from aiohttp import web

from stageproxy.core.stage.checksum_marks import compare_output
from stageproxy.web.bodies import read_bytes
from stageproxy.web.keys import PREVIEWS
from stageproxy.web.preview.stage_page import stage_page
from stageproxy.web.stage_path import open_stage

MOST_PASTED = 2**16
"""How many bytes of pasted lines are compared; the form says so, too."""
_MOST_SENT = 4 * MOST_PASTED


async def compare_hashes(request: web.Request) -> web.Response:
    """Return the page of a stage with each pasted line marked."""
    stage = await request.app[PREVIEWS].with_all_files(await open_stage(request))
    body = await read_bytes(request, _MOST_SENT)
    fields = parse_qs(body.decode(errors="replace"), max_num_fields=10)
    pasted = fields.get("pasted", [""])[0].encode(errors="replace")[:MOST_PASTED]
    staged = {one.filename: one.sha256 for one in stage.artifacts}
    compared = await asyncio.to_thread(compare_output, staged, pasted) if pasted.strip() else None
    return await stage_page(
        request, stage, pasted=pasted.decode(errors="replace"), compared=compared
    )
