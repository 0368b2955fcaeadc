"""Every URL and its handler."""

from aiohttp import web

from stageproxy.web import health, oidc
from stageproxy.web.answers.headers import answer_preflight
from stageproxy.web.api import limits, promotion, publishers, stages, tokens, ways_out
from stageproxy.web.api.audit import show_audit, show_audit_without_stage, verify_audit
from stageproxy.web.api.check import check_file
from stageproxy.web.api.evidence import add_evidence, list_evidence
from stageproxy.web.api.openapi import show_openapi
from stageproxy.web.api.probe import receive_probe, show_probes
from stageproxy.web.api.review import show_review
from stageproxy.web.api.sweep import sweep
from stageproxy.web.assets import show_asset
from stageproxy.web.bodies import expect_later
from stageproxy.web.desk.audit import show_audit_page, show_stage_audit
from stageproxy.web.desk.decisions import (
    QUESTIONS,
    answer_to,
    ask_remove,
    desk_remove,
    question_about,
)
from stageproxy.web.desk.desk_page import show_desk
from stageproxy.web.desk.progress import stream_progress
from stageproxy.web.desk.publish import ask_publish, desk_publish
from stageproxy.web.desk.sign_in import show_sign_in, sign_in, sign_out
from stageproxy.web.desk.stage import show_stage
from stageproxy.web.desk.tokens import ask_revoke, desk_make_token, desk_revoke, show_tokens
from stageproxy.web.preview.comparing import compare_hashes
from stageproxy.web.preview.preview import preview, stage_without_slash
from stageproxy.web.preview.printed_urls import redirect_to_stage
from stageproxy.web.preview.stage_page import robots
from stageproxy.web.upload import pep694_files, pep694_sessions
from stageproxy.web.upload.legacy import moved, refuse_without_slash, upload, upload_to_stage

_SESSION = "/upload/2.0/sessions/{id}"
_UPLOAD = f"{_SESSION}/files/{{upload}}"

_AT_DESK = "/desk/stages/{id}"

