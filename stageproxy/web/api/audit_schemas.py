"""Here is what /api/ answers about the audit trail, as JSON Schema; see `schemas`."""

from collections.abc import Mapping

from stageproxy.web.api.schema_words import (
    MOMENT,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    hexadecimal,
    objects,
    said,
)

AUDIT_SCHEMAS: Mapping[str, Schema] = {
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
"""What can be answered with, beside what `schemas` has."""
