"""The start of a promotion: what is frozen, and what is refused while nothing was sent."""

import asyncio
import logging
from dataclasses import replace

import pytest

from stageproxy.core.errors import (
    ConflictError,
    ForbiddenError,
    RefusedError,
    StageproxyError,
    UnacknowledgedError,
    UpstreamUnavailableError,
)
from stageproxy.core.promotion.examination import PromotionRequest
from stageproxy.core.promotion.journal import new_journal
from stageproxy.core.promotion.promotion import LEASE, Approval, Promotion, Publisher
from stageproxy.core.rights import Credential, TokenKind
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.transactions import PromotionView
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.stages import a_file_upload
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import UploadFault
from tests.support.promotion.fake_deployment import TOKEN, FakeDeployment
from tests.support.promotion.fake_promotion import SECRET
from tests.support.promotion.promotions import TARGET

GIVEN = Credential("__token__", "pypi-given")
SENTENCES = {
    "no credential": "The server has no credential to publish with.",
    "no target": "This server has no index to publish on",
    "no files": "Stage demo 2.0 has no files.",
    "unfinished uploads": "Some uploads are not completed: demo-2.0-py3-none-any.whl (pending).",
}


async def refused(deployment: FakeDeployment, kind: type[StageproxyError], **order: object) -> str:
    """Return the error with which a promotion is refused, without any change."""
    before = await deployment.now()
    async with deployment.server() as server:
        with pytest.raises(kind) as raised:
            await server.promote(**order)  # type: ignore[arg-type] # passed on to `promote`
        await server.end()
    assert await deployment.now() == before
    assert "s1" not in deployment.catalogue.committed.tables.promotions
    assert deployment.fake_target.sent == {}
    return str(raised.value)


async def test_stage_is_published(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A promotion sends each file once and publishes the stage."""
    assert await deployment.publish() == (Status.PUBLISHED, "")

    names = [one.filename for one in [*wheels, an_sdist(version="2.0")]]
    assert [name for name, _ in deployment.fake_target.acceptances] == names
    assert set(deployment.fake_target.used) == {SECRET}
    ended = await deployment.promotion()
    assert (ended.first_sent_at, ended.ended_at) == (NOON, NOON)


async def test_approval_is_frozen(deployment: FakeDeployment) -> None:
    """A promotion is bound to the manifest and the revision that were approved."""
    digest = await deployment.digest()
    async with deployment.server() as server:
        view = await server.promote(digest=digest, publisher=Publisher.CLIENT)

    names = [one.filename for one in view.stage.artifacts]
    promotion = Promotion(
        stage_id="s1",
        approval=Approval(digest, 1, TOKEN.id, NOON),
        target=TARGET,
        publisher=Publisher.CLIENT,
        fence=1,
        leased_until=NOON + LEASE,
    )
    assert view == PromotionView(view.stage, promotion, new_journal(names, NOON))
    assert view.stage.status is Status.PROCESSING
    assert await deployment.promotion() == promotion
    assert await deployment.journal() == view.journal


async def test_frozen_stage_cannot_be_edited(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """While a stage is published, its files cannot be removed, and it cannot be canceled."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(ConflictError, match="processing and cannot be edited"):
            await server.stages.remove(TOKEN, "s1", sdist.filename)
        with pytest.raises(ConflictError, match="processing and cannot be canceled"):
            await server.stages.cancel(TOKEN, "s1")


async def test_other_manifest_is_refused(deployment: FakeDeployment) -> None:
    """An approval of other files is refused."""
    why = await refused(deployment, ConflictError, digest="0" * 64)

    digest = await deployment.digest()
    assert why == (
        f"The stage has the manifest digest {digest}, not {'0' * 64}. "
        "Check the stage, and promote it with its current digest."
    )


async def test_change_during_the_examination_is_refused(deployment: FakeDeployment) -> None:
    """A change between the examination and the freeze was not examined."""
    stage = await deployment.now()

    def change() -> None:
        deployment.catalogue.committed.stages.save(replace(stage, revision=2))

    deployment.fake_target.on_read = change
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="changed in the meantime"):
            await server.promote()

    assert (await deployment.now()).status is Status.OPEN
    assert deployment.fake_target.sent == {}


async def test_file_removed_during_the_examination(deployment: FakeDeployment) -> None:
    """A file that is removed meanwhile is not reported as damaged. It was once."""
    stage = await deployment.now()

    def remove() -> None:
        deployment.catalogue.committed.stages.save(replace(stage, revision=2))
        deployment.files.remove(stage.artifacts[0].sha256)

    deployment.fake_target.on_read = remove
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="changed in the meantime"):
            await server.promote()


async def test_stage_is_examined_again(deployment: FakeDeployment, sdist: Distribution) -> None:
    """A file that PyPI accepted when it was uploaded, and would refuse now, is refused."""
    deployment.fake_target.add(sdist.filename, "0" * 64)

    why = await refused(deployment, RefusedError)

    assert why.startswith(f"File already exists ({sdist.filename!r}")


