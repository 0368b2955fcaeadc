"""How a promotion begins: what is frozen, and what speaks against it while nothing has happened."""

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
from stageproxy.core.promotion.journal import new_journal
from stageproxy.core.promotion.promotion import LEASE, Approval, Promotion, Publisher
from stageproxy.core.promotion.request import PromotionRequest
from stageproxy.core.rights import Credential, TokenKind
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.transactions import PromotionView
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.stages import a_file_upload
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import Fault
from tests.support.promotion.promoting import SECRET
from tests.support.promotion.promotions import TARGET
from tests.support.promotion.releasing import TOKEN, Releasing

GIVEN = Credential("__token__", "pypi-given")
SENTENCES = {
    "no credential": "The server has no credential to publish with.",
    "no target": "This server has no index to publish on",
    "no files": "Stage demo 2.0 has no files.",
    "unfinished uploads": "Some uploads are not completed: demo-2.0-py3-none-any.whl (pending).",
}


async def refused(releasing: Releasing, kind: type[StageproxyError], **order: object) -> str:
    """Return why a promotion does not begin, after a look that nothing has changed."""
    before = await releasing.now()
    async with releasing.server() as server:
        with pytest.raises(kind) as raised:
            await server.promote(**order)  # type: ignore[arg-type] # as `promote` takes it
        await server.end()
    assert await releasing.now() == before
    assert "s1" not in releasing.catalogue.committed.tables.promotions
    assert releasing.fake_target.sent == {}
    return str(raised.value)


async def test_published(releasing: Releasing, wheels: list[Distribution]) -> None:
    """A promotion sends each file once, and in the end the stage is published."""
    assert await releasing.publish() == (Status.PUBLISHED, "")

    names = [one.filename for one in [*wheels, an_sdist(version="2.0")]]
    assert [name for name, _ in releasing.fake_target.story] == names
    assert set(releasing.fake_target.used) == {SECRET}
    ended = await releasing.promotion()
    assert (ended.first_sent_at, ended.ended_at) == (NOON, NOON)


async def test_what_is_frozen(releasing: Releasing) -> None:
    """A promotion is bound to the very files and the revision that were looked at."""
    digest = await releasing.digest()
    async with releasing.server() as server:
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
    assert await releasing.promotion() == promotion
    assert await releasing.journal() == view.journal


