"""What every catalogue promises of files on their way in, each kind of it."""

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import UNFINISHED, FileUpload, UploadStatus
from stageproxy.core.stage.stage import Status
from stageproxy.ports import Catalogue, Rows
from tests.store.builders import DAY, FORM, HOUR, NOW, a_stage, an_artifact, given
from tests.support.builders.stages import a_file_upload

FINISHED = sorted(set(UploadStatus) - UNFINISHED)
BYTES = FileDigests(
    size=9,
    sha256=hashlib.sha256(b"the bytes").hexdigest(),
    blake2b_256=hashlib.blake2b(b"the bytes", digest_size=32).hexdigest(),
    md5=hashlib.md5(b"the bytes", usedforsecurity=False).hexdigest(),
)


async def save(catalogue: Catalogue, *uploads: FileUpload, stage_id: str = "id") -> None:
    """Keep uploads of a stage, each in a transaction of its own, as they come in."""
    for upload in uploads:
        await catalogue.write(partial(_save, stage_id, upload))


def _save(stage_id: str, upload: FileUpload, rows: Rows) -> None:
    rows.file_uploads.save(stage_id, upload)
    stage = rows.stages.find(stage_id)
    if stage:
        rows.stages.save(replace(stage, revision=stage.revision + 1))


async def kept(catalogue: Catalogue, upload_id: str, stage_id: str = "id") -> FileUpload | None:
    """Return an upload as it was kept."""
    return await catalogue.read(lambda rows: rows.file_uploads.find(stage_id, upload_id))


async def unfinished(catalogue: Catalogue, stage_id: str = "id") -> list[FileUpload]:
    """Return what a stage has on its way in."""
    stage = await catalogue.read(lambda rows: rows.stages.find(stage_id))
    assert stage is not None
    return list(stage.uploads)


async def known(catalogue: Catalogue) -> frozenset[str]:
    """Return the digests of all files that a row names."""
    return await catalogue.read(lambda rows: rows.files.digests())


async def unused(catalogue: Catalogue) -> list[str]:
    """Return what two sweeps find, an hour apart."""
    await catalogue.write(lambda rows: rows.files.remove_unused(NOW, since=NOW - HOUR))
    later = NOW + HOUR
    return list(await catalogue.write(lambda rows: rows.files.remove_unused(later, since=NOW)))


@pytest.mark.parametrize("status", UploadStatus)
async def test_every_field_comes_back(catalogue: Catalogue, status: UploadStatus) -> None:
    """An upload is kept as it is, in any state, to the microsecond.

    Attestations are kept as long as they are needed.
    """
    is_coming = status in {UploadStatus.PENDING, UploadStatus.PROCESSING}
    sent = replace(
        a_file_upload(status=status, received=BYTES),
        attestations='[{"version": 1, "é": "\u2713"}]',
        notices=("One.", "Two."),
        hashes={"sha256": "ab" * 32, "shake_128": "00" * 40},
    )
    upload = sent if is_coming else replace(sent, attestations=None)
    await given(catalogue, a_stage("id"))

    await save(catalogue, sent)

    assert await kept(catalogue, upload.id) == upload


async def test_nothing_that_was_not_said(catalogue: Catalogue) -> None:
    """An upload of which no bytes came has none, nor attestations, nor notices."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_file_upload())

    assert await kept(catalogue, "u1") == a_file_upload()
    assert await known(catalogue) == frozenset()


async def test_found_within_its_stage_alone(catalogue: Catalogue) -> None:
    """An upload is its stage's: by the id of another one it is not found."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_file_upload())

    assert await kept(catalogue, "u1", "other") is None
    assert await kept(catalogue, "u2") is None
    assert await kept(catalogue, "u1", "nobody") is None