async def test_all_refusals_are_reported(deployment: FakeDeployment) -> None:
    """Every file is examined, and all refusals are reported at once."""
    names = [one.filename for one in (await deployment.now()).artifacts]
    for name in names[:2]:
        deployment.fake_target.add(name, "0" * 64)
    async with deployment.server() as server:
        with pytest.raises(RefusedError) as raised:
            await server.promote()

    assert [one.source for one in raised.value.problems] == names[:2]


async def test_index_without_an_answer(deployment: FakeDeployment) -> None:
    """Without the list of published files nothing starts, and the error has the reason."""
    deployment.fake_target.failing_reads = 1

    why = await refused(deployment, UpstreamUnavailableError)

    assert why.endswith("so nothing can be sent. The index cannot be reached.")


async def test_unreadable_page_of_the_index(deployment: FakeDeployment) -> None:
    """A page that cannot be read is noticed before anything is sent, and the error says why."""
    deployment.fake_target.break_page("")

    why = await refused(deployment, UpstreamUnavailableError)

    assert "so nothing can be sent. The index's page of demo cannot be read: not an HTML" in why
    assert deployment.fake_target.sent == {}


async def test_warnings_must_be_acknowledged(wheels: list[Distribution]) -> None:
    """Publishing needs the digest of exactly the present warnings."""
    deployment = FakeDeployment()
    await deployment.stage(*wheels, an_sdist(version="2.0", summary="Another one"))
    async with deployment.server() as server:
        warnings = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

        for other in ("", "0" * 64):
            with pytest.raises(UnacknowledgedError) as raised:
                await server.promote(acknowledged=other)
            assert raised.value.digest == warnings.warnings_digest
        view = await server.promote(acknowledged=warnings.warnings_digest)

    assert "has a different Summary than" in "".join(warnings.warnings)
    assert view.promotion.approval.acknowledged == tuple(warnings.warnings)


async def test_warnings_without_acknowledgement(wheels: list[Distribution]) -> None:
    """A protocol that cannot acknowledge accepts all warnings, and they are stored."""
    deployment = FakeDeployment()
    await deployment.stage(*wheels, an_sdist(version="2.0", summary="Another one"))
    async with deployment.server() as server:
        view = await server.promote(acknowledged=None)

    assert len(view.promotion.approval.acknowledged) == 1


@pytest.mark.parametrize("content", [b"other bytes", None])
async def test_damaged_file_is_refused(deployment: FakeDeployment, content: bytes | None) -> None:
    """A file with other bytes on the disk stops the promotion, by name."""
    artifact = (await deployment.now()).artifacts[0]
    deployment.files.remove(artifact.sha256)
    if content is not None:
        deployment.files.stored[artifact.sha256] = content

    why = await refused(deployment, RefusedError)

    assert why.startswith("The server's copy of the file is damaged.")


async def test_damaged_file_is_named(deployment: FakeDeployment) -> None:
    """Of several files, the damaged one is named."""
    artifact = (await deployment.now()).artifacts[1]
    deployment.files.remove(artifact.sha256)
    async with deployment.server() as server:
        with pytest.raises(RefusedError) as raised:
            await server.promote()

    assert [one.source for one in raised.value.problems] == [artifact.filename]


async def test_missing_credential_is_refused(deployment: FakeDeployment) -> None:
    """A server without a credential says how to set one."""
    deployment.settings = None

    why = await refused(deployment, ConflictError)

    assert why.startswith(SENTENCES["no credential"])


async def test_plan_reports_a_missing_credential(deployment: FakeDeployment) -> None:
    """The plan says that a credential is missing, before the promotion does."""
    deployment.settings = None

    async with deployment.server() as server:
        examine = server.promotions.examine
        needed = await examine(TOKEN, "s1", Publisher.SERVER, needs_credential=True)
        to_follow = await examine(TOKEN, "s1", Publisher.SERVER)

    assert needed.notices[0].startswith(SENTENCES["no credential"])
    assert to_follow.notices == ()


async def test_credential_of_the_request(
    deployment: FakeDeployment, caplog: pytest.LogCaptureFixture
) -> None:
    """A credential of the request is used, and neither stored nor logged."""
    caplog.set_level(logging.DEBUG)
    async with deployment.server() as server:
        await server.promote(credential=GIVEN)
        await server.end()

    assert set(deployment.fake_target.used) == {GIVEN}
    order = PromotionRequest(None, None, credential=GIVEN)
    assert GIVEN.password not in f"{order}{deployment.catalogue}{caplog.text}"


async def test_client_needs_no_credential_here(deployment: FakeDeployment) -> None:
    """For a client that publishes, the server freezes the stage and sends nothing."""
    deployment.settings = None
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        await server.end()

    assert await deployment.status() == (Status.PROCESSING, "")
    assert deployment.fake_target.sent == {}


