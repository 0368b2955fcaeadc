"""The JSON Schemas of API responses, and the functions that build them."""

from collections.abc import Mapping
from typing import Any

from stageproxy.core.identity.providers import Provider
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.lifetime import End
from stageproxy.core.stage.stage import Status

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "integer", "minimum": 0}
URL: Schema = {"type": "string", "format": "uri"}
TIME: Schema = {"type": "string", "format": "date-time"}
TOKEN_NAME: Schema = {
    **TEXT_OR_NULL,
    "description": "The name of that API token, if it has one.",
}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
DIGEST: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})+$"}


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(description: str, required: Schema, optional: Schema | None = None) -> Schema:
    """Return an object with these keys. Others are allowed: later versions may add some."""
    keys = {**required, **(optional or {})}
    return {
        "type": "object",
        "description": description,
        "properties": keys,
        "required": [*required],
    }


def map_of(key: str, value: Schema) -> Schema:
    """Return an object that maps each *key* to a value of the same schema."""
    return {"type": "object", "description": f"By {key}.", "additionalProperties": value}


def described(description: str, schema: Schema) -> Schema:
    """Return a schema with a *description*."""
    return {**schema, "description": description}


def list_of(name: str) -> Schema:
    """Return a list of a component."""
    return {"type": "array", "items": ref(name)}


