"""A stage as JSON: PEP 694's publishing session object, with more keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from stageproxy.core.promotion.journal import Journal
from stageproxy.core.promotion.outcome import progress_message
from stageproxy.core.rights import Action, ApiToken, redacted
from stageproxy.core.rules.findings import RELEASE, FindingsByFile, Level, findings_json
from stageproxy.core.stage.lifetime import end_of
from stageproxy.core.stage.listing import rfc3339, whole_seconds
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.release_findings import stored_findings
from stageproxy.core.stage.stage import LIVE, Artifact, Stage, Status, Step
from stageproxy.services.stage_urls import StageUrls

API_VERSION = "2.0"
MECHANISMS = ("http-post-bytes",)
"""The upload mechanisms of PEP 694: the one that every server must support."""
UPLOAD_2_0 = "application/vnd.pypi.upload.v2+json"
"""The media type of PEP 694."""


class Api(StrEnum):
    """The APIs that show stages, by the path of these. Links stay within one API."""

    STAGES = "api/stages"
    SESSIONS = "upload/2.0/sessions"


_RETRY_SECONDS = "2"
_PUBLISH = {Api.STAGES: "promotion", Api.SESSIONS: "publish"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a stage beside the stage itself.

    `journal` is the state of its files, if it is being published, and `names` are
    those of API tokens, by their ids. Without `findings`, which are those as of now,
    the stage has only notices. `outage` says that upstream has no answer, if it has none.
    """

    journal: Journal = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    findings: FindingsByFile | None = None
    outage: str = ""


@dataclass(frozen=True, slots=True)
class SessionJson:
    """Makes session objects of stages. *mechanisms* is empty if PEP 694 is disabled."""

    urls: StageUrls
    mechanisms: tuple[str, ...]

    def of(
        self,
        stage: Stage,
        token: ApiToken | None,
        api: Api,
        facts: Facts,
        **meta: str,
    ) -> dict[str, Any]:
        """Return a stage with the links that *token* permits; without one, those of a reader.

        *meta*: additional members of `meta`, with names that PEP 694 reserves for
        indexes.
        """
        urls, findings = self.urls, facts.findings
        shown = stored_findings(stage) if findings is None else findings
        document = {
            "meta": {"api-version": API_VERSION, **meta},
            "links": self._links(stage, token, api if self.mechanisms else Api.STAGES),
            "mechanisms": list(self.mechanisms),
            "status": stage.status.value,
            "end": end_of(stage),
            "expires-at": whole_seconds(stage.expires_at),
            "files": {
                filename: with_names(file, facts.names, "uploaded-by")
                for filename, file in self._files(stage, token, shown).items()
            },
            "notices": [
                *notices_of(stage, facts.journal, shown),
                *filter(None, [facts.outage]),
            ],
            **({} if findings is None else {"findings": findings_json(findings)}),
            "id": stage.id,
            "project": stage.project,
            "version": stage.version,
            "manifest-digest": manifest_digest(stage.artifacts),
            "revision": stage.revision,
            "opened-at": whole_seconds(stage.opened_at),
            **({"expects": list(stage.expects)} if stage.expects else {}),
        }
        if _is_readable(stage):
            document["session-token"] = urls.token_of(stage).reveal()
        return document

    def upload_url(self, stage_id: str, upload_id: str) -> str:
        """Return the URL of a file upload. It cannot be guessed, and requires a token as well."""
        return f"{self.urls.public_url}/{Api.SESSIONS}/{stage_id}/files/{upload_id}"

    def _files(
        self, stage: Stage, token: ApiToken | None, findings: FindingsByFile
    ) -> dict[str, dict[str, Any]]:
        # The URL is derived anew each time, and stages have hundreds of files.
        root = self.urls.url_of(stage) if _is_readable(stage) else None
        complete = {
            one.filename: {
                "status": "completed",
                "notices": [finding.message for finding in findings.get(one.filename, ())],
                **_file(one, root),
            }
            for one in stage.artifacts
        }
        return complete | self._unfinished(stage, token)

    def _unfinished(self, stage: Stage, token: ApiToken | None) -> dict[str, dict[str, Any]]:
        can_show = stage.status in LIVE and Action.SHOW in _permitted(stage, token)
        return {
            one.filename: {
                "status": one.status.value,
                "notices": list(one.notices),
                "size": one.size,
                "hashes": dict(one.hashes),
                "uploaded-by": one.created_by,
                **({"link": self.upload_url(stage.id, one.id)} if can_show else {}),
            }
            for one in stage.uploads
        }

    def _links(self, stage: Stage, token: ApiToken | None, api: Api) -> dict[str, str]:
        links: dict[str, str] = {}
        permitted = _permitted(stage, token)
        session = f"{self.urls.public_url}/{api}/{stage.id}"
        if Action.SHOW in permitted:
            links["session"] = session
        if _is_readable(stage):
            links["stage"] = root = self.urls.url_of(stage)
            links["review"] = f"{root}+review"
        if Action.UPLOAD in permitted and Step.EDIT in stage.steps():
            links["legacy-upload"] = f"{self.urls.url_of(stage)}legacy/"
            if self.mechanisms:
                links["upload"] = f"{self.urls.public_url}/{Api.SESSIONS}/{stage.id}/files"
        if Action.PROMOTE in permitted and Step.PROMOTE in stage.steps():
            links["publish"] = f"{session}/{_PUBLISH[api]}"
        if Action.EXTEND in permitted and Step.EXTEND in stage.steps():
            links["extend"] = f"{session}/extend"
        return links


