"""The contract of catalogues: file uploads."""

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import UNFINISHED, FileUpload, UploadStatus
from stageproxy.core.stage.stage import Status
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
    """Store uploads of a stage, each in its own transaction."""
    for upload in uploads:
        await catalogue.write(partial(_save, stage_id, upload))


def _save(stage_id: str, upload: FileUpload, rows: Rows) -> None:
    rows.file_uploads.save(stage_id, upload)
    stage = rows.stages.find(stage_id)
    if stage:
        rows.stages.save(replace(stage, revision=stage.revision + 1))


async def stored(catalogue: Catalogue, upload_id: str, stage_id: str = "id") -> FileUpload | None:
    """Return the stored upload."""
    return await catalogue.read(lambda rows: rows.file_uploads.find(stage_id, upload_id))


async def unfinished(catalogue: Catalogue, stage_id: str = "id") -> list[FileUpload]:
    """Return the unfinished uploads of a stage."""
    stage = await catalogue.read(lambda rows: rows.stages.find(stage_id))
    assert stage is not None
    return list(stage.uploads)


async def known(catalogue: Catalogue) -> frozenset[str]:
    """Return the digests of all files that a row names."""
    return await catalogue.read(lambda rows: rows.files.digests())


async def unused(catalogue: Catalogue) -> list[str]:
    """Return the unused files that two sweeps find, an hour apart."""
    await catalogue.write(lambda rows: rows.files.remove_unused(NOW, since=NOW - HOUR))
    later = NOW + HOUR
    removed = await catalogue.write(lambda rows: rows.files.remove_unused(later, since=NOW))
    return [one.name for one in removed]


@pytest.mark.parametrize("status", UploadStatus)
async def test_every_field_is_stored(catalogue: Catalogue, status: UploadStatus) -> None:
    """Every field of an upload is stored, in every status, times to the microsecond.

    Attestations are stored as long as they are needed.
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

    assert await stored(catalogue, upload.id) == upload


async def test_empty_fields_are_stored(catalogue: Catalogue) -> None:
    """An upload without bytes, attestations and notices is stored so."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_file_upload())

    assert await stored(catalogue, "u1") == a_file_upload()
    assert await known(catalogue) == frozenset()


async def test_found_in_its_stage_only(catalogue: Catalogue) -> None:
    """An upload is not found by the id of another stage."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_file_upload())

    assert await stored(catalogue, "u1", "other") is None
    assert await stored(catalogue, "u2") is None
    assert await stored(catalogue, "u1", "nobody") is None


async def test_stage_has_its_unfinished_uploads(catalogue: Catalogue) -> None:
    """A stage has its unfinished uploads, sorted by filename, and no finished ones."""
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
    """Saving an upload again replaces it."""
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
    """The database refuses a second unfinished upload of a filename."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(upload_id="first", status=first))

    with pytest.raises(ConstraintError):
        await save(catalogue, a_file_upload(upload_id="second", status=second))

    assert await stored(catalogue, "second") is None


@pytest.mark.parametrize("status", FINISHED)
async def test_finished_upload_can_be_followed(catalogue: Catalogue, status: UploadStatus) -> None:
    """A filename can be announced again once its upload has ended."""
    await given(catalogue, a_stage("id"))
    over = [a_file_upload(upload_id=name, status=status) for name in ("first", "second")]

    await save(catalogue, *over, a_file_upload(upload_id="third"))

    assert await unfinished(catalogue) == [a_file_upload(upload_id="third")]
    assert await stored(catalogue, "first") == over[0]


async def test_one_filename_in_two_stages(catalogue: Catalogue) -> None:
    """Two stages can have an upload of the same filename."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))

    await save(catalogue, a_file_upload(upload_id="first"))
    await save(catalogue, a_file_upload(upload_id="second"), stage_id="other")

    assert [one.id for one in await unfinished(catalogue, "other")] == ["second"]


async def test_no_upload_without_a_stage(catalogue: Catalogue) -> None:
    """An upload of an unknown stage cannot be stored."""
    with pytest.raises(ConstraintError):
        await save(catalogue, a_file_upload(), stage_id="nobody")


@pytest.mark.parametrize("status", [UploadStatus.PENDING, UploadStatus.PROCESSING])
async def test_received_bytes_are_used(catalogue: Catalogue, status: UploadStatus) -> None:
    """The bytes of an unfinished upload are used."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_file_upload(status=status, received=BYTES))

    assert await unused(catalogue) == []
    assert await known(catalogue) == {BYTES.sha256}


