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
MOMENT: Schema = {"type": "string", "format": "date-time"}
MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
DIGEST: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})+$"}


def ref(name: str) -> Schema:
    """Return what stands for a component where it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def objects(says: str, always: Schema, sometimes: Schema | None = None) -> Schema:
    """Return an object by its keys. More may come with a later version, so none are forbidden."""
    keys = {**always, **(sometimes or {})}
    return {"type": "object", "description": says, "properties": keys, "required": [*always]}


def by(what: str, each: Schema) -> Schema:
    """Return an object whose keys are *what*, and whose values are each the same."""
    return {"type": "object", "description": f"By {what}.", "additionalProperties": each}


def said(says: str, schema: Schema) -> Schema:
    """Return a schema with what it *says* of itself."""
    return {**schema, "description": says}


def list_of(name: str) -> Schema:
    """Return a list of a component."""
    return {"type": "array", "items": ref(name)}


def hexadecimal(digits: int) -> Schema:
    """Return a text of so many hexadecimal digits."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}


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
    "AuditTrail": objects(
        "What happened to a stage, in order.",
        {
            "events": {
                "type": "array",
                "items": objects(
                    "One thing that happened.",
                    {
                        "number": said("Its place in the trail of all stages.", NUMBER),
                        "at": MOMENT,
                        "actor": said("The id of an API token, or `server`.", TEXT),
                        "action": TEXT,
                        "project": TEXT_OR_NULL,
                        "version": said("The version by then, if it was known.", TEXT_OR_NULL),
                        "details": {"type": "object", "description": "What goes with the action."},
                        "digest": said(
                            "SHA-256 of all that, and of what came before.", hexadecimal(64)
                        ),
                    },
                ),
            }
        },
    ),
    "AuditCheck": objects(
        "Whether the trail of all stages is as it was written.",
        {
            "ok": {"type": "boolean"},
            "records": said("How many are, from the first one on.", NUMBER),
            "head": said("The digest of the last of these.", hexadecimal(64)),
            "broken-at": said(
                "The first number that is not, if there is one.",
                {"type": ["integer", "null"], "minimum": 1},
            ),
            "reason": said("What is wrong there.", TEXT_OR_NULL),
        },
    ),
}
"""What can be answered with, beside what `promotion_schemas` has."""
