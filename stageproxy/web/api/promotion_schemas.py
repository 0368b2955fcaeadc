"""Here is what /api/ answers about promotions, as JSON Schema; see `schemas`."""

from collections.abc import Mapping

from stageproxy.core.promotion.journal import Progress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Status
from stageproxy.web.api.schemas import (
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    TIME,
    TIME_OR_NULL,
    URL,
    Schema,
    described,
    hex_digits,
    map_of,
    object_of,
)

_BOOLEAN: Schema = {"type": "boolean"}
_MANIFEST_DIGEST = described(
    "SHA-256 of the sorted lines `<sha256>  <filename>`: what was looked at.", hex_digits(64)
)
_TARGET: Schema = {
    "repository-url": described("Where it is published: the upload API.", TEXT),
    "index-url": described("The simple index that confirms it.", TEXT),
}
_RELEASE: Schema = {"stage": TEXT, "project": TEXT, "version": TEXT_OR_NULL}

PROMOTION_SCHEMAS: Mapping[str, Schema] = {
    "PromotionPlan": object_of(
        "What would be published, in which order, and what is to be said of it.",
        {
            **_RELEASE,
            **_TARGET,
            "manifest-digest": _MANIFEST_DIGEST,
            "files": {
                "type": "array",
                "description": "In the order in which they go out.",
                "items": object_of(
                    "A file.",
                    {
                        "filename": TEXT,
                        "size": NUMBER,
                        "sha256": hex_digits(64),
                        "published": described("Whether the index has the very file.", _BOOLEAN),
                    },
                ),
            },
            "refused": described("Whether the index would refuse something.", _BOOLEAN),
            "findings": {
                "type": "array",
                "items": object_of(
                    "One thing that was found; without a file it is about the release.",
                    {
                        "file": TEXT_OR_NULL,
                        "level": {"enum": [one.value for one in Level]},
                        "source": TEXT,
                        "message": TEXT,
                    },
                ),
            },
            "warnings-digest": described(
                "What to send as `acknowledged`; empty if there are no warnings.", TEXT
            ),
            "notices": TEXTS,
        },
    ),
    "Promotion": object_of(
        "How far the promotion of a stage is.",
        {
            **_RELEASE,
            **_TARGET,
            "status": described("Of the stage.", {"enum": [one.value for one in Status]}),
            "reason": described("Why it stopped, if it did.", TEXT_OR_NULL),
            "manifest-digest": _MANIFEST_DIGEST,
            "approved-by": described("The id of the API token.", TEXT),
            "approved-at": TIME,
            "acknowledged": described("The warnings that were known.", TEXTS),
            "way": described(
                "Who sends: the server, or a command elsewhere.",
                {"enum": [one.value for one in Publisher]},
            ),
            "fence": described("What reports of whoever sends elsewhere have to name.", NUMBER),
            "leased-until": TIME,
            "first-sent-at": TIME_OR_NULL,
            "ended-at": TIME_OR_NULL,
            "files": map_of(
                "filename, in the order in which they go out",
                object_of(
                    "How far a file is.",
                    {
                        "size": NUMBER,
                        "sent": described("Bytes that have gone out.", NUMBER),
                        "progress": {"enum": [one.value for one in Progress]},
                        "changed-at": TIME,
                        "attempts": NUMBER,
                        "in-doubt": described("Whether an attempt had no answer.", _BOOLEAN),
                        "said": described("What the upload API said last.", TEXT),
                        "url": described("Where the index has the file.", TEXT_OR_NULL),
                    },
                ),
            ),
            "notices": TEXTS,
        },
    ),
    "Receipt": object_of(
        "What a published stage can show for itself.",
        {
            **_RELEASE,
            **_TARGET,
            "manifest-digest": _MANIFEST_DIGEST,
            "manifest": described("The lines themselves.", TEXT),
            "approved-by": TEXT,
            "approved-at": TIME,
            "acknowledged": TEXTS,
            "first-sent-at": TIME_OR_NULL,
            "published-at": TIME_OR_NULL,
            "published-by": {"enum": [one.value for one in Publisher]},
            "files": map_of(
                "filename",
                object_of(
                    "A published file.",
                    {
                        "sha256": hex_digits(64),
                        "blake2b_256": hex_digits(64),
                        "size": NUMBER,
                        "url": URL,
                        "attempts": NUMBER,
                        "confirmed-at": TIME,
                    },
                ),
            ),
            "notices": TEXTS,
        },
    ),
    "Form": object_of(
        "The form that a file came with.",
        {
            "filename": TEXT,
            "fields": {
                "type": "array",
                "description": "Names and values, in their order.",
                "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
            },
        },
    ),
}
"""Components by name, keys as on the wire."""
