"""`stageproxy promote --stop`: stopping a promotion that runs."""

from collections.abc import Mapping
from typing import Any

import click

from stageproxy.cli.connection import Connection
from stageproxy.cli.promote.progress import follow, promotion_progress
from stageproxy.cli.promote.results import print_end

_WAITING = "The promotion stops once the files that are being sent now are complete."
_INTERRUPTED = (
    "This command was interrupted, but the promotion stops all the same. Run "
    "`stageproxy stage show STAGE` to see how it ended."
)


async def stop_promotion(connection: Connection, stage: str, *, as_json: bool) -> None:
    """Stop the promotion of a stage, and print what is published when it has stopped."""
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        stage_id = await client.get_stage_id(reference)
        path = f"api/stages/{stage_id}/promotion/stop"
        promotion: Mapping[str, Any] = await client.request("POST", path)
        if promotion["status"] == "processing":
            if not as_json:
                click.echo(_WAITING, err=True)
            with promotion_progress(hidden=as_json) as progress:
                promotion = await follow(client, stage_id, progress, _INTERRUPTED)
    print_end(promotion, as_json=as_json)
