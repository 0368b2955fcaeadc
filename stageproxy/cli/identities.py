"""The identity of the CI job that a command runs in."""

import asyncio

import id as identities

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.replies import one_line


async def identity_for(audience: str) -> str | None:
    """Return the identity of this CI job for an audience, `None` if there is none.

    Raise `ConflictError` if the CI system does not give it.
    """
    try:
        return await asyncio.to_thread(identities.detect_credential, audience)
    except identities.IdentityError as error:
        sentence = f"Could not get the identity of this CI job: {one_line(str(error))}"
        raise ConflictError(sentence) from error
