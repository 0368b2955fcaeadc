"""The schemas of what /api/ returns about promotions; see `schemas`."""

from collections.abc import Mapping

from stageproxy.core.promotion.journal import Progress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Status
from stageproxy.web.api.schema_words import (
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
    objects,
    said,
)

_BOOLEAN: Schema = {"type": "boolean"}
_MANIFEST_DIGEST = said("SHA-256 of the sorted lines `<sha256>  <filename>`.", hexadecimal(64))
_TARGET: Schema = {
    "repository-url": said("The upload API that the stage is published on.", TEXT),
    "index-url": said("The simple index that confirms it.", TEXT),
}
_RELEASE: Schema = {"stage": TEXT, "project": TEXT, "version": TEXT_OR_NULL}

_PUBLISHER = said("Who publishes.", {"enum": [one.value for one in Publisher]})
_WAY = {
    **said("The former spelling of `publisher`.", {"enum": [one.way for one in Publisher]}),
    "deprecated": True,
}

PROMOTION_SCHEMAS: Mapping[str, Schema] = {
    "PromotionPlan": objects(
        "What would be published, in which order, and the findings about it.",
        {
            **_RELEASE,
            **_TARGET,
            "publisher": _PUBLISHER,
            "manifest-digest": _MANIFEST_DIGEST,
            "files": {
                "type": "array",
                "description": "In the order in which they are sent.",
                "items": objects(
                    "A file.",
                    {
                        "filename": TEXT,
                        "size": NUMBER,
                        "sha256": hexadecimal(64),
                        "published": said(
                            "Whether the index has this file with the same bytes.", _BOOLEAN
                        ),
                    },
                ),
            },
            "refused": said("Whether the index would refuse something.", _BOOLEAN),
            "findings": {
                "type": "array",
                "items": objects(
                    "A finding; without a file it is about the release.",
                    {
                        "file": TEXT_OR_NULL,
                        "level": {"enum": [one.value for one in Level]},
                        "source": TEXT,
                        "message": TEXT,
                    },
                ),
            },
            "warnings-digest": said(
                "What to send as `acknowledged`; empty if there are no warnings.", TEXT
            ),
            "notices": TEXTS,
        },
    ),
    "Promotion": objects(
        "The promotion of a stage, and the progress of each file.",
        {
            **_RELEASE,
            **_TARGET,
            "status": said("The status of the stage.", {"enum": [one.value for one in Status]}),
            "reason": said("Why it stopped, if it has.", TEXT_OR_NULL),
            "manifest-digest": _MANIFEST_DIGEST,
            "approved-by": said("The id of the API token.", TEXT),
            "approved-at": MOMENT,
            "acknowledged": said("The warnings that were acknowledged.", TEXTS),
            "publisher": _PUBLISHER,
            "way": _WAY,
            "fence": said("The number that reports of the publishing client must contain.", NUMBER),
            "leased-until": MOMENT,
            "first-sent-at": MOMENT_OR_NULL,
            "ended-at": MOMENT_OR_NULL,
            "files": by(
                "filename, in the order in which they are sent",
                objects(
                    "The progress of a file.",
                    {
                        "size": NUMBER,
                        "sent": said("Bytes that were sent.", NUMBER),
                        "progress": {"enum": [one.value for one in Progress]},
                        "changed-at": MOMENT,
                        "attempts": NUMBER,
                        "in-doubt": said("Whether an attempt had no answer.", _BOOLEAN),
                        "said": said("The last answer of the upload API.", TEXT),
                        "url": said("The URL of the file on the index.", TEXT_OR_NULL),
                    },
                ),
            ),
            "notices": TEXTS,
        },
    ),
    "Receipt": objects(
        "The receipt of a published stage.",
        {
            **_RELEASE,
            **_TARGET,
            "manifest-digest": _MANIFEST_DIGEST,
            "manifest": said("The lines of the manifest.", TEXT),
            "approved-by": TEXT,
            "approved-at": MOMENT,
            "acknowledged": TEXTS,
            "first-sent-at": MOMENT_OR_NULL,
            "published-at": MOMENT_OR_NULL,
            "publisher": _PUBLISHER,
            "published-by": _WAY,
            "files": by(
                "filename",
                objects(
                    "A published file.",
                    {
                        "sha256": hexadecimal(64),
                        "blake2b_256": hexadecimal(64),
                        "size": NUMBER,
                        "url": URL,
                        "attempts": NUMBER,
                        "confirmed-at": MOMENT,
                    },
                ),
            ),
            "notices": TEXTS,
        },
    ),
    "Form": objects(
        "The form that a file was uploaded with.",
        {
            "filename": TEXT,
            "fields": {
                "type": "array",
                "description": "Names and values, in order.",
                "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
            },
        },
    ),
}
"""Components by name, keys as on the wire."""
