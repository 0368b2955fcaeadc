"""Here is how `stageproxy promote` works: plan, approve, begin, follow, tell."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from stageproxy.cli.client import AS_LONG_AS_IT_TAKES, Client
from stageproxy.cli.connection import Connection
from stageproxy.cli.output import FailedError, print_json
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.credential import find_credential
from stageproxy.cli.promote.follow import follow
from stageproxy.cli.promote.progress import PromotionProgress, promotion_progress
from stageproxy.cli.promote.senders import Document, Sender, ServerSender
from stageproxy.cli.promote.texts import (
    print_plan,
    print_receipt,
    print_who_publishes,
    told_at,
)
from stageproxy.cli.stage_reference import StageReference

_INTERRUPTED = (
    "This command was interrupted while the publishing began. `stageproxy stage show` says whether "
    "it did. The same command begins it, or follows it."
)
_UNDER_WAY = frozenset({"processing", "published"})


@dataclass(frozen=True, slots=True)
class PromoteOptions:
    """What the options of the command say."""

    approval: ApprovalOptions
    dry_run: bool
    here: bool
    yes: bool
    as_json: bool
    token_file: Path | None
    config: Path | None


async def promote_stage(connection: Connection, stage: str, options: PromoteOptions) -> None:
    """Publish a stage, or go on with it, and print what came of it."""
    reference = connection.stage(stage)
    async with connection.open(reference.server) as client:
        stage_id = await client.stage_id(reference)
        async with _sender(connection, reference, client, options) as sender:
            run = _PromoteCommand(client, stage_id, sender, options)
            if options.dry_run:
                await run.plan()
                return
            plan, promotion = await run.to_the_end()
        published = promotion["status"] == "published"
        receipt = await client.ask("GET", f"api/stages/{stage_id}/receipt") if published else None
    if options.as_json:
        told = {"status": promotion["status"], "promotion": promotion, "receipt": receipt}
        print_json({**told, "plan": plan})
    elif receipt:
        print_receipt(receipt)
    if not published:
        raise FailedError(promotion["reason"] or f"The stage is {promotion['status']}.")


@asynccontextmanager
async def _sender(
    connection: Connection, reference: StageReference, client: Client, options: PromoteOptions
) -> AsyncIterator[Sender]:
    """Open who sends. A dry run tells that a credential would follow, and hands none over."""
    if options.here:
        # Half of the server is imported with it.
        from stageproxy.cli.promote.here import open_client_sender  # noqa: PLC0415

        files = (options.config, options.token_file)
        async with open_client_sender(client, *files, as_json=options.as_json) as sender:
            yield sender
    else:
        yield ServerSender(find_credential(connection, reference, options.token_file))


@dataclass(frozen=True, slots=True)
class _PromoteCommand:
    """One run of the command, on one stage."""

    client: Client
    stage_id: str
    sender: Sender
    options: PromoteOptions

    async def to_the_end(self) -> tuple[Document | None, Document]:
        """Return the plan, if there was still one to make, and the promotion when it has ended."""
        stage = await self._stage()
        if stage["status"] in _UNDER_WAY:
            return None, await self._follow(stage)
        try:
            plan = await self._ask_for_plan()
        except FailedError:
            if (stage := await self._stage())["status"] in _UNDER_WAY:
                # Somebody else was a moment earlier.
                return None, await self._follow(stage)
            raise
        self._tell_and_check(plan)
        _acknowledge(plan, self.options)
        await self.sender.prepare(stage, plan)
        with self._progress() as progress:
            promotion = await self._start(plan)
            if promotion is not None:
                await self.sender.carry_out(promotion, progress)
            return plan, await follow(self.client, self.stage_id, progress)

    async def plan(self) -> None:
        """Print what would be published; raise what speaks against it."""
        self._tell_and_check(await self._ask_for_plan())

    async def _follow(self, stage: Document) -> Document:
        """Return a promotion that somebody else has begun, of what was approved here, too."""
        self.options.approval.check(stage["manifest-digest"], _hashes_of(stage))
        if not self.options.as_json:
            print_who_publishes(await self.client.ask("GET", f"{self._path}/promotion"))
        with self._progress() as progress:
            return await follow(self.client, self.stage_id, progress)

    async def _stage(self) -> Document:
        return await self.client.ask("GET", self._path)

    async def _ask_for_plan(self) -> Document:
        follows = bool(self.sender.credential_for_server)
        body = {"publisher": self.sender.publisher, "credential-follows": follows}
        path = f"{self._path}/promotion/plan"
        return await self.client.ask("POST", path, body, patience=AS_LONG_AS_IT_TAKES)

    def _tell_and_check(self, plan: Document) -> None:
        """Print a plan, and raise what speaks against it."""
        if not self.options.as_json:
            print_plan(plan)
        elif self.options.dry_run:
            print_json({"plan": plan})
        self.options.approval.check(
            plan["manifest-digest"], {one["filename"]: one["sha256"] for one in plan["files"]}
        )
        self.sender.check(plan)
        if plan["refused"]:
            told = told_at(plan, "refuse")
            raise FailedError("\n  ".join(["PyPI would refuse this, so nothing was sent:", *told]))

    async def _start(self, plan: Document) -> Document | None:
        """Begin; return nothing if another command has just begun with the very same files."""
        body = {
            "manifest-digest": plan["manifest-digest"],
            "acknowledged": plan["warnings-digest"],
            "publisher": self.sender.publisher,
            **self.sender.credential_for_server,
        }
        path = f"{self._path}/promotion"
        try:
            return await self.client.ask("POST", path, body, patience=AS_LONG_AS_IT_TAKES)
        except asyncio.CancelledError:
            raise FailedError(_INTERRUPTED) from None
        except FailedError:
            stage = await self._stage()
            is_same = stage["manifest-digest"] == plan["manifest-digest"]
            if stage["status"] in _UNDER_WAY and is_same:
                return None
            raise

    def _progress(self) -> AbstractContextManager[PromotionProgress]:
        return promotion_progress(hidden=self.options.as_json)

    @property
    def _path(self) -> str:
        return f"api/stages/{self.stage_id}"


def _hashes_of(stage: Document) -> dict[str, str]:
    return {name: file["hashes"]["sha256"] for name, file in stage["files"].items()}


def _acknowledge(plan: Document, options: PromoteOptions) -> None:
    """Raise unless the warnings of a plan, if there are any, are known to somebody."""
    if not plan["warnings-digest"] or options.yes:
        return
    if sys.stdin.isatty() and not options.as_json:
        click.confirm("\nPublish it all the same?", abort=True, err=True)
        return
    told = told_at(plan, "warn") if options.as_json else ()
    sentence = "There are warnings. Read them, and promote with --yes to publish all the same."
    raise FailedError("\n  ".join([sentence, *told]))
