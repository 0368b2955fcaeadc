"""The contract of catalogues: how much is used of each quota."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.limits import Quota, Scope
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus
from stageproxy.core.stage.stage import Artifact, Status
from stageproxy.core.values import form_size
from tests.store.builders import FORM, HOUR, NOW, a_stage, an_artifact, given

FORM_BYTES = form_size(FORM, b"Name: demo")
SCOPE = Scope("t1", "demo", "s1")
WHEEL = replace(an_artifact(b"w" * 100, filename="demo-1.0-py3-none-any.whl"), uploaded_by="t1")


def save(rows: Rows, artifact: Artifact = WHEEL, stage_id: str = "s1", *, by: str = "t1") -> None:
    """Store an artifact of a token."""
    named = replace(artifact, filename=artifact.filename, uploaded_by=by)
    rows.artifacts.save(stage_id, named, FORM, b"Name: demo")


def announce(rows: Rows, size: int = 50, status: UploadStatus = UploadStatus.PENDING) -> None:
    """Announce a file that has not come yet."""
    upload = FileUpload(f"u{size}", f"{size}.whl", size, {}, status, NOW, NOW + HOUR, "t1")
    rows.file_uploads.save("s1", upload)


def received_too_much(rows: Rows) -> None:
    """Store an upload of which more bytes came than were announced."""
    upload = FileUpload("u", "u.whl", 5, {}, UploadStatus.PENDING, NOW, NOW + HOUR, "t1")
    rows.file_uploads.save(
        "s1", replace(upload, received=FileDigests(14, "a" * 64, "b" * 64, "c" * 32))
    )


def withdraw(rows: Rows) -> None:
    """Store an artifact, and withdraw it."""
    save(rows)
    rows.artifacts.remove("s1", WHEEL, "It was withdrawn.")


def cancel(rows: Rows) -> None:
    """Store an artifact and an upload, and end their stage."""
    save(rows)
    announce(rows)
    rows.stages.save(a_stage("s1", status=Status.CANCELED))


def same_file_twice(rows: Rows) -> None:
    """Store one file in two stages."""
    save(rows)
    save(rows, stage_id="s2")


def of_another_token(rows: Rows) -> None:
    """Store an artifact that another token has uploaded."""
    save(rows, by="t2")


def of_another_project(rows: Rows) -> None:
    """Store an artifact of another project."""
    save(rows, stage_id="other")


ALL = 100 + FORM_BYTES


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        pytest.param(save, (ALL, ALL, ALL, 1, 0, 0), id="an artifact with its form"),
        pytest.param(announce, (50, 50, 50, 1, 1, 1), id="a file that was announced"),
        pytest.param(received_too_much, (14, 14, 14, 1, 1, 1), id="more than was announced"),
        pytest.param(withdraw, (100, 0, 0, 0, 0, 0), id="withdrawn, and on the disk until swept"),
        pytest.param(cancel, (ALL + 50, 0, 0, 2, 1, 0), id="ended, with its rows until forgotten"),
        pytest.param(
            same_file_twice,
            (100 + 2 * FORM_BYTES, 100 + 2 * FORM_BYTES, 100 + 2 * FORM_BYTES, 1, 0, 0),
            id="one file in two stages",
        ),
        pytest.param(of_another_token, (ALL, ALL, 0, 1, 0, 0), id="another token's"),
        pytest.param(of_another_project, (ALL, 0, ALL, 0, 0, 0), id="another project's"),
    ],
)
async def test_usage(
    catalogue: Catalogue, work: Callable[[Rows], None], expected: tuple[int, ...]
) -> None:
    """Bytes count once by contents, with forms, and with what was announced and is to come."""
    stages = [a_stage("s1"), a_stage("s2", version="2.0"), a_stage("other", project="other")]
    await given(catalogue, *stages)
    await catalogue.write(work)

    found: Mapping[Quota, int] = await catalogue.read(lambda rows: rows.usage(SCOPE))

    assert found == dict(zip(Quota, expected, strict=True))


async def test_usage_of_nobody(catalogue: Catalogue) -> None:
    """Without a token, a project and a stage, only what is stored in all is counted."""
    await given(catalogue, a_stage("s1"))
    await catalogue.write(save)

    found = await catalogue.read(lambda rows: rows.usage(Scope()))

    assert found == {**dict.fromkeys(Quota, 0), Quota.TOTAL_BYTES: ALL}
