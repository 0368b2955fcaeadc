"""Here is what /api/ answers with, as JSON Schema: its components by name, keys as on the wire."""

from collections.abc import Mapping
from typing import Any

from stageproxy.core.release.stages import Status
from stageproxy.core.verdict.findings import Level

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_NUMBER: Schema = {"type": "integer", "minimum": 0}
_URL: Schema = {"type": "string", "format": "uri"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}


def ref(name: str) -> Schema:
    """Return what stands for a component where it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(says: str, always: Schema, sometimes: Schema | None = None) -> Schema:
    """Return an object by its keys. More may come with a later version, so none are forbidden."""
    keys = {**always, **(sometimes or {})}
    return {"type": "object", "description": says, "properties": keys, "required": [*always]}


def _by(what: str, each: Schema) -> Schema:
    return {"type": "object", "description": f"By {what}.", "additionalProperties": each}


def _said(says: str, schema: Schema) -> Schema:
    return {**schema, "description": says}


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def _hex(digits: int) -> Schema:
    return {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}


_DIGEST: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})+$"}

_API_TOKEN: Schema = {
    "id": _TEXT,
    "project": _said("A project, or `*` for every one.", _TEXT),
    "version": _said("The only version that it is for, if there is one.", _TEXT_OR_NULL),
    "can": {"enum": ["upload", "manage", "admin"]},
    "created-at": _MOMENT,
    "expires-at": _MOMENT_OR_NULL,
    "revoked-at": _MOMENT_OR_NULL,
}

SCHEMAS: Mapping[str, Schema] = {
    "Meta": _object(
        "What every answer says of itself, as PEP 694 has it.",
        {"api-version": _TEXT},
        {"_outcome": _said("After an upload: what became of the file.", _TEXT)},
    ),
    "Links": _object(
        "Where a stage can be acted on, as far as the credential permits and its status allows.",
        {},
        {
            "session": _URL,
            "stage": _said("The stage URL, which opens the stage for whoever has it.", _URL),
            "legacy-upload": _said("Where uploaders send files to.", _URL),
            "upload": _said("Where files are announced by PEP 694.", _URL),
            "extend": _URL,
        },
    ),
    "File": _object(
        "A file of a stage; one that is on its way in has no more than what was announced.",
        {
            "status": _TEXT,
            "notices": _TEXTS,
            "size": _NUMBER,
            "hashes": _by("algorithm, in hex", _DIGEST),
        },
        {
            "upload-time": _MOMENT,
            "attestations": _said("How many came along.", _NUMBER),
            "metadata": _object(
                "What the file says of itself.",
                {
                    "requires-python": _TEXT_OR_NULL,
                    "summary": _TEXT_OR_NULL,
                    "requires-dist": _TEXTS,
                },
            ),
            "link": _said("Where it is, while the stage can be read.", _URL),
        },
    ),
    "Stage": _object(
        "A stage: PEP 694's session object, and what that lacks.",
        {
            "meta": ref("Meta"),
            "links": ref("Links"),
            "mechanisms": _said("How files can come in by PEP 694.", _TEXTS),
            "status": {"enum": [one.value for one in Status]},
            "expires-at": _MOMENT,
            "files": _by("filename", ref("File")),
            "notices": _said("Why the stage ended, or what is suspicious about it.", _TEXTS),
            "id": _TEXT,
            "project": _TEXT,
            "version": _said("Null until the first file fixes it.", _TEXT_OR_NULL),
            "manifest-digest": _said(
                "SHA-256 of the sorted lines `<sha256>  <filename>`.", _hex(64)
            ),
            "opened-at": _MOMENT,
        },
        {"session-token": _said("The stage token, while the stage can be read.", _TEXT)},
    ),
    "Stages": _object("Stages, the latest first.", {"stages": _list_of("Stage")}),
    "Verdict": _object(
        "What PyPI would say to a file, as far as that can be told without it.",
        {
            "rules-as-of": _said(
                "The day that the rules are of.", {"type": "string", "format": "date"}
            ),
            "refused": _said("Whether PyPI would refuse the file.", {"type": "boolean"}),
            "findings": {
                "type": "array",
                "items": _object(
                    "One thing, in PyPI's order.",
                    {
                        "level": {"enum": [one.value for one in Level]},
                        "source": _said("The field or the file at fault.", _TEXT),
                        "message": _TEXT,
                    },
                ),
            },
        },
    ),
    "ApiToken": _object("What is known of an API token, which does not open anything.", _API_TOKEN),
    "NewApiToken": _object(
        "An API token that was just made.",
        {"token": _said("The token itself, which is shown this once.", _TEXT), **_API_TOKEN},
    ),
    "ApiTokens": _object("API tokens, the latest first.", {"tokens": _list_of("ApiToken")}),
    "Description": _object(
        "This document.",
        {
            "openapi": _TEXT,
            "info": {"type": "object"},
            "servers": {"type": "array"},
            "security": {"type": "array"},
            "paths": {"type": "object"},
            "components": {"type": "object"},
        },
    ),
    "Problem": _object(
        "A problem document (RFC 9457). PEP 694 calls `detail` `details`: both are there.",
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _said("What went wrong, in a sentence.", _TEXT),
            "details": _said("The same.", _TEXT),
            "errors": {
                "type": "array",
                "items": _object(
                    "One thing that is wrong with the request.",
                    {"source": _said("The field at fault.", _TEXT), "message": _TEXT},
                ),
            },
            "meta": ref("Meta"),
        },
    ),
}
"""What can be answered with."""
