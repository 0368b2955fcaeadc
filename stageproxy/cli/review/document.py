"""The review of a stage as the server sends it, and as the commands show it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stageproxy.cli.client import Client, StageReference
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.review.progress import ComparisonProgress
from stageproxy.core.review.document import with_field_names
from stageproxy.core.review.review import Review
from stageproxy.core.wording import without_controls

_POLL_SECONDS = 0.5
_REVIEW: TypeAdapter[Review] = TypeAdapter(Review)


async def fetch_review(client: Client, reference: StageReference) -> dict[str, Any]:
    """Return the review of a stage. The stage URL is enough to read it."""
    if reference.url is not None:
        return await client.request("GET", reference.url / "+review")
    stage_id = await client.get_stage_id(reference)
    return await client.request("GET", f"api/stages/{stage_id}/review")


async def wait_for_review(
    client: Client, reference: StageReference, progress: ComparisonProgress, seconds: float
) -> tuple[dict[str, Any], Review]:
    """Return the review when all is compared, or as it is after a number of seconds."""
    document = await fetch_review(client, reference)
    review = parse_review(document)
    if not seconds:
        return document, review
    try:
        async with asyncio.timeout(seconds):
            while review.progress.state.is_unfinished:
                progress.show(review.progress)
                await asyncio.sleep(_POLL_SECONDS)
                document = await fetch_review(client, reference)
                review = parse_review(document)
    except TimeoutError:
        return document, review
    return document, review


def parse_review(document: Mapping[str, Any]) -> Review:
    """Return the review in a document, whose texts are printable. Raise if it is none."""
    try:
        return _REVIEW.validate_python(_printable(with_field_names(document)))
    except ValidationError as error:
        raise FailedError(
            "The server's review is of another version of stageproxy than this command. Install "
            "the same version, or print the document as it is with --json."
        ) from error


def _printable(value: object) -> object:
    """Return a document that cannot steer a terminal: archives have chosen some of its texts."""
    if isinstance(value, str):
        return without_controls(value)
    if isinstance(value, dict):
        return {name: _printable(part) for name, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value
