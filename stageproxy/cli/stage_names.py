"""The stage that a project, or a release `project==version`, names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version

STAGE_ID = re.compile(r"[0-9a-f]{16}")
RELEASE = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\s*==\s*([^\s=]+))?")
_LIVE = frozenset({"open", "processing", "error"})
_MAX_SHOWN = 20

Listed = Mapping[str, Any]
"""A stage as the server lists it."""


class NotUniqueError(Exception):
    """A release names no stage, or more than one. The message lists them."""


def find_stage(release: str, stages: Sequence[Listed]) -> Listed:
    """Return the one stage of a release: the live one, or else the published or the ended one."""
    named = _of_release(release, stages)
    live = [one for one in named if is_live(one)]
    published = [one for one in named if one["status"] == "published"]
    candidates = live or published or named
    if not candidates:
        raise NotUniqueError(
            f"There is no stage of {release} that this token can see. List stages with "
            "`stageproxy stage list`."
        )
    if len(candidates) > 1:
        lines = [_line(one) for one in candidates[:_MAX_SHOWN]]
        more = [f"  and {len(candidates) - len(lines)} more"] if candidates[_MAX_SHOWN:] else []
        raise NotUniqueError(
            "\n".join(
                [f"{release} has more than one stage. Name one by its id or URL:", *lines, *more]
            )
        )
    return candidates[0]


def is_live(stage: Listed) -> bool:
    """Return whether a listed stage can still be published."""
    return stage["status"] in _LIVE


def project_of(release: str) -> str:
    """Return the normalized project of a release."""
    found = RELEASE.fullmatch(release)
    return canonicalize_name(found[1] if found else release)


def _of_release(release: str, stages: Sequence[Listed]) -> list[Listed]:
    found = RELEASE.fullmatch(release)
    if found is None or found[2] is None:
        return list(stages)
    wanted = canonicalize_version(found[2])
    return [
        one for one in stages if one["version"] and canonicalize_version(one["version"]) == wanted
    ]


def _line(stage: Listed) -> str:
    version = stage["version"] or "(no version yet)"
    url = stage["links"].get("stage", "")
    return f"  {stage['id']}  {stage['project']} {version}  {stage['status']}  {url}".rstrip()
