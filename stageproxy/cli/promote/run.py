"""One run of `stageproxy promote`: plan, check, start and follow."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from stageproxy.cli.client import NO_READ_TIMEOUT, Client
from stageproxy.cli.output.findings import messages_at
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.cli.output.tables import hint
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.consent import obtain_consent
from stageproxy.cli.promote.progress import PromotionProgress, follow, promotion_progress
from stageproxy.cli.promote.review_lines import review_lines
from stageproxy.cli.promote.senders import Document, Sender
from stageproxy.cli.promote.texts import print_plan, print_who_publishes
from stageproxy.core.wording import without_controls

_INTERRUPTED = (
    "This command was interrupted while publishing started. Run `stageproxy promote STAGE` again "
    "to start or to follow it."
)
_STARTED = frozenset({"processing", "published"})


@dataclass(frozen=True, slots=True)
class PromoteOptions:
    """The options of the command."""

    approval: ApprovalOptions
    dry_run: bool
    here: bool
    yes: bool
    as_json: bool
    token_file: Path | None
    config: Path | None


@dataclass(frozen=True, slots=True)
class PromoteRun:
    """One run of the command on one stage.

    *again* returns the command line that publishes what a plan shows.
    """

    client: Client
    stage_id: str
    sender: Sender
    options: PromoteOptions
    again: Callable[[Document], str]

    async def publish(self) -> tuple[Document | None, Document]:
        """Return the plan, or `None` if publishing had already started, and the ended promotion."""
        stage = await self._stage()
        if stage["status"] in _STARTED:
            return None, await self._follow(stage)
        try:
            plan = await self._request_plan()
        except FailedError:
            if (stage := await self._stage())["status"] in _STARTED:
                # Another command has just started it.
                return None, await self._follow(stage)
            raise
        plan = await self._with_review(plan)
        self._print_and_check(plan)
        obtain_consent(
            plan,
            self.options.approval,
            yes=self.options.yes,
            as_json=self.options.as_json,
            again=self.again,
        )
        await self.sender.prepare(stage, plan)
        with self._progress() as progress:
            promotion = await self._start(plan)
            if promotion is not None:
                await self.sender.send(promotion, progress)
            return plan, await follow(self.client, self.stage_id, progress)

    async def dry_run(self) -> None:
        """Print the plan, and raise if it cannot be carried out."""
        plan = await self._with_review(await self._request_plan(look=True))
        self._print_and_check(plan)
        if not self.options.as_json:
            hint("Publish exactly these files:", self.again(plan))

    async def _follow(self, stage: Document) -> Document:
        """Return a promotion started elsewhere, if it is of the approved files."""
        self.options.approval.check(stage, _hashes_of(stage))
        if not self.options.as_json:
            print_who_publishes(await self.client.request("GET", f"{self._path}/promotion"))
        with self._progress() as progress:
            return await follow(self.client, self.stage_id, progress)

    async def _stage(self) -> Document:
        return await self.client.request("GET", self._path)

    async def _request_plan(self, *, look: bool = False) -> Document:
        """Return the plan. *look*: whether it is all that the user wants to see now."""
        body = {
            "publisher": self.sender.publisher,
            "credential-follows": bool(self.sender.credential_for_server),
            "look": look,
        }
        path = f"{self._path}/promotion/plan"
        return await self.client.request("POST", path, body, timeouts=NO_READ_TIMEOUT)

    def _print_and_check(self, plan: Document) -> None:
        """Print a plan, and raise if it cannot be carried out."""
        if not self.options.as_json:
            print_plan(plan)
        elif self.options.dry_run:
            print_json({"plan": plan})
        self.options.approval.check(plan, {one["filename"]: one["sha256"] for one in plan["files"]})
        self.sender.check(plan)
        if plan["refused"]:
            messages = messages_at(plan, "refuse")
            raise FailedError(
                "\n  ".join(
                    [
                        "PyPI would refuse this release, so nothing was sent. Fix these problems:",
                        *messages,
                    ]
                )
            )

    async def _with_review(self, plan: Document) -> Document:
        """Return a plan with what people are told of the review, which asks for nothing more."""
        if self.options.as_json:
            return plan
        try:
            review = await self.client.request("GET", f"{self._path}/review")
        except FailedError:
            return plan
        said = map(without_controls, review_lines(review, self.stage_id))
        return {**plan, "notices": [*plan["notices"], "\n".join(said)]}

    async def _start(self, plan: Document) -> Document | None:
        """Start the promotion. Return `None` if another command just did, with the same files."""
        body = {
            "manifest-digest": plan["manifest-digest"],
            "revision": plan["revision"],
            "acknowledged": plan["warnings-digest"],
            "publisher": self.sender.publisher,
            **self.sender.credential_for_server,
        }
        path = f"{self._path}/promotion"
        try:
            return await self.client.request("POST", path, body, timeouts=NO_READ_TIMEOUT)
        except asyncio.CancelledError:
            raise FailedError(_INTERRUPTED) from None
        except FailedError:
            stage = await self._stage()
            is_same = stage["manifest-digest"] == plan["manifest-digest"]
            if stage["status"] in _STARTED and is_same:
                return None
            raise

    def _progress(self) -> AbstractContextManager[PromotionProgress]:
        return promotion_progress(hidden=self.options.as_json)

    @property
    def _path(self) -> str:
        return f"api/stages/{self.stage_id}"


def _hashes_of(stage: Document) -> dict[str, str]:
    return {name: file["hashes"]["sha256"] for name, file in stage["files"].items()}