def is_look(request: web.Request) -> bool:
    """Return whether a person looks at the stage that a request is for, as its client says."""
    return request.method == "GET" and request.query.get("look") == "true"


def retry_header(stage: Stage) -> dict[str, str]:
    """Return the header that says when to retry, while a stage is being published."""
    return {"Retry-After": _RETRY_SECONDS} if stage.status is Status.PROCESSING else {}


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as the bytes of JSON."""
    return json.dumps(document).encode()


def with_names(document: Mapping[str, Any], names: Mapping[str, str], *keys: str) -> dict[str, Any]:
    """Return a document with `KEY-name` behind each of *keys*: the name of that API token."""
    named: dict[str, Any] = {}
    for key, value in document.items():
        named[key] = value
        if key in keys:
            name = names.get(value)
            named[f"{key}-name"] = redacted(name) if name else None
    return named


def json_response(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a response that is not cached. JSON has no charset parameter (RFC 8259)."""
    return web.Response(
        body=as_json(document),
        status=status,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "private, no-cache",
            **(headers or {}),
        },
    )


def notices_of(stage: Stage, journal: Journal, findings: FindingsByFile) -> list[str]:
    """Return why a stage ended or its promotion stopped, or the progress of the promotion.

    For a stage that is not published yet, return the warnings and notes on the release.
    """
    if stage.reason:
        return [stage.reason]
    if stage.status is Status.PROCESSING:
        return [progress_message(stage, journal)] if journal else []
    on_release = findings.get(RELEASE, ())
    return [one.message for one in on_release if one.level in {Level.WARN, Level.NOTE}]


def _permitted(stage: Stage, token: ApiToken | None) -> frozenset[Action]:
    if token is None:
        return frozenset()
    version = stage.version or token.version
    return frozenset(one for one in Action if token.permits(one, stage.project, version))


def _is_readable(stage: Stage) -> bool:
    return stage.status in LIVE or stage.status is Status.PUBLISHED


def _file(artifact: Artifact, root: str | None) -> dict[str, Any]:
    """Return an artifact, with its link below the stage URL *root* if that has one."""
    document: dict[str, Any] = {
        "size": artifact.size,
        "hashes": {
            "sha256": artifact.sha256,
            "blake2b_256": artifact.blake2b_256,
            **({"md5": artifact.md5} if artifact.md5 else {}),
        },
        "upload-time": rfc3339(artifact.uploaded_at),
        "uploaded-by": artifact.uploaded_by,
        "attestations": artifact.attestations,
        "metadata": {
            "requires-python": artifact.requires_python,
            "summary": artifact.summary,
            "requires-dist": list(artifact.requires_dist),
        },
    }
    if root is not None:
        document["link"] = root + artifact.path
    return document