async def test_missing_target_is_refused(deployment: FakeDeployment) -> None:
    """A server without a publish target says so."""
    deployment.target = None

    assert (await refused(deployment, ConflictError)).startswith(SENTENCES["no target"])


async def test_empty_stage_is_refused() -> None:
    """A stage without files cannot be published."""
    deployment = FakeDeployment()
    await deployment.stage()

    assert (await refused(deployment, ConflictError)).startswith(SENTENCES["no files"])


async def test_unfinished_uploads_are_refused(deployment: FakeDeployment) -> None:
    """A stage with unfinished uploads cannot be published."""
    await deployment.catalogue.write(lambda rows: rows.file_uploads.save("s1", a_file_upload()))

    why = await refused(deployment, ConflictError)

    assert why.startswith(SENTENCES["unfinished uploads"])


async def test_upload_token_cannot_promote(deployment: FakeDeployment) -> None:
    """An upload token cannot publish, nor request the plan."""
    token = replace(TOKEN, kind=TokenKind.UPLOAD)
    async with deployment.server() as server:
        with pytest.raises(ForbiddenError):
            await server.promotions.start(token, "s1", PromotionRequest(None, None))
        with pytest.raises(ForbiddenError):
            await server.promotions.examine(token, "s1", Publisher.SERVER)

    assert deployment.fake_target.sent == {}


async def test_examination_yields_to_uploads() -> None:
    """During the examination of many files, uploads are examined in between."""
    deployment = FakeDeployment()
    await deployment.stage(
        *(a_wheel(version="2.0", tag=f"cp3{minor}-none-any") for minor in range(10, 20))
    )
    async with deployment.server() as server:
        await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert (len(deployment.files.concurrent), max(deployment.files.concurrent)) == (10, 2)
    assert set(deployment.files.askers) == {"demo"}


async def test_plan_changes_nothing(deployment: FakeDeployment) -> None:
    """A dry run sends nothing and does not change the stage."""
    before = await deployment.now()
    async with deployment.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert examination.stage == before
    assert (await deployment.now(), deployment.fake_target.sent) == (before, {})


async def test_foreign_attestations_are_left_out(wheels: list[Distribution]) -> None:
    """With a token, attestations are not sent; the promotion and its receipt note it."""
    deployment = FakeDeployment()
    await deployment.stage(wheels[0], attestations=2)

    await deployment.publish()

    notice, _unseen = (await deployment.promotion()).notices
    assert notice.startswith(f"{wheels[0].filename}: 2 attestations are left out")


async def test_attestations_are_left_to_the_client(wheels: list[Distribution]) -> None:
    """The server does not know whether a client that publishes can send attestations."""
    deployment = FakeDeployment()
    await deployment.stage(wheels[0], attestations=2)
    async with deployment.server() as server:
        view = await server.promote(digest=await deployment.digest(), publisher=Publisher.CLIENT)

    assert view.promotion.notices == ()


async def test_internal_error(deployment: FakeDeployment, caplog: pytest.LogCaptureFixture) -> None:
    """An internal error ends the promotion and is logged; the server goes on."""

    def fail(_: str) -> None:
        raise RuntimeError

    deployment.fake_target.on_upload = fail
    status, reason = await deployment.publish()

    assert status is Status.ERROR
    assert reason.startswith("Internal error. See the server's log. 0 of 3 files are published.")
    assert "its promotion failed" in caplog.text


async def test_concurrent_promotions() -> None:
    """Of two promotions at once, one starts and the other is refused, in 100 rounds."""
    for _ in range(100):
        deployment = FakeDeployment()
        await deployment.stage(an_sdist(version="2.0"))
        async with deployment.server() as server:
            both = await asyncio.gather(server.promote(), server.promote(), return_exceptions=True)
            await server.end()

        assert sorted(type(one).__name__ for one in both) == ["ConflictError", "PromotionView"]
        assert deployment.fake_target.sent == {"demo-2.0.tar.gz": 1}
        assert await deployment.status() == (Status.PUBLISHED, "")


async def test_published_stage_cannot_be_promoted(deployment: FakeDeployment) -> None:
    """A published stage cannot be published again."""
    await deployment.publish()
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="published and cannot be promoted"):
            await server.promote()

    assert set(deployment.fake_target.sent.values()) == {1}


async def test_stage_stays_editable_if_the_first_file_is_refused(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """If the first file is refused, nothing is published and the stage can be changed."""
    deployment.fake_target.faults = {(wheels[0].filename, 1): UploadFault.REFUSED}

    status, reason = await deployment.publish()

    assert (status, (await deployment.now()).sent) == (Status.ERROR, False)
    assert reason == (
        f"{wheels[0].filename} was refused: The index has its reasons. Nothing was published. "
        "Change the stage if necessary and run `stageproxy promote STAGE` again."
    )
    assert (await deployment.promotion()).first_sent_at is None
