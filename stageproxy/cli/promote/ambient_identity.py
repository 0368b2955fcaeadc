"""Here is who a CI says that this job is, if it runs in one."""

import asyncio

import id as identities

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.replies import one_line


async def identify(audience: str) -> str:
    """Return the identity of this job for an audience; raise if there is none to be had."""
    try:
        found = await asyncio.to_thread(identities.detect_credential, audience)
    except identities.IdentityError as error:
        sentence = f"This job's identity cannot be had: {one_line(str(error))}"
        raise ConflictError(sentence) from error
    if found is None:
        raise ConflictError(
            "There is nothing to publish with here: no promotion.token, and no identity of a CI "
            "job for Trusted Publishing. Name a file with a token: --pypi-token-file."
        )
    return found
