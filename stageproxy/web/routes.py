"""Here is every URL, and the handler that answers it."""

from aiohttp import web

from stageproxy.web import api, file_uploads, health, promotion, sessions
from stageproxy.web.audit import show_audit, verify_audit
from stageproxy.web.check import check_file
from stageproxy.web.legacy_upload import moved, upload, upload_to_stage
from stageproxy.web.metrics import metrics
from stageproxy.web.openapi import show_openapi
from stageproxy.web.pass_through import packages
from stageproxy.web.preview import preview, stage_without_slash
from stageproxy.web.printed_urls import find_stage
from stageproxy.web.stage_page import front_page, robots

_SESSION = "/upload/2.0/sessions/{id}"
_UPLOAD = f"{_SESSION}/files/{{upload}}"

ROUTES = (
    web.get("/", front_page),
    web.get("/robots.txt", robots),
    web.get("/health/live", health.live),
    web.get("/health/ready", health.ready),
    web.get("/metrics", metrics),
    web.get("/packages/{path:.*}", packages),
    web.post("/legacy/", upload),
    web.post("/legacy", upload),
    web.get("/legacy/{project}", find_stage),
    web.get("/legacy/{project}/", find_stage),
    web.get("/legacy/{project}/{version}", find_stage),
    web.get("/legacy/{project}/{version}/", find_stage),
    web.get("/project/{project}/", find_stage),
    web.get("/project/{project}/{version}/", find_stage),
    web.post("/pypi", moved),
    web.post("/tmp/{project}/{token}/legacy/", upload_to_stage),
    web.post("/tmp/{project}/{token}/legacy", upload_to_stage),
    web.get("/tmp/{project}/{token}", stage_without_slash),
    web.get("/tmp/{project}/{token}/{path:.*}", preview),
    web.post("/upload/2.0/", sessions.create_session),
    web.post("/upload/2.0", sessions.create_session),
    web.get(_SESSION, sessions.show_session),
    web.delete(_SESSION, sessions.cancel_session),
    web.post(f"{_SESSION}/publish", sessions.publish_session),
    web.post(f"{_SESSION}/extend", sessions.extend_session),
    web.post(f"{_SESSION}/files", file_uploads.create_upload),
    web.get(_UPLOAD, file_uploads.show_upload),
    web.delete(_UPLOAD, file_uploads.delete_upload),
    web.post(f"{_UPLOAD}/bytes", file_uploads.receive_bytes),
    web.post(f"{_UPLOAD}/attestations", file_uploads.receive_attestations),
    web.post(f"{_UPLOAD}/complete", file_uploads.complete_upload),
    web.post(f"{_UPLOAD}/extend", file_uploads.extend_upload),
    web.get("/api/openapi.json", show_openapi),
    web.post("/api/check", check_file),
    web.post("/api/stages", api.open_stage),
    web.get("/api/stages", api.list_stages),
    web.get("/api/stages/{id}", api.show_stage),
    web.delete("/api/stages/{id}", api.cancel_stage),
    web.post("/api/stages/{id}/extend", api.extend_stage),
    web.post("/api/stages/{id}/rotate", api.rotate_stage),
    web.delete("/api/stages/{id}/files/{filename}", api.remove_file),
    web.get("/api/stages/{id}/files/{filename}/form", promotion.show_form),
    web.post("/api/stages/{id}/promotion", promotion.start_promotion),
    web.get("/api/stages/{id}/promotion", promotion.show_promotion),
    web.post("/api/stages/{id}/promotion/plan", promotion.plan_promotion),
    web.post("/api/stages/{id}/promotion/journal", promotion.report_promotion),
    web.get("/api/stages/{id}/receipt", promotion.show_receipt),
    web.get("/api/stages/{id}/audit", show_audit),
    web.get("/api/audit/verify", verify_audit),
    web.post("/api/tokens", api.make_token),
    web.get("/api/tokens", api.list_tokens),
    web.delete("/api/tokens/{id}", api.revoke_token),
)
"""GET routes answer HEAD too."""
