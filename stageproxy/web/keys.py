"""Here is what the application carries to its handlers."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from stageproxy.services.access import Access
from stageproxy.services.preview import Previews
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.upload import Uploads

ACCESS = web.AppKey("access", Access)
PREVIEWS = web.AppKey("previews", Previews)
STAGES = web.AppKey("stages", Stages)
TOKENS = web.AppKey("tokens", Tokens)
UPLOADS = web.AppKey("uploads", Uploads)
URLS = web.AppKey("urls", StageUrls)

ReadinessCheck = Callable[[], Awaitable[str | None]]
READINESS = web.AppKey("readiness", dict[str, ReadinessCheck])
"""What must work before the server takes requests: each check returns what is wrong, if it is."""
