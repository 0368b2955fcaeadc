"""Trusted publishers over /api/."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from stageproxy.core.identity.providers import Provider
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.core.stage.listing import rfc3339
from stageproxy.services.publishers import PublisherRequest
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import Body, project_of, read_body
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import PUBLISHERS

Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class AddPublisher(Body):
    """A trusted publisher to add."""

    provider: Provider
    issuer: Annotated[str, StringConstraints(max_length=256)] = Field(
        "", description="By default that of the provider."
    )
    fields: dict[Text, Text] = Field(description="What has to be so, by the provider's names.")


async def add_publisher(request: web.Request) -> web.Response:
    """Trust a CI job to upload to a project."""
    token = await authenticate(request)
    body = await read_body(request, AddPublisher)
    order = PublisherRequest(project_of(request), body.provider, body.issuer, body.fields)
    added = await request.app[PUBLISHERS].add(token, order)
    return json_response(publisher_json(added), 201)


async def list_publishers(request: web.Request) -> web.Response:
    """List the trusted publishers of a project."""
    token = await authenticate(request)
    found = await request.app[PUBLISHERS].list(token, project_of(request))
    return json_response({"publishers": [publisher_json(one) for one in found]})


async def remove_publisher(request: web.Request) -> web.Response:
    """Remove a trusted publisher, and revoke the tokens that were minted for it."""
    token = await authenticate(request)
    publisher_id = request.match_info["id"]
    removed = await request.app[PUBLISHERS].remove(token, project_of(request), publisher_id)
    return json_response(publisher_json(removed))


def publisher_json(publisher: TrustedPublisher) -> dict[str, Any]:
    """Return a trusted publisher as JSON."""
    return {
        "id": publisher.id,
        "project": publisher.project,
        "provider": publisher.provider.value,
        "issuer": publisher.issuer,
        "fields": dict(publisher.fields),
        "added-at": rfc3339(publisher.added_at),
        "added-by": publisher.added_by,
    }