ROUTES = (
    web.get("/", show_desk),
    web.get("/desk/sign-in", show_sign_in),
    web.post("/desk/sign-in", sign_in),
    web.post("/desk/sign-out", sign_out),
    web.get("/desk/tokens", show_tokens),
    web.post("/desk/tokens", desk_make_token),
    web.get("/desk/tokens/{id}/revoke", ask_revoke),
    web.post("/desk/tokens/{id}/revoke", desk_revoke),
    web.get("/desk/audit", show_audit_page),
    web.get(_AT_DESK, show_stage),
    web.get(f"{_AT_DESK}/audit", show_stage_audit),
    web.get(f"{_AT_DESK}/progress", stream_progress),
    web.get(f"{_AT_DESK}/publish", ask_publish),
    web.post(f"{_AT_DESK}/publish", desk_publish),
    *(web.get(f"{_AT_DESK}/{one}", question_about(one)) for one in QUESTIONS),
    *(web.post(f"{_AT_DESK}/{one}", answer_to(one)) for one in QUESTIONS),
    web.get(f"{_AT_DESK}/files/{{filename}}/remove", ask_remove),
    web.post(f"{_AT_DESK}/files/{{filename}}/remove", desk_remove),
    web.get("/_/oidc/audience", oidc.show_audience),
    web.post("/_/oidc/mint-token", oidc.mint_token),
    web.post("/_/oidc/burn-token", oidc.burn_token),
    web.get("/robots.txt", robots),
    web.get("/assets/{name}", show_asset),
    web.get("/health/live", health.live),
    web.get("/health/ready", health.ready),
    web.get("/metrics", health.show_metrics),
    web.post("/legacy/", upload, expect_handler=expect_later),
    web.post("/legacy", refuse_without_slash),
    web.get("/legacy/{project}", redirect_to_stage),
    web.get("/legacy/{project}/", redirect_to_stage),
    web.get("/legacy/{project}/{version}", redirect_to_stage),
    web.get("/legacy/{project}/{version}/", redirect_to_stage),
    web.get("/project/{project}/", redirect_to_stage),
    web.get("/project/{project}/{version}/", redirect_to_stage),
    web.post("/pypi", moved),
    web.post("/tmp/{project}/{token}/legacy/", upload_to_stage, expect_handler=expect_later),
    web.post("/tmp/{project}/{token}/legacy", refuse_without_slash),
    web.post("/tmp/{project}/{token}/+hashes", compare_hashes),
    web.get("/tmp/{project}/{token}", stage_without_slash),
    web.get("/tmp/{project}/{token}/{path:.*}", preview),
    web.options("/tmp/{project}/{token}", answer_preflight),
    web.options("/tmp/{project}/{token}/{path:.*}", answer_preflight),
    web.post("/upload/2.0/", pep694_sessions.create_session),
    web.post("/upload/2.0", pep694_sessions.create_session),
    web.get(_SESSION, pep694_sessions.show_session),
    web.delete(_SESSION, pep694_sessions.cancel_session),
    web.post(f"{_SESSION}/publish", pep694_sessions.publish_session),
    web.post(f"{_SESSION}/extend", pep694_sessions.extend_session),
    web.post(f"{_SESSION}/files", pep694_files.create_upload),
    web.get(_UPLOAD, pep694_files.show_upload),
    web.delete(_UPLOAD, pep694_files.delete_upload),
    web.post(f"{_UPLOAD}/bytes", pep694_files.receive_bytes, expect_handler=expect_later),
    web.post(f"{_UPLOAD}/attestations", pep694_files.receive_attestations),
    web.post(f"{_UPLOAD}/complete", pep694_files.complete_upload),
    web.post(f"{_UPLOAD}/extend", pep694_files.extend_upload),
    web.get("/api/openapi.json", show_openapi),
    web.post("/api/check", check_file),
    web.post("/api/stages", stages.open_stage),
    web.get("/api/stages", stages.list_stages),
    web.get("/api/stages/{id}", stages.show_stage),
    web.delete("/api/stages/{id}", stages.cancel_stage),
    web.get("/api/stages/{id}/review", show_review),
    web.post("/api/stages/{id}/extend", stages.extend_stage),
    web.post("/api/stages/{id}/rotate", stages.rotate_stage),
    web.delete("/api/stages/{id}/files/{filename}", stages.remove_file),
    web.get("/api/stages/{id}/evidence", list_evidence),
    web.post("/api/stages/{id}/evidence", add_evidence),
    web.get("/api/stages/{id}/files/{filename}/form", promotion.show_form),
    web.post("/api/stages/{id}/promotion", promotion.start_promotion),
    web.get("/api/stages/{id}/promotion", promotion.show_promotion),
    web.post("/api/stages/{id}/promotion/plan", promotion.plan_promotion),
    web.post("/api/stages/{id}/promotion/stop", ways_out.stop_promotion),
    web.post("/api/stages/{id}/promotion/give-up", ways_out.give_up_stage),
    web.post("/api/stages/{id}/promotion/journal", promotion.report_promotion),
    web.get("/api/stages/{id}/receipt", promotion.show_receipt),
    web.get("/api/stages/{id}/audit", show_audit),
    web.get("/api/audit", show_audit_without_stage),
    web.get("/api/audit/verify", verify_audit),
    web.get("/api/probe", show_probes),
    web.post("/api/probe/{id}", receive_probe),
    web.post("/api/sweep", sweep),
    web.get("/api/limits", limits.show_limits),
    web.get("/api/projects/{project}/limits", limits.show_project_limits),
    web.post("/api/projects/{project}/publishers", publishers.add_publisher),
    web.get("/api/projects/{project}/publishers", publishers.list_publishers),
    web.delete("/api/projects/{project}/publishers/{id}", publishers.remove_publisher),
    web.post("/api/tokens", tokens.make_token),
    web.get("/api/tokens", tokens.list_tokens),
    web.delete("/api/tokens/{id}", tokens.revoke_token),
)
"""The routes. Those of GET also answer HEAD."""
