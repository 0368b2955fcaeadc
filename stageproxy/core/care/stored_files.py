"""Stored files against the rows that name them, and files that no row names."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from stageproxy.core.care.faults import (
    AddFileRow,
    CancelUpload,
    DeleteFile,
    Fault,
    Repair,
    WithdrawArtifact,
    error,
    warning,
)
from stageproxy.core.care.snapshot import (
    FoundFile,
    NeededFile,
    Place,
    Reading,
    Snapshot,
    Unreadable,
    needed_files,
)
from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Journal, final_files
from stageproxy.core.stage.accept import check_can_change
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.stage import Artifact, Stage, Status

MIN_AGE = timedelta(hours=1)
"""How old a file without a row must be: an upload stores its file before its row."""

_AGAIN = "Upload the same file again, which replaces the stored copy; or restore a backup."
_REMOVE = (
    "Withdraw the file with `stageproxy stage remove` and upload it again, or restore a backup."
)
_WITHDRAW = "`fsck --repair` withdraws it from the stage"
_DIGESTS = ("sha256", "blake2b_256", "md5")


def find_file_faults(snapshot: Snapshot, readings: Mapping[str, Reading]) -> Iterator[Fault]:
    """Return what is wrong with the files that live stages need.

    *readings*: what reading each file gave, by its SHA-256.
    """
    for needed in needed_files(snapshot):
        sha256 = needed.digests.sha256
        damage = find_damage(needed.digests, readings.get(sha256))
        if damage is not None:
            yield _damaged(needed, snapshot.journal_of(needed.stage), *damage)
        elif sha256 not in snapshot.stored:
            yield error(
                "file-without-row",
                subject_of(needed),
                f"The stored file {sha256} has no row, so the next sweep would delete it.",
                "Stop the server and run `stageproxy fsck --repair`, which adds the row.",
                AddFileRow(sha256, needed.digests.size),
            )


def find_damage(wanted: FileDigests, found: Reading) -> tuple[str, str] | None:
    """Return the kind of a stored file's damage and a sentence on it, `None` if it is whole."""
    if found is None:
        return "file-missing", "The stored file is missing."
    if isinstance(found, Unreadable):
        return "file-unreadable", f"The stored file cannot be read: {found.reason}."
    if found.size != wanted.size:
        return "file-size", f"The stored file has {found.size} bytes instead of {wanted.size}."
    known = [one for one in _DIGESTS if getattr(wanted, one) is not None]
    differing = [one for one in known if getattr(found, one) != getattr(wanted, one)]
    if "sha256" in differing:
        return "file-altered", "The stored file has other bytes than the one that was uploaded."
    if differing:
        names = " and ".join(differing)
        return "digest-wrong", f"The stored file is whole, but its row has another {names}."
    return None


def subject_of(needed: NeededFile) -> str:
    """Return the name of a needed file for people."""
    stage, filename = needed.stage, needed.needed_by.filename
    return f"{filename} of stage {stage.release} ({stage.id})"


def find_orphans(
    files: Iterable[FoundFile], known: Iterable[str], now: datetime
) -> Iterator[Fault]:
    """Return the files that no row names and that are old enough to be no upload.

    *known*: the SHA-256 of every stored file that a row names.
    """
    names = frozenset(known)
    for file in files:
        if file.place is Place.UNKNOWN or not file.is_regular:
            yield warning(
                "file-unexpected",
                file.path,
                "stageproxy puts nothing at this place.",
                "Look at it, and move it out of the data directory if nothing needs it.",
            )
        elif file.name not in names and now - file.changed_at >= MIN_AGE:
            yield _orphan(file)


def find_form_faults(snapshot: Snapshot) -> Iterator[Fault]:
    """Return the artifacts of live stages whose form or METADATA file is lost or altered."""
    for stage in snapshot.live:
        for artifact in stage.artifacts:
            key = (stage.id, artifact.filename)
            if key not in snapshot.core_metadata:
                yield _form_fault(stage, artifact, "form-missing", "Its form is lost.")
            elif artifact.core_metadata_sha256 not in {None, snapshot.core_metadata[key]}:
                sentence = "The METADATA file beside it has other bytes than its row says."
                yield _form_fault(stage, artifact, "metadata-altered", sentence)


def _damaged(needed: NeededFile, journal: Journal, kind: str, sentence: str) -> Fault:
    repair, advice = _way_out(needed, journal)
    if kind == "digest-wrong":
        repair, advice = None, _REMOVE
    return error(kind, subject_of(needed), sentence, advice, repair)


def _way_out(needed: NeededFile, journal: Journal) -> tuple[Repair | None, str]:
    """Return the repair of a damaged file, if there is one, and the advice to a person."""
    stage, needed_by, sha256 = needed.stage, needed.needed_by, needed.digests.sha256
    if isinstance(needed_by, FileUpload):
        advice = "Send the bytes of the upload again. `fsck --repair` cancels the upload."
        return CancelUpload(stage.id, needed_by.id, sha256), advice
    if stage.status is Status.PROCESSING:
        wait = "The stage is being published: wait until that has ended, or stop it with"
        return None, f"{wait} `stageproxy promote STAGE --stop`. {_AGAIN}"
    try:
        check_can_change(stage, needed_by.filename, final_files(journal))
    except ConflictError as conflict:
        return None, f"{_AGAIN} It is not withdrawn: {conflict.sentence}"
    repair = WithdrawArtifact(stage.id, needed_by.filename, sha256)
    return repair, f"{_AGAIN} {_WITHDRAW}."


def _orphan(file: FoundFile) -> Fault:
    sentence = f"No row names this file of {file.size} bytes."
    if file.place is not Place.KEPT:
        sentence = f"This file of {file.size} bytes was left behind when a process ended early."
    advice = "The next sweep deletes it, and so does `stageproxy fsck --repair`."
    if file.place is Place.DRAFT:
        advice = "`stageproxy fsck --repair` deletes it."
    return warning("orphan", file.path, sentence, advice, DeleteFile(file.path))


def _form_fault(stage: Stage, artifact: Artifact, kind: str, sentence: str) -> Fault:
    subject = f"{artifact.filename} of stage {stage.release} ({stage.id})"
    return error(kind, subject, sentence, _REMOVE)