async def test_unfinished_ones_stand_in_the_stage(catalogue: Catalogue) -> None:
    """A stage has its unfinished uploads, sorted by filename; the finished ones are elsewhere."""
    uploads = [
        a_file_upload(f"{name}.whl", upload_id=name, status=status)
        for name, status in zip("edcba", UploadStatus, strict=True)
    ]
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))

    await save(catalogue, *uploads)

    expected = sorted(
        (one for one in uploads if one.status in UNFINISHED), key=lambda one: one.filename
    )
    assert await unfinished(catalogue) == expected
    assert await unfinished(catalogue, "other") == []


async def test_changed_in_place(catalogue: Catalogue) -> None:
    """Kept again, an upload is as it is now."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload())
    failed = a_file_upload(status=UploadStatus.ERROR, received=BYTES, notices=("Why.",))

    await save(catalogue, failed)

    assert await unfinished(catalogue) == [failed]


@pytest.mark.parametrize("second", sorted(UNFINISHED))
@pytest.mark.parametrize("first", sorted(UNFINISHED))
async def test_one_unfinished_upload_of_a_file(
    catalogue: Catalogue, first: UploadStatus, second: UploadStatus
) -> None:
    """The database itself keeps a second unfinished upload of a filename out (22)."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(upload_id="first", status=first))

    with pytest.raises(sqlite3.IntegrityError):
        await save(catalogue, a_file_upload(upload_id="second", status=second))

    assert await kept(catalogue, "second") is None


@pytest.mark.parametrize("status", FINISHED)
async def test_finished_ones_make_room(catalogue: Catalogue, status: UploadStatus) -> None:
    """A filename can be announced anew once its upload is over, however often."""
    await given(catalogue, a_stage("id"))
    over = [a_file_upload(upload_id=name, status=status) for name in ("first", "second")]

    await save(catalogue, *over, a_file_upload(upload_id="third"))

    assert await unfinished(catalogue) == [a_file_upload(upload_id="third")]
    assert await kept(catalogue, "first") == over[0]


async def test_one_filename_in_two_stages(catalogue: Catalogue) -> None:
    """Stages do not stand in each other's way."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))

    await save(catalogue, a_file_upload(upload_id="first"))
    await save(catalogue, a_file_upload(upload_id="second"), stage_id="other")

    assert [one.id for one in await unfinished(catalogue, "other")] == ["second"]


async def test_no_upload_without_a_stage(catalogue: Catalogue) -> None:
    """An upload of a stage that is not there cannot be kept."""
    with pytest.raises(sqlite3.IntegrityError):
        await save(catalogue, a_file_upload(), stage_id="nobody")


@pytest.mark.parametrize("status", [UploadStatus.PENDING, UploadStatus.PROCESSING])
async def test_bytes_on_their_way_are_spared(catalogue: Catalogue, status: UploadStatus) -> None:
    """What an unfinished upload has received is no file that nobody needs."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_file_upload(status=status, received=BYTES))

    assert await unused(catalogue) == []
    assert await known(catalogue) == {BYTES.sha256}


@pytest.mark.parametrize("status", [*FINISHED, UploadStatus.ERROR])
async def test_bytes_of_an_ended_upload_go(catalogue: Catalogue, status: UploadStatus) -> None:
    """What an upload received goes with it, unless an artifact is made of it."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=BYTES))

    await save(catalogue, a_file_upload(status=status, received=BYTES))

    assert await unused(catalogue) == [BYTES.sha256]
    assert await known(catalogue) == frozenset()


async def test_bytes_that_became_an_artifact_stay(catalogue: Catalogue) -> None:
    """The bytes of a completed upload are its artifact's from then on."""
    artifact = replace(an_artifact(), sha256=BYTES.sha256)
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(status=UploadStatus.COMPLETED, received=BYTES))

    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))

    assert await unused(catalogue) == []


