"""The schemas of what /api/ returns about promotions; see `schemas`."""

from collections.abc import Mapping

from stageproxy.core.promotion.journal import Progress
from stageproxy.core.promotion.looks import ChangeKind, LookKind
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.stage.stage import Status
from stageproxy.web.api.schemas import (
    FINDINGS,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    TIME,
    TIME_OR_NULL,
    TOKEN_NAME,
    URL,
    Schema,
    described,
    hex_digits,
    map_of,
    object_of,
)

_BOOLEAN: Schema = {"type": "boolean"}
_MANIFEST_DIGEST = described("SHA-256 of the sorted lines `<sha256>  <filename>`.", hex_digits(64))
_TARGET: Schema = {
    "repository-url": described("The upload API that the stage is published on.", TEXT),
    "index-url": described("The simple index that confirms it.", TEXT),
}
_RELEASE: Schema = {"stage": TEXT, "project": TEXT, "version": TEXT_OR_NULL}

_PUBLISHER = described("Who publishes.", {"enum": [one.value for one in Publisher]})
_WAY = {
    **described("The former spelling of `publisher`.", {"enum": [one.way for one in Publisher]}),
    "deprecated": True,
}

_REVISION = described("A number that every change of the stage increases.", NUMBER)
_TOKEN_ID = described("The id of an API token.", TEXT)
_TOKEN_NAME = described("Its name, if it has one.", TEXT_OR_NULL)
_SHA256_OR_NULL: Schema = {"anyOf": [hex_digits(64), {"type": "null"}]}

_CHANGE = object_of(
    "A file that is not as it was.",
    {
        "filename": TEXT,
        "change": {"enum": [one.value for one in ChangeKind]},
        "old-sha256": _SHA256_OR_NULL,
        "sha256": _SHA256_OR_NULL,
        "by": TEXT_OR_NULL,
        "by-name": _TOKEN_NAME,
        "at": TIME_OR_NULL,
        "message": TEXT,
    },
)


def _changes(when: str) -> Schema:
    """Return the schema of what has changed since *when*."""
    since = object_of(
        "What was shown then.",
        {
            "kind": {"enum": [one.value for one in LookKind]},
            "at": TIME,
            "by": _TOKEN_ID,
            "by-name": _TOKEN_NAME,
            "manifest-digest": _MANIFEST_DIGEST,
            "revision": _REVISION,
        },
    )
    return object_of(
        f"What has changed since {when}. If it never was, `since` is null and all files are new.",
        {
            "since": {"anyOf": [since, {"type": "null"}]},
            "files": {"type": "array", "items": _CHANGE},
        },
    )


PROMOTION_SCHEMAS: Mapping[str, Schema] = {
    "PromotionPlan": object_of(
        "What would be published, in which order, and the findings about it.",
        {
            **_RELEASE,
            **_TARGET,
            "publisher": _PUBLISHER,
            "manifest-digest": _MANIFEST_DIGEST,
            "revision": _REVISION,
            "files": {
                "type": "array",
                "description": "In the order in which they are sent.",
                "items": object_of(
                    "A file.",
                    {
                        "filename": TEXT,
                        "size": NUMBER,
                        "sha256": hex_digits(64),
                        "published": described(
                            "Whether the index has this file with the same bytes.", _BOOLEAN
                        ),
                        "uploaded-by": _TOKEN_ID,
                        "uploaded-by-name": _TOKEN_NAME,
                        "uploaded-at": TIME,
                    },
                ),
            },
            "changes": object_of(
                "What of the stage has changed.",
                {
                    "since-last-look": _changes("this API token last saw it"),
                    "since-last-approval": _changes("it was last approved"),
                },
            ),
            "other-forms": {
                "type": "array",
                "description": "The files whose bytes were uploaded with more than one form. The "
                "manifest digest does not tell them apart: the revision does.",
                "items": _CHANGE,
            },
            "resumes": {
                "anyOf": [
                    object_of(
                        "The approval of a promotion that stopped. It is of the stage as it is "
                        "now, so that resuming needs no other one.",
                        {
                            "approved-by": _TOKEN_ID,
                            "approved-by-name": _TOKEN_NAME,
                            "approved-at": TIME,
                            "covers-warnings": described(
                                "Whether all warnings were acknowledged.", _BOOLEAN
                            ),
                        },
                    ),
                    {"type": "null"},
                ]
            },
            "refused": described("Whether the index would refuse any file.", _BOOLEAN),
            "findings": FINDINGS,
            "warnings-digest": described(
                "The digest to send as `acknowledged`. It is empty if there are no warnings.", TEXT
            ),
            "notices": TEXTS,
        },
    ),
    "Promotion": object_of(
        "The promotion of a stage, and the progress of each file.",
        {
            **_RELEASE,
            **_TARGET,
            "status": described(
                "The status of the stage.", {"enum": [one.value for one in Status]}
            ),
            "reason": described("Why it stopped, if it has.", TEXT_OR_NULL),
            "manifest-digest": _MANIFEST_DIGEST,
            "revision": _REVISION,
            "approved-by": described("The id of an API token.", TEXT),
            "approved-by-name": TOKEN_NAME,
            "approved-at": TIME,
            "acknowledged": described("The warnings that were acknowledged.", TEXTS),
            "publisher": _PUBLISHER,
            "way": _WAY,
            "fence": described(
                "The number that reports of the publishing client must contain.", NUMBER
            ),
            "leased-until": TIME,
            "first-sent-at": TIME_OR_NULL,
            "stop-requested-at": TIME_OR_NULL,
            "stop-requested-by": described(
                "The id of an API token, if it was stopped.", TEXT_OR_NULL
            ),
            "stop-requested-by-name": TOKEN_NAME,
            "ended-at": TIME_OR_NULL,
            "files": map_of(
                "filename, in the order in which they are sent",
                object_of(
                    "The progress of a file.",
                    {
                        "size": NUMBER,
                        "sent": described("Bytes that were sent.", NUMBER),
                        "progress": {"enum": [one.value for one in Progress]},
                        "changed-at": TIME,
                        "attempts": NUMBER,
                        "in-doubt": described("Whether an attempt had no answer.", _BOOLEAN),
                        "said": described("The last answer of the upload API.", TEXT),
                        "url": described("The URL of the file on the index.", TEXT_OR_NULL),
                    },
                ),
            ),
            "waits-for": described(
                "A sentence on what this server waits for, null unless it does.", TEXT_OR_NULL
            ),
            "notices": TEXTS,
        },
    ),
    "Receipt": object_of(
        "The receipt of a published stage.",
        {
            **_RELEASE,
            **_TARGET,
            "manifest-digest": _MANIFEST_DIGEST,
            "revision": _REVISION,
            "manifest": described("The lines of the manifest.", TEXT),
            "approved-by": described("The id of an API token.", TEXT),
            "approved-by-name": TOKEN_NAME,
            "approved-at": TIME,
            "acknowledged": TEXTS,
            "first-sent-at": TIME_OR_NULL,
            "published-at": TIME_OR_NULL,
            "publisher": _PUBLISHER,
            "published-by": _WAY,
            "files": map_of(
                "filename",
                object_of(
                    "A published file.",
                    {
                        "sha256": hex_digits(64),
                        "blake2b_256": hex_digits(64),
                        "form-sha256": described(
                            "A digest of the form that it was uploaded with.", hex_digits(64)
                        ),
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
"""The components of promotions, by name."""