@pytest.mark.parametrize("status", [*FINISHED, UploadStatus.ERROR])
async def test_bytes_of_an_ended_upload_are_unused(
    catalogue: Catalogue, status: UploadStatus
) -> None:
    """The bytes of an ended upload are unused, unless an artifact has them."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=BYTES))

    await save(catalogue, a_file_upload(status=status, received=BYTES))

    assert await unused(catalogue) == [BYTES.sha256]
    assert await known(catalogue) == frozenset()


async def test_bytes_of_an_artifact_are_used(catalogue: Catalogue) -> None:
    """The bytes of a completed upload are used by its artifact."""
    artifact = replace(an_artifact(), sha256=BYTES.sha256)
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(status=UploadStatus.COMPLETED, received=BYTES))

    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))

    assert await unused(catalogue) == []


async def test_removed_artifact_cancels_its_uploads(catalogue: Catalogue) -> None:
    """Uploads of a removed artifact are canceled with its reason; others are not."""
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
    assert await stored(catalogue, "own") == canceled
    assert [await stored(catalogue, one.id) for one in others] == others
    assert await stored(catalogue, "elsewhere", "other") == replace(own, id="elsewhere")


async def test_replaced_bytes_are_unused(catalogue: Catalogue) -> None:
    """Bytes that were sent again with others are unused."""
    first = replace(BYTES, sha256="ab" * 32)
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=first))

    await save(catalogue, a_file_upload(received=BYTES))

    assert await unused(catalogue) == [first.sha256]


async def test_bytes_of_an_ended_stage_are_unused(catalogue: Catalogue) -> None:
    """The uploads of an ended stage use no bytes."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(received=BYTES))

    await given(catalogue, a_stage("id", status=Status.CANCELED))

    assert await unused(catalogue) == [BYTES.sha256]


async def test_removed_with_the_stage(catalogue: Catalogue) -> None:
    """Uploads are removed with their stage; those of others stay."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0", opened_at=NOW + DAY))
    await save(catalogue, a_file_upload(), a_file_upload("b.whl", upload_id="u2"))
    await save(catalogue, a_file_upload(upload_id="u3"), stage_id="other")

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert [await stored(catalogue, one) for one in ("u1", "u2")] == [None, None]
    assert await stored(catalogue, "u3", "other") == a_file_upload(upload_id="u3")


async def test_failed_transaction_leaves_no_upload(catalogue: Catalogue) -> None:
    """An upload that was stored in a transaction that raises is not stored."""
    await given(catalogue, a_stage("id"))

    def fails(rows: Rows) -> None:
        rows.file_uploads.save("id", a_file_upload(received=BYTES))
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(fails)

    assert await stored(catalogue, "u1") is None
    assert await known(catalogue) == frozenset()


@pytest.mark.parametrize("status", UploadStatus)
async def test_unused_file_is_removed(catalogue: Catalogue, status: UploadStatus) -> None:
    """A file is removed at once if no unfinished upload and no artifact needs it."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_file_upload(status=status, received=BYTES))

    forgotten = await catalogue.write(lambda rows: rows.files.remove(BYTES.sha256))

    is_needed = status in {UploadStatus.PENDING, UploadStatus.PROCESSING}
    known = await catalogue.read(lambda rows: rows.files.digests())
    assert (forgotten, BYTES.sha256 in known) == (not is_needed, is_needed)


async def test_file_of_an_artifact_is_not_removed(catalogue: Catalogue) -> None:
    """The file of an artifact stays if an upload of the same bytes ends."""
    artifact = an_artifact()
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))

    assert not await catalogue.write(lambda rows: rows.files.remove(artifact.sha256))


async def test_stage_has_no_attestations(catalogue: Catalogue) -> None:
    """A stage is read without the attestations of its uploads, which are large."""
    upload = a_file_upload(attestations="[{}]")
    await given(catalogue, a_stage("id"))
    await save(catalogue, upload)

    stage = await catalogue.read(lambda rows: rows.stages.find("id"))

    assert stage is not None
    assert stage.uploads == (replace(upload, attestations=None),)
    assert await stored(catalogue, upload.id) == upload