async def test_removed_artifact_cancels_its_uploads(catalogue: Catalogue) -> None:
    """With an artifact go the uploads that brought it, for its reason; others stay (26)."""
    done: Any = {"status": UploadStatus.COMPLETED, "notices": ("Odd.",)}
    artifact = replace(an_artifact(), sha256=BYTES.sha256)
    name = artifact.filename
    own = a_file_upload(name, upload_id="own", received=BYTES, **done)
    others = [
        a_file_upload(name, upload_id="other bytes", received=replace(BYTES, sha256="0"), **done),
        a_file_upload("b.whl", upload_id="other name", received=BYTES, **done),
        a_file_upload(name, upload_id="pending", received=BYTES),
    ]
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, own, *others)
    await save(catalogue, replace(own, id="elsewhere"), stage_id="other")

    await catalogue.write(lambda rows: rows.artifacts.remove("id", artifact, "Withdrawn."))

    canceled = replace(own, status=UploadStatus.CANCELED, notices=("Odd.", "Withdrawn."))
    assert await kept(catalogue, "own") == canceled
    assert [await kept(catalogue, one.id) for one in others] == others
    assert await kept(catalogue, "elsewhere", "other") == replace(own, id="elsewhere")


async def test_bytes_that_were_sent_anew(catalogue: Catalogue) -> None:
    """Of bytes that were sent twice, those of the first time go."""
    first = replace(BYTES, sha256="ab" * 32)
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=first))

    await save(catalogue, a_file_upload(received=BYTES))

    assert await unused(catalogue) == [first.sha256]


async def test_bytes_go_with_an_ended_stage(catalogue: Catalogue) -> None:
    """A stage that has ended waits for nothing any more."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=BYTES))

    await given(catalogue, a_stage("id", status=Status.CANCELED))

    assert await unused(catalogue) == [BYTES.sha256]


async def test_forgotten_with_their_stage(catalogue: Catalogue) -> None:
    """Uploads are gone with their stage; those of others stay."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0", opened_at=NOW + DAY))
    await save(catalogue, a_file_upload(), a_file_upload("b.whl", upload_id="u2"))
    await save(catalogue, a_file_upload(upload_id="u3"), stage_id="other")

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert [await kept(catalogue, one) for one in ("u1", "u2")] == [None, None]
    assert await kept(catalogue, "u3", "other") == a_file_upload(upload_id="u3")


async def test_failed_work_leaves_no_upload(catalogue: Catalogue) -> None:
    """An upload that was kept in a transaction that raises has not been."""
    await given(catalogue, a_stage("id"))

    def fails(rows: Rows) -> None:
        rows.file_uploads.save("id", a_file_upload(received=BYTES))
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(fails)

    assert await kept(catalogue, "u1") is None
    assert await known(catalogue) == frozenset()


@pytest.mark.parametrize("status", UploadStatus)
async def test_file_that_nobody_needs_is_forgotten(
    catalogue: Catalogue, status: UploadStatus
) -> None:
    """What was sent is forgotten at once if no upload that goes on and no artifact needs it."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(status=status, received=BYTES))

    forgotten = await catalogue.write(lambda rows: rows.files.remove(BYTES.sha256))

    is_needed = status in {UploadStatus.PENDING, UploadStatus.PROCESSING}
    known = await catalogue.read(lambda rows: rows.files.digests())
    assert (forgotten, BYTES.sha256 in known) == (not is_needed, is_needed)


async def test_file_of_an_artifact_is_not_forgotten(catalogue: Catalogue) -> None:
    """The bytes of an artifact stay, whatever becomes of an upload that had the same."""
    artifact = an_artifact()
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))

    assert not await catalogue.write(lambda rows: rows.files.remove(artifact.sha256))


async def test_stage_does_not_bring_attestations_along(catalogue: Catalogue) -> None:
    """A stage is read often, and attestations are large: they come with the upload alone."""
    upload = a_file_upload(attestations="[{}]")
    await given(catalogue, a_stage("id"))
    await save(catalogue, upload)

    stage = await catalogue.read(lambda rows: rows.stages.find("id"))

    assert stage is not None
    assert stage.uploads == (replace(upload, attestations=None),)
    assert await kept(catalogue, upload.id) == upload