async def test_frozen_stage_is_not_edited(releasing: Releasing, sdist: Distribution) -> None:
    """While a stage is published nothing of it can be removed, and it cannot be canceled."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(ConflictError, match="processing and cannot be edited"):
            await server.stages.remove(TOKEN, "s1", sdist.filename)
        with pytest.raises(ConflictError, match="processing and cannot be canceled"):
            await server.stages.cancel(TOKEN, "s1")


async def test_other_manifest(releasing: Releasing) -> None:
    """Whoever has looked at other files has not approved these."""
    why = await refused(releasing, ConflictError, digest="0" * 64)

    digest = await releasing.digest()
    assert why == (
        f"The stage has the manifest digest {digest}, not {'0' * 64}. "
        "Check the stage, and promote it with its current digest."
    )


async def test_changed_while_it_was_examined(releasing: Releasing) -> None:
    """What changes between the examination and the freeze was not examined."""
    stage = await releasing.now()

    def change() -> None:
        releasing.catalogue.committed.stages.save(replace(stage, revision=2))

    releasing.fake_target.on_look = change
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match="changed in the meantime"):
            await server.promote()

    assert (await releasing.now()).status is Status.OPEN
    assert releasing.fake_target.sent == {}


async def test_file_that_goes_while_it_is_examined(releasing: Releasing) -> None:
    """A file that somebody removes meanwhile is not told to be damaged, as it once was."""
    stage = await releasing.now()

    def remove() -> None:
        releasing.catalogue.committed.stages.save(replace(stage, revision=2))
        releasing.files.remove(stage.artifacts[0].sha256)

    releasing.fake_target.on_look = remove
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match="changed in the meantime"):
            await server.promote()


async def test_verdict_is_asked_again(releasing: Releasing, sdist: Distribution) -> None:
    """What PyPI would refuse by now is refused, though it was fine when it was uploaded."""
    releasing.fake_target.put(sdist.filename, "0" * 64)

    why = await refused(releasing, RefusedError)

    assert why.startswith(f"File already exists ({sdist.filename!r}")


async def test_every_refusal_is_told(releasing: Releasing) -> None:
    """Every file is decided about, and all that speaks against it is told at once."""
    names = [one.filename for one in (await releasing.now()).artifacts]
    for name in names[:2]:
        releasing.fake_target.put(name, "0" * 64)
    async with releasing.server() as server:
        with pytest.raises(RefusedError) as raised:
            await server.promote()

    assert [one.source for one in raised.value.problems] == names[:2]


async def test_index_that_does_not_say_what_it_has(releasing: Releasing) -> None:
    """Without knowing what is published nothing begins, and why it is not known is told."""
    releasing.fake_target.blind = 1

    why = await refused(releasing, UpstreamUnavailableError)

    assert why.endswith("so nothing can be sent. The index cannot be reached.")


async def test_warnings_must_be_known(wheels: list[Distribution]) -> None:
    """Warnings are told, and publishing needs their digest, no other."""
    releasing = Releasing()
    await releasing.stage(*wheels, an_sdist(version="2.0", summary="Another one"))
    async with releasing.server() as server:
        warnings = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

        for other in ("", "0" * 64):
            with pytest.raises(UnacknowledgedError) as raised:
                await server.promote(acknowledged=other)
            assert raised.value.digest == warnings.warnings_digest
        view = await server.promote(acknowledged=warnings.warnings_digest)

    assert "has a different Summary than" in "".join(warnings.warnings)
    assert view.promotion.approval.acknowledged == tuple(warnings.warnings)


async def test_warnings_as_they_are(wheels: list[Distribution]) -> None:
    """A protocol that cannot acknowledge takes warnings as they are, and they are kept."""
    releasing = Releasing()
    await releasing.stage(*wheels, an_sdist(version="2.0", summary="Another one"))
    async with releasing.server() as server:
        view = await server.promote(acknowledged=None)

    assert len(view.promotion.approval.acknowledged) == 1


@pytest.mark.parametrize("content", [b"other bytes", None])
async def test_damaged_file(releasing: Releasing, content: bytes | None) -> None:
    """A file that is not on the disk as it came keeps everything back, by name."""
    artifact = (await releasing.now()).artifacts[0]
    releasing.files.remove(artifact.sha256)
    if content is not None:
        releasing.files.kept[artifact.sha256] = content

    why = await refused(releasing, RefusedError)

    assert why.startswith("The server's copy of the file is damaged.")


async def test_damage_names_the_file(releasing: Releasing) -> None:
    """Of several files it is known which one is damaged."""
    artifact = (await releasing.now()).artifacts[1]
    releasing.files.remove(artifact.sha256)
    async with releasing.server() as server:
        with pytest.raises(RefusedError) as raised:
            await server.promote()

    assert [one.source for one in raised.value.problems] == [artifact.filename]


async def test_no_credential(releasing: Releasing) -> None:
    """A server without a credential says what to do."""
    releasing.settings = None

    why = await refused(releasing, ConflictError)

    assert why.startswith(SENTENCES["no credential"])


async def test_look_without_a_credential(releasing: Releasing) -> None:
    """A look tells that a credential will be missing: a newcomer learned it from the real run."""
    releasing.settings = None

    async with releasing.server() as server:
        examine = server.promotions.examine
        needed = await examine(TOKEN, "s1", Publisher.SERVER, needs_credential=True)
        to_follow = await examine(TOKEN, "s1", Publisher.SERVER)

    assert needed.notices[0].startswith(SENTENCES["no credential"])
    assert to_follow.notices == ()


async def test_credential_of_the_request(
    releasing: Releasing, caplog: pytest.LogCaptureFixture
) -> None:
    """A credential that comes along is used, and neither kept nor printed."""
    caplog.set_level(logging.DEBUG)
    async with releasing.server() as server:
        await server.promote(credential=GIVEN)
        await server.end()

    assert set(releasing.fake_target.used) == {GIVEN}
    order = PromotionRequest(None, None, credential=GIVEN)
    assert GIVEN.password not in f"{order}{releasing.catalogue}{caplog.text}"


async def test_here_needs_no_credential(releasing: Releasing) -> None:
    """For whoever publishes elsewhere the server freezes, and sends nothing."""
    releasing.settings = None
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        await server.end()

    assert await releasing.status() == (Status.PROCESSING, "")
    assert releasing.fake_target.sent == {}


async def test_no_target(releasing: Releasing) -> None:
    """A server that does not know where to publish says so."""
    releasing.target = None

    assert (await refused(releasing, ConflictError)).startswith(SENTENCES["no target"])


async def test_no_files() -> None:
    """A stage without files is no release."""
    releasing = Releasing()
    await releasing.stage()

    assert (await refused(releasing, ConflictError)).startswith(SENTENCES["no files"])


async def test_unfinished_uploads(releasing: Releasing) -> None:
    """A stage that waits for files is not published without them."""
    await releasing.catalogue.write(lambda rows: rows.file_uploads.save("s1", a_file_upload()))

    why = await refused(releasing, ConflictError)

    assert why.startswith(SENTENCES["unfinished uploads"])


async def test_upload_token_may_not(releasing: Releasing) -> None:
    """A token that may upload may not publish, not even look at it as for that."""
    token = replace(TOKEN, kind=TokenKind.UPLOAD)
    async with releasing.server() as server:
        with pytest.raises(ForbiddenError):
            await server.promotions.start(token, "s1", PromotionRequest(None, None))
        with pytest.raises(ForbiddenError):
            await server.promotions.examine(token, "s1", Publisher.SERVER)

    assert releasing.fake_target.sent == {}


async def test_uploads_get_a_turn() -> None:
    """However many files a stage has, a look at it leaves room for uploads to be looked into."""
    releasing = Releasing()
    await releasing.stage(
        *(a_wheel(version="2.0", tag=f"cp3{minor}-none-any") for minor in range(10, 20))
    )
    async with releasing.server() as server:
        await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert (len(releasing.files.together), max(releasing.files.together)) == (10, 2)


async def test_examining_changes_nothing(releasing: Releasing) -> None:
    """A dry run sends nothing, and the stage stays as it was."""
    before = await releasing.now()
    async with releasing.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert examination.stage == before
    assert (await releasing.now(), releasing.fake_target.sent) == (before, {})


async def test_attestations_of_others_are_left_out(wheels: list[Distribution]) -> None:
    """With a token, attestations are not sent, and the promotion and its receipt say so."""
    releasing = Releasing()
    await releasing.stage(wheels[0], attestations=2)

    await releasing.publish()

    (notice,) = (await releasing.promotion()).notices
    assert notice.startswith(f"{wheels[0].filename}: 2 attestations are left out")


async def test_attestations_are_kept_where_they_were_made(wheels: list[Distribution]) -> None:
    """The server does not know whether who publishes elsewhere can keep attestations."""
    releasing = Releasing()
    await releasing.stage(wheels[0], attestations=2)
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)

    assert view.promotion.notices == ()


async def test_fault_of_ours(releasing: Releasing, caplog: pytest.LogCaptureFixture) -> None:
    """A fault ends the promotion, is logged, and does not end the server."""

    def fail(_: str) -> None:
        raise RuntimeError

    releasing.fake_target.during = fail
    status, reason = await releasing.publish()

    assert status is Status.ERROR
    assert reason.startswith("Internal error. See the server's log. 0 of 3 files are published.")
    assert "its promotion failed" in caplog.text


async def test_two_at_once() -> None:
    """Of two who publish at once one wins, nothing is sent twice; the other is told, 100 times."""
    for _ in range(100):
        releasing = Releasing()
        await releasing.stage(an_sdist(version="2.0"))
        async with releasing.server() as server:
            both = await asyncio.gather(server.promote(), server.promote(), return_exceptions=True)
            await server.end()

        assert sorted(type(one).__name__ for one in both) == ["ConflictError", "PromotionView"]
        assert releasing.fake_target.sent == {"demo-2.0.tar.gz": 1}
        assert await releasing.status() == (Status.PUBLISHED, "")


async def test_published_once_and_for_all(releasing: Releasing) -> None:
    """What is published cannot be published again."""
    await releasing.publish()
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match="published and cannot be promoted"):
            await server.promote()

    assert set(releasing.fake_target.sent.values()) == {1}


async def test_refused_file_leaves_the_stage_open_to_change(
    releasing: Releasing, wheels: list[Distribution]
) -> None:
    """If the first file is refused, nothing is out, and the stage can be mended."""
    releasing.fake_target.faults = {(wheels[0].filename, 1): Fault.REFUSED}

    status, reason = await releasing.publish()

    assert (status, (await releasing.now()).sent) == (Status.ERROR, False)
    assert reason == (
        f"{wheels[0].filename} was refused: The index has its reasons. Nothing was published. "
        "Change the stage if necessary and run `stageproxy promote STAGE` again."
    )
    assert (await releasing.promotion()).first_sent_at is None
