"""Here is every URL, and the handler that answers it."""

from aiohttp import web

from stageproxy.web import api, health
from stageproxy.web.legacy_upload import moved, upload, upload_to_stage
from stageproxy.web.metrics import metrics
from stageproxy.web.pass_through import packages
from stageproxy.web.preview import preview, stage_without_slash
from stageproxy.web.stage_page import front_page, robots

ROUTES = (
    web.get("/", front_page),
    web.get("/robots.txt", robots),
    web.get("/health/live", health.live),
    web.get("/health/ready", health.ready),
    web.get("/metrics", metrics),
    web.get("/packages/{path:.*}", packages),
    web.post("/legacy/", upload),
    web.post("/legacy", upload),
    web.post("/pypi", moved),
    web.post("/tmp/{project}/{token}/legacy/", upload_to_stage),
    web.post("/tmp/{project}/{token}/legacy", upload_to_stage),
    web.get("/tmp/{project}/{token}", stage_without_slash),
    web.get("/tmp/{project}/{token}/{path:.*}", preview),
    web.post("/api/stages", api.open_stage),
    web.get("/api/stages", api.list_stages),
    web.get("/api/stages/{id}", api.show_stage),
    web.delete("/api/stages/{id}", api.cancel_stage),
    web.post("/api/stages/{id}/extend", api.extend_stage),
    web.post("/api/stages/{id}/rotate", api.rotate_stage),
    web.delete("/api/stages/{id}/files/{filename}", api.remove_file),
    web.post("/api/tokens", api.make_token),
    web.get("/api/tokens", api.list_tokens),
    web.delete("/api/tokens/{id}", api.revoke_token),
)
"""GET routes answer HEAD too."""
