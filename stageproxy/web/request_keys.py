"""The keys of what is known of a request while it is answered."""

from aiohttp import web

from stageproxy.core.rights import ApiToken

REQUEST_ID = web.RequestKey("request_id", str)
"""The id of a request, given by a trusted proxy or else by this server."""

BEARER = web.RequestKey("bearer", ApiToken)
"""The API token of a request, once it is found to be valid."""
