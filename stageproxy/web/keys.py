"""The keys of everything that the application hands to its handlers."""

from aiohttp import web

from stageproxy.caching import LoadingCache
from stageproxy.core.errors import HelpPages
from stageproxy.core.index.pages import Document
from stageproxy.services.access import Access
from stageproxy.services.audit import AuditTrail
from stageproxy.services.care.expire import Expiry
from stageproxy.services.care.readiness import Readiness
from stageproxy.services.descriptions import Descriptions
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.evidence import EvidenceReports
from stageproxy.services.exchange import IdentityExchange
from stageproxy.services.findings import StageFindings
from stageproxy.services.limits import Limits
from stageproxy.services.preview import Previews
from stageproxy.services.probes import Probes
from stageproxy.services.promotion.looks import Looks
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.promotion.ways_out import WaysOut
from stageproxy.services.publishers import Publishers
from stageproxy.services.review.reviews import Reviews
from stageproxy.services.sessions import Sessions
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.upload.completion import Completion
from stageproxy.services.upload.examine import Examiner
from stageproxy.services.upload.file_uploads import FileUploads
from stageproxy.services.upload.uploads import Uploads
from stageproxy.web.access.guesses import Guesses
from stageproxy.web.answers.progress_streams import ProgressStreams
from stageproxy.web.answers.streams import StreamShares
from stageproxy.web.documents.session_json import SessionJson
from stageproxy.web.metrics import Metrics, MetricsSources

ACCESS = web.AppKey("access", Access)
AUDIT = web.AppKey("audit", AuditTrail)
COMPLETION = web.AppKey("completion", Completion)
DESCRIPTIONS = web.AppKey("descriptions", Descriptions)
DOCUMENTS = web.AppKey("documents", StagedDocuments)
EVIDENCE = web.AppKey("evidence", EvidenceReports)
EXCHANGE = web.AppKey("exchange", IdentityExchange)
EXAMINER = web.AppKey("examiner", Examiner)
EXPIRY = web.AppKey("expiry", Expiry)
FILE_UPLOADS = web.AppKey("file_uploads", FileUploads)
GZIPPED = web.AppKey("gzipped", LoadingCache[str, bytes])
"""Compressed bodies by the digest of the uncompressed one: compressed once, off the event loop."""
GUESSES = web.AppKey("guesses", Guesses)
HELP_PAGES = web.AppKey("help-pages", HelpPages)
LIMITS = web.AppKey("limits", Limits)
LOOKS = web.AppKey("looks", Looks)
METRICS = web.AppKey("metrics", Metrics)
OPENAPI = web.AppKey("openapi", Document)
"""The document of this server."""
PUBLISHERS = web.AppKey("publishers", Publishers)
PREVIEWS = web.AppKey("previews", Previews)
PROBES = web.AppKey("probes", Probes)
PROGRESS_STREAMS = web.AppKey("progress_streams", ProgressStreams)
PROMOTIONS = web.AppKey("promotions", Promotions)
PROMOTION_REPORTS = web.AppKey("promotion_reports", PromotionReports)
READINESS = web.AppKey("readiness", Readiness)
REVIEWS = web.AppKey("reviews", Reviews)
SESSIONS = web.AppKey("sessions", Sessions)
SESSION_JSON = web.AppKey("session_json", SessionJson)
METRICS_SOURCES = web.AppKey("metrics_sources", MetricsSources)
STAGES = web.AppKey("stages", Stages)
STAGE_FINDINGS = web.AppKey("stage_findings", StageFindings)
STREAM_SHARES = web.AppKey("stream_shares", StreamShares)
TOKENS = web.AppKey("tokens", Tokens)
UPLOADS = web.AppKey("uploads", Uploads)
URLS = web.AppKey("urls", StageUrls)
WAYS_OUT = web.AppKey("ways_out", WaysOut)
