"""The keys under which the application and requests carry values."""

from aiohttp import web

from stageproxy.core.errors import HelpPages
from stageproxy.core.rights import ApiToken
from stageproxy.services.access import Access
from stageproxy.services.audit import AuditTrail
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.file_uploads import FileUploads
from stageproxy.services.preview import Previews
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.readiness import Readiness
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.uploads import Uploads

ACCESS = web.AppKey("access", Access)
AUDIT = web.AppKey("audit", AuditTrail)
HELP_PAGES = web.AppKey("help-pages", HelpPages)
DOCUMENTS = web.AppKey("documents", StagedDocuments)
FILE_UPLOADS = web.AppKey("file_uploads", FileUploads)
PREVIEWS = web.AppKey("previews", Previews)
PROMOTIONS = web.AppKey("promotions", Promotions)
PROMOTION_REPORTS = web.AppKey("promotion_reports", PromotionReports)
READINESS = web.AppKey("readiness", Readiness)
STAGES = web.AppKey("stages", Stages)
TOKENS = web.AppKey("tokens", Tokens)
UPLOADS = web.AppKey("uploads", Uploads)
URLS = web.AppKey("urls", StageUrls)

BEARER = web.RequestKey("bearer", ApiToken)
"""The API token of a request, once it is authenticated."""