def hex_digits(length: int) -> Schema:
    """Return a string of *length* hexadecimal digits."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{length}}}$"}


FINDINGS: Schema = {
    "type": "array",
    "items": object_of(
        "A finding; without a file it is about the release.",
        {
            "file": TEXT_OR_NULL,
            "level": {"enum": [one.value for one in Level]},
            "source": described("The field or file that the finding is about.", TEXT),
            "message": TEXT,
        },
    ),
}

_SWEPT_STAGE: Schema = object_of(
    "A stage, shortly.", {"id": TEXT, "project": TEXT, "version": TEXT_OR_NULL}
)

_TRUSTED_PUBLISHER: Schema = {
    "id": TEXT,
    "project": TEXT,
    "provider": {"enum": [one.value for one in Provider]},
    "issuer": described("URL of the issuer of its identities.", TEXT),
    "fields": described(
        "What has to be so, by the names of the provider.",
        {"type": "object", "additionalProperties": TEXT},
    ),
    "added-at": TIME,
    "added-by": described("The id of an API token.", TEXT),
}

_API_TOKEN: Schema = {
    "id": TEXT,
    "name": described("The name that people gave it; null for old tokens.", TEXT_OR_NULL),
    "project": described("A project name, or `*` for every project.", TEXT),
    "version": described("The only version that the token is valid for, if any.", TEXT_OR_NULL),
    "can": {"enum": ["upload", "manage", "admin"]},
    "created-at": TIME,
    "expires-at": TIME_OR_NULL,
    "revoked-at": TIME_OR_NULL,
}

SCHEMAS: Mapping[str, Schema] = {
    "Meta": object_of(
        "The metadata of every response, as in PEP 694.",
        {"api-version": TEXT},
        {"_outcome": described("After an upload: what happened to the file.", TEXT)},
    ),
    "Links": object_of(
        "The URLs of a stage that its status and the credential allow.",
        {},
        {
            "session": URL,
            "stage": described(
                "The stage URL. It opens the stage without any other credential.", URL
            ),
            "review": described("The review of the stage. It needs no other credential.", URL),
            "legacy-upload": described("The URL of the legacy upload API.", URL),
            "upload": described("The URL that creates file uploads (PEP 694).", URL),
            "publish": described("The URL that publishes the stage.", URL),
            "extend": URL,
        },
    ),
    "File": object_of(
        "A file of a stage. An unfinished upload has only what was announced.",
        {
            "status": TEXT,
            "notices": TEXTS,
            "size": NUMBER,
            "hashes": map_of("algorithm, in hexadecimal", DIGEST),
            "uploaded-by": described("The id of an API token.", TEXT),
            "uploaded-by-name": TOKEN_NAME,
        },
        {
            "upload-time": TIME,
            "attestations": described("The number of attestations uploaded with the file.", NUMBER),
            "metadata": object_of(
                "The metadata that the file declares.",
                {
                    "requires-python": TEXT_OR_NULL,
                    "summary": TEXT_OR_NULL,
                    "requires-dist": TEXTS,
                },
            ),
            "link": described("The URL of the file, while the stage can be read.", URL),
        },
    ),
    "Stage": object_of(
        "A stage: PEP 694's session object with additional keys.",
        {
            "meta": ref("Meta"),
            "links": ref("Links"),
            "mechanisms": described("The upload mechanisms of PEP 694 that are supported.", TEXTS),
            "status": {"enum": [one.value for one in Status]},
            "end": described(
                "How the stage ended; null while it is live.",
                {"enum": [*(one.value for one in End), None]},
            ),
            "expires-at": TIME,
            "files": map_of("filename", ref("File")),
            "notices": described("Why the stage ended, or what differs between its files.", TEXTS),
            "id": TEXT,
            "project": TEXT,
            "version": described("Null until the first file sets it.", TEXT_OR_NULL),
            "manifest-digest": described(
                "SHA-256 of the sorted lines `<sha256>  <filename>`.", hex_digits(64)
            ),
            "revision": described("A number that every change of the stage increases.", NUMBER),
            "opened-at": TIME,
        },
        {
            "session-token": described("The stage token, while the stage can be read.", TEXT),
            "findings": described(
                "The findings on the stage as of now, the gravest first. Lists of stages lack it.",
                FINDINGS,
            ),
            "expects": described(
                "The files that were declared when the stage was opened, if any were.", TEXTS
            ),
        },
    ),
    "Stages": object_of(
        "A page of stages, newest first.",
        {"stages": list_of("Stage")},
        {"next": described("What `after` is for the next page, if there is one.", TEXT)},
    ),
    "Verdict": object_of(
        "PyPI's verdict on a file, as far as it is known without the file's contents.",
        {
            "rules-as-of": described(
                "The date of the rules.", {"type": "string", "format": "date"}
            ),
            "refused": described("Whether PyPI would refuse the file.", {"type": "boolean"}),
            "findings": {
                "type": "array",
                "items": object_of(
                    "A finding, in PyPI's order.",
                    {
                        "level": {"enum": [one.value for one in Level]},
                        "source": described("The field or file that the finding is about.", TEXT),
                        "message": TEXT,
                    },
                ),
            },
        },
    ),
    "Limits": object_of(
        "Limits, and how much is used of each.",
        {
            "limits": {
                "type": "array",
                "items": object_of(
                    "A limit.",
                    {
                        "setting": described("The setting that the operator can raise.", TEXT),
                        "of": {"enum": ["server", "project", "token"]},
                        "limit": described(
                            "The limit, if there is one.", {"type": ["integer", "null"]}
                        ),
                        "used": NUMBER,
                        "near": described(
                            "Whether four fifths of it or more are used.", {"type": "boolean"}
                        ),
                    },
                ),
            }
        },
    ),
    "TrustedPublisher": object_of("A CI job that may upload to a project.", _TRUSTED_PUBLISHER),
    "TrustedPublishers": object_of(
        "The trusted publishers of a project, the earliest first.",
        {"publishers": list_of("TrustedPublisher")},
    ),
    "ApiToken": object_of("An API token, without its secret.", _API_TOKEN),
    "NewApiToken": object_of(
        "A new API token.",
        {"token": described("The secret token. It is shown only once.", TEXT), **_API_TOKEN},
    ),
    "ApiTokens": object_of("API tokens, newest first.", {"tokens": list_of("ApiToken")}),
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
        "A problem document (RFC 9457). PEP 694 names `detail` `details`; both are present.",
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": described("What went wrong, in one sentence.", TEXT),
            "details": described("The same as `detail`.", TEXT),
            "errors": {
                "type": "array",
                "items": object_of(
                    "A problem with the request.",
                    {
                        "source": described("The field that the problem is about.", TEXT),
                        "message": TEXT,
                    },
                ),
            },
            "meta": ref("Meta"),
        },
    ),
    "ReportedEvidence": object_of(
        "What `stageproxy try` reported of an installation from the stage.",
        {
            "id": TEXT,
            "manifest-digest": described("The files that were tried.", hex_digits(64)),
            "python": described("The version of the interpreter.", TEXT),
            "implementation": {"enum": ["cp", "cpt", "pp"]},
            "platform": described("As in a platform tag: `manylinux x86_64`.", TEXT),
            "installer": TEXT,
            "filename": described("The file that was installed; empty if none was.", TEXT),
            "command": TEXT,
            "passed": {"type": "boolean"},
            "exit-code": {"type": "integer"},
            "seconds": {"type": "number"},
            "log-tail": described("The last lines of the output, without tokens.", TEXT),
            "at": TIME,
            "by": described("The id of an API token.", TEXT),
            "by-name": TOKEN_NAME,
            "superseded": described("Whether the stage has other files now.", {"type": "boolean"}),
        },
    ),
    "EvidenceOfStage": object_of(
        "The evidence of a stage, the latest first.", {"evidence": list_of("ReportedEvidence")}
    ),
    "AuditTrail": object_of(
        "Audit events, oldest first: of a stage, or of none.",
        {
            "events": {
                "type": "array",
                "items": object_of(
                    "An audit event.",
                    {
                        "number": described(
                            "The position in the audit trail of all stages.", NUMBER
                        ),
                        "at": TIME,
                        "actor": described("The id of an API token, or `server`.", TEXT),
                        "actor-name": TOKEN_NAME,
                        "action": TEXT,
                        "project": TEXT_OR_NULL,
                        "version": described(
                            "The version at that time, if it was known.", TEXT_OR_NULL
                        ),
                        "details": {"type": "object", "description": "Details of the action."},
                        "digest": described(
                            "SHA-256 of this record, including the digest of the record before it.",
                            hex_digits(64),
                        ),
                    },
                ),
            }
        },
    ),
    "Probe": object_of(
        "How a request arrived at the server.",
        {
            "instance": described("What no other server has, nor this one next time.", TEXT),
            "client": described("The address of the client, as the server sees it.", TEXT_OR_NULL),
            "peer": described("The address of the connection, maybe a proxy's.", TEXT_OR_NULL),
            "is-forwarded": described(
                "Whether a proxy added X-Forwarded-For.", {"type": "boolean"}
            ),
            "receiving": described("The ids of the probes that are arriving now.", TEXTS),
            "bytes": described("The size of the body that arrived.", NUMBER),
        },
    ),
    "Sweep": object_of(
        "What a sweep has ended, forgotten and deleted, or would.",
        {
            "dry-run": {"type": "boolean"},
            "expired": described("The stages that end.", {"type": "array", "items": _SWEPT_STAGE}),
            "uploads": described("The files whose unfinished uploads end.", TEXTS),
            "forgotten": described(
                "The stages that ended long ago, and are deleted.",
                {"type": "array", "items": _SWEPT_STAGE},
            ),
            "files": {
                "type": "array",
                "items": object_of(
                    "A stored file that is deleted.",
                    {
                        "name": described("A SHA-256, or a path.", TEXT),
                        "size": NUMBER,
                        "reason": {"enum": ["unused", "orphan"]},
                    },
                ),
            },
            "bytes": described("The size of these files.", NUMBER),
        },
    ),
    "AuditCheck": object_of(
        "Whether the audit trail of all stages is unchanged.",
        {
            "ok": {"type": "boolean"},
            "records": described("The number of unchanged records, from the first one on.", NUMBER),
            "head": described("The digest of the last of these records.", hex_digits(64)),
            "broken-at": described(
                "The number of the first record that was changed or is missing, if any.",
                {"type": ["integer", "null"], "minimum": 1},
            ),
            "reason": described("What is wrong with that record.", TEXT_OR_NULL),
        },
    ),
}
"""The components by name. Those of promotions are in `promotion_schemas`."""
