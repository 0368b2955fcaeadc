"""Here is what /api/ answers with, as JSON Schema: its components by name, keys as on the wire."""

from collections.abc import Mapping
from typing import Any

from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Status

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "integer", "minimum": 0}
URL: Schema = {"type": "string", "format": "uri"}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
DIGEST: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})+$"}


def ref(name: str) -> Schema:
    """Return what stands for a component where it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(description: str, required: Schema, optional: Schema | None = None) -> Schema:
    """Return an object by its keys. More may come with a later version, so none are forbidden."""
    keys = {**required, **(optional or {})}
    return {
        "type": "object",
        "description": description,
        "properties": keys,
        "required": [*required],
    }


def map_of(key: str, value: Schema) -> Schema:
    """Return an object whose keys are each a *key*, and whose values have one schema."""
    return {"type": "object", "description": f"By {key}.", "additionalProperties": value}


def described(description: str, schema: Schema) -> Schema:
    """Return a schema with a *description*."""
    return {**schema, "description": description}


def list_of(name: str) -> Schema:
    """Return a list of a component."""
    return {"type": "array", "items": ref(name)}


def hex_digits(length: int) -> Schema:
    """Return a text of *length* hexadecimal digits."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{length}}}$"}


_API_TOKEN: Schema = {
    "id": TEXT,
    "project": described("A project, or `*` for every one.", TEXT),
    "version": described("The only version that it is for, if there is one.", TEXT_OR_NULL),
    "can": {"enum": ["upload", "manage", "admin"]},
    "created-at": TIME,
    "expires-at": TIME_OR_NULL,
    "revoked-at": TIME_OR_NULL,
}

SCHEMAS: Mapping[str, Schema] = {
    "Meta": object_of(
        "What every answer says of itself, as PEP 694 has it.",
        {"api-version": TEXT},
        {"_outcome": described("After an upload: what became of the file.", TEXT)},
    ),
    "Links": object_of(
        "Where a stage can be acted on, as far as the credential permits and its status allows.",
        {},
        {
            "session": URL,
            "stage": described("The stage URL, which opens the stage for whoever has it.", URL),
            "legacy-upload": described("Where uploaders send files to.", URL),
            "upload": described("Where files are announced by PEP 694.", URL),
            "publish": described("Where it is published.", URL),
            "extend": URL,
        },
    ),
    "File": object_of(
        "A file of a stage; one that is on its way in has no more than what was announced.",
        {
            "status": TEXT,
            "notices": TEXTS,
            "size": NUMBER,
            "hashes": map_of("algorithm, in hex", DIGEST),
        },
        {
            "upload-time": TIME,
            "attestations": described("How many came along.", NUMBER),
            "metadata": object_of(
                "What the file says of itself.",
                {
                    "requires-python": TEXT_OR_NULL,
                    "summary": TEXT_OR_NULL,
                    "requires-dist": TEXTS,
                },
            ),
            "link": described("Where it is, while the stage can be read.", URL),
        },
    ),
    "Stage": object_of(
        "A stage: PEP 694's session object, and what that lacks.",
        {
            "meta": ref("Meta"),
            "links": ref("Links"),
            "mechanisms": described("How files can come in by PEP 694.", TEXTS),
            "status": {"enum": [one.value for one in Status]},
            "expires-at": TIME,
            "files": map_of("filename", ref("File")),
            "notices": described("Why the stage ended, or what is suspicious about it.", TEXTS),
            "id": TEXT,
            "project": TEXT,
            "version": described("Null until the first file fixes it.", TEXT_OR_NULL),
            "manifest-digest": described(
                "SHA-256 of the sorted lines `<sha256>  <filename>`.", hex_digits(64)
            ),
            "opened-at": TIME,
        },
        {"session-token": described("The stage token, while the stage can be read.", TEXT)},
    ),
    "Stages": object_of("Stages, the latest first.", {"stages": list_of("Stage")}),
    "Verdict": object_of(
        "What PyPI would say to a file, as far as that can be told without it.",
        {
            "rules-as-of": described(
                "The day that the rules are of.", {"type": "string", "format": "date"}
            ),
            "refused": described("Whether PyPI would refuse the file.", {"type": "boolean"}),
            "findings": {
                "type": "array",
                "items": object_of(
                    "One thing, in PyPI's order.",
                    {
                        "level": {"enum": [one.value for one in Level]},
                        "source": described("The field or the file at fault.", TEXT),
                        "message": TEXT,
                    },
                ),
            },
        },
    ),
    "ApiToken": object_of(
        "What is known of an API token, which does not open anything.", _API_TOKEN
    ),
    "NewApiToken": object_of(
        "An API token that was just made.",
        {"token": described("The token itself, which is shown this once.", TEXT), **_API_TOKEN},
    ),
    "ApiTokens": object_of("API tokens, the latest first.", {"tokens": list_of("ApiToken")}),
    "Description": object_of(
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
    "Problem": object_of(
        "A problem document (RFC 9457). PEP 694 calls `detail` `details`: both are there.",
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": described("What went wrong, in a sentence.", TEXT),
            "details": described("The same.", TEXT),
            "errors": {
                "type": "array",
                "items": object_of(
                    "One thing that is wrong with the request.",
                    {"source": described("The field at fault.", TEXT), "message": TEXT},
                ),
            },
            "meta": ref("Meta"),
        },
    ),
    "AuditTrail": object_of(
        "What happened to a stage, in order.",
        {
            "events": {
                "type": "array",
                "items": object_of(
                    "One thing that happened.",
                    {
                        "number": described("Its place in the trail of all stages.", NUMBER),
                        "at": TIME,
                        "actor": described("The id of an API token, or `server`.", TEXT),
                        "action": TEXT,
                        "project": TEXT_OR_NULL,
                        "version": described("The version by then, if it was known.", TEXT_OR_NULL),
                        "details": {"type": "object", "description": "What goes with the action."},
                        "digest": described(
                            "SHA-256 of all that, and of what came before.", hex_digits(64)
                        ),
                    },
                ),
            }
        },
    ),
    "AuditCheck": object_of(
        "Whether the trail of all stages is as it was written.",
        {
            "ok": {"type": "boolean"},
            "records": described("How many are, from the first one on.", NUMBER),
            "head": described("The digest of the last of these.", hex_digits(64)),
            "broken-at": described(
                "The first number that is not, if there is one.",
                {"type": ["integer", "null"], "minimum": 1},
            ),
            "reason": described("What is wrong there.", TEXT_OR_NULL),
        },
    ),
}
"""What can be answered with, beside what `promotion_schemas` has."""
