"""Here is what /api/ answers with, as JSON Schema: its components by name, keys as on the wire."""

from collections.abc import Mapping

from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Status
from stageproxy.web.api.audit_schemas import AUDIT_SCHEMAS
from stageproxy.web.api.promotion_schemas import PROMOTION_SCHEMAS
from stageproxy.web.api.schema_words import (
    DIGEST,
    MOMENT,
    MOMENT_OR_NULL,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    URL,
    Schema,
    by,
    hexadecimal,
    list_of,
    objects,
    ref,
    said,
)

_API_TOKEN: Schema = {
    "id": TEXT,
    "project": said("A project, or `*` for every one.", TEXT),
    "version": said("The only version that it is for, if there is one.", TEXT_OR_NULL),
    "can": {"enum": ["upload", "manage", "admin"]},
    "created-at": MOMENT,
    "expires-at": MOMENT_OR_NULL,
    "revoked-at": MOMENT_OR_NULL,
}

SCHEMAS: Mapping[str, Schema] = {
    "Meta": objects(
        "What every answer says of itself, as PEP 694 has it.",
        {"api-version": TEXT},
        {"_outcome": said("After an upload: what became of the file.", TEXT)},
    ),
    "Links": objects(
        "Where a stage can be acted on, as far as the credential permits and its status allows.",
        {},
        {
            "session": URL,
            "stage": said("The stage URL, which opens the stage for whoever has it.", URL),
            "legacy-upload": said("Where uploaders send files to.", URL),
            "upload": said("Where files are announced by PEP 694.", URL),
            "publish": said("Where it is published.", URL),
            "extend": URL,
        },
    ),
    "File": objects(
        "A file of a stage; one that is on its way in has no more than what was announced.",
        {
            "status": TEXT,
            "notices": TEXTS,
            "size": NUMBER,
            "hashes": by("algorithm, in hex", DIGEST),
        },
        {
            "upload-time": MOMENT,
            "attestations": said("How many came along.", NUMBER),
            "metadata": objects(
                "What the file says of itself.",
                {
                    "requires-python": TEXT_OR_NULL,
                    "summary": TEXT_OR_NULL,
                    "requires-dist": TEXTS,
                },
            ),
            "link": said("Where it is, while the stage can be read.", URL),
        },
    ),
    "Stage": objects(
        "A stage: PEP 694's session object, and what that lacks.",
        {
            "meta": ref("Meta"),
            "links": ref("Links"),
            "mechanisms": said("How files can come in by PEP 694.", TEXTS),
            "status": {"enum": [one.value for one in Status]},
            "expires-at": MOMENT,
            "files": by("filename", ref("File")),
            "notices": said("Why the stage ended, or what is suspicious about it.", TEXTS),
            "id": TEXT,
            "project": TEXT,
            "version": said("Null until the first file fixes it.", TEXT_OR_NULL),
            "manifest-digest": said(
                "SHA-256 of the sorted lines `<sha256>  <filename>`.", hexadecimal(64)
            ),
            "opened-at": MOMENT,
        },
        {"session-token": said("The stage token, while the stage can be read.", TEXT)},
    ),
    "Stages": objects("Stages, the latest first.", {"stages": list_of("Stage")}),
    "Verdict": objects(
        "What PyPI would say to a file, as far as that can be told without it.",
        {
            "rules-as-of": said(
                "The day that the rules are of.", {"type": "string", "format": "date"}
            ),
            "refused": said("Whether PyPI would refuse the file.", {"type": "boolean"}),
            "findings": {
                "type": "array",
                "items": objects(
                    "One thing, in PyPI's order.",
                    {
                        "level": {"enum": [one.value for one in Level]},
                        "source": said("The field or the file at fault.", TEXT),
                        "message": TEXT,
                    },
                ),
            },
        },
    ),
    "ApiToken": objects("What is known of an API token, which does not open anything.", _API_TOKEN),
    "NewApiToken": objects(
        "An API token that was just made.",
        {"token": said("The token itself, which is shown this once.", TEXT), **_API_TOKEN},
    ),
    "ApiTokens": objects("API tokens, the latest first.", {"tokens": list_of("ApiToken")}),
    "Description": objects(
        "This document.",
        {
            "openapi": TEXT,
            "info": {"type": "object"},
            "servers": {"type": "array"},
            "security": {"type": "array"},
            "paths": {"type": "object"},
            "components": {"type": "object"},
        },
    ),
    "Problem": objects(
        "A problem document (RFC 9457). PEP 694 calls `detail` `details`: both are there.",
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": said("What went wrong, in a sentence.", TEXT),
            "details": said("The same.", TEXT),
            "errors": {
                "type": "array",
                "items": objects(
                    "One thing that is wrong with the request.",
                    {"source": said("The field at fault.", TEXT), "message": TEXT},
                ),
            },
            "meta": ref("Meta"),
        },
    ),
    **AUDIT_SCHEMAS,
    **PROMOTION_SCHEMAS,
}
"""What can be answered with."""
