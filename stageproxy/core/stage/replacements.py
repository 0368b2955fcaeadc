"""Files of a stage that were replaced with other bytes, as the audit trail tells."""

from collections.abc import Iterable, Mapping, Sequence

from stageproxy.core.audit import AuditAction, AuditRecord, Event
from stageproxy.core.rights import actor_label
from stageproxy.core.rules.findings import Finding, note
from stageproxy.core.stage.stage import Artifact


def replacement_findings(
    artifacts: Iterable[Artifact], records: Iterable[AuditRecord], names: Mapping[str, str]
) -> Mapping[str, Finding]:
    """Return the finding on each artifact that replaced files with other bytes, by filename.

    *records*: those of the stage; *names*: those of API tokens, by their ids. A build
    that is repeated gives other bytes each time, and only the last ones are published.
    """
    actors: dict[str, list[str]] = {one.filename: [] for one in artifacts}
    for record in records:
        event = record.event
        filename = event.details.get("filename")
        if isinstance(filename, str) and filename in actors and _has_other_bytes(event):
            actors[filename].append(actor_label(event.actor, names))
    return {filename: _finding(found) for filename, found in actors.items() if found}


def _has_other_bytes(event: Event) -> bool:
    former = event.details.get("replaced-sha256")
    return event.action == AuditAction.REPLACED and former != event.details.get("sha256")


def _finding(actors: Sequence[str]) -> Finding:
    times = "once" if len(actors) == 1 else f"{len(actors)} times"
    by = ", ".join(dict.fromkeys(actors))
    return note(
        f"Replaced {times} with other bytes, by {by}: only the last ones are staged. "
        "If several jobs build this file, let one of them upload it."
    )
