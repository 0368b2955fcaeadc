"""What may be stored: by a project, an API token and a stage, and by all together."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stageproxy.core.errors import OverLimitError, OverSizeLimitError, StageproxyError


class Quota(StrEnum):
    """What is limited, by the name of its setting in `[limits]`."""

    TOTAL_BYTES = "total_bytes"
    PROJECT_BYTES = "project_bytes"
    TOKEN_BYTES = "token_bytes"  # noqa: S105 - a name
    STAGE_FILES = "stage_files"
    STAGE_UPLOADS = "stage_uploads"
    TOKEN_UPLOADS = "token_uploads"  # noqa: S105 - a name


BYTES = frozenset({Quota.TOTAL_BYTES, Quota.PROJECT_BYTES, Quota.TOKEN_BYTES})
"""The quotas of bytes: files by their contents, forms, and what was announced and is to come."""

Amounts = Mapping[Quota, int]
"""How much is used of each quota, or what the limits are; a limit of 0 is none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose use is counted, each by its id: an API token's, a project's, a stage's."""

    token_id: str | None = None
    project: str | None = None
    stage_id: str | None = None


_NEAR = 0.8
"""The part of a limit from which on its use is worth a notice."""

_WITHDRAW = "Withdraw files that are not needed, or cancel a stage"
_FINISH = "Complete or delete some first"


@dataclass(frozen=True, slots=True)
class _Wording:
    """How an error names what is limited, and what its reader can do."""

    what: str
    advice: str


_WORDING: Mapping[Quota, _Wording] = {
    Quota.TOTAL_BYTES: _Wording("The server can store", "Try again when others have finished"),
    Quota.PROJECT_BYTES: _Wording("The live stages of {project} can hold", _WITHDRAW),
    Quota.TOKEN_BYTES: _Wording("Files of this API token in live stages can have", _WITHDRAW),
    Quota.STAGE_FILES: _Wording("Stage {release} can have", "Withdraw files that are not needed"),
    Quota.STAGE_UPLOADS: _Wording("Stage {release} can have", _FINISH),
    Quota.TOKEN_UPLOADS: _Wording("This API token can have", _FINISH),
}
_UNITS: Mapping[Quota, str] = {
    Quota.STAGE_FILES: "files",
    Quota.STAGE_UPLOADS: "unfinished uploads",
    Quota.TOKEN_UPLOADS: "unfinished uploads in all stages",
}


def find_exceeded(before: Amounts, after: Amounts, limits: Amounts) -> Quota | None:
    """Return the first limit that a change exceeds.

    What a change does not increase it may leave above a limit, which was lowered since.
    """
    return next(
        (one for one in Quota if _is_over(one, after, limits) and after[one] > before[one]), None
    )


def with_bytes(used: Amounts, size: int) -> Amounts:
    """Return what would be used with a file of *size* bytes more."""
    return {one: amount + size if one in BYTES else amount for one, amount in used.items()}


def is_near(used: int, limit: int) -> bool:
    """Return whether a limit is nearly or wholly used."""
    return limit > 0 and used >= _NEAR * limit


def over_limit(
    quota: Quota, used: int, limits: Amounts, *, project: str, release: str
) -> StageproxyError:
    """Return the error on a change that exceeds a limit, of which *used* was used before."""
    wording, limit = _WORDING[quota], limits[quota]
    what = wording.what.format(project=project, release=release)
    unit = _UNITS.get(quota, "")
    most, present = (
        (f"{limit:,} bytes", f"{used:,}") if quota in BYTES else (f"{limit} {unit}", str(used))
    )
    sentence = (
        f"{what} at most {most}, of which {present} are used. {wording.advice}, or ask the "
        f"server's operator to raise limits.{quota}."
    )
    setting = f"limits.{quota}"
    if quota in BYTES:
        return OverSizeLimitError(sentence, setting)
    return OverLimitError(sentence, setting)


def _is_over(quota: Quota, used: Amounts, limits: Amounts) -> bool:
    limit = limits.get(quota, 0)
    return limit > 0 and used[quota] > limit
