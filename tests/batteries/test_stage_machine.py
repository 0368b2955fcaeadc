"""The life of stages: any order of requests, of time and of restarts breaks no law."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.stage_laws import violations
from tests.batteries.stage_model import ModelStage
from tests.batteries.stage_world import World, a_file
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

ACTORS = st.sampled_from(("admin", "admin", "admin", "admin", "manage", "upload", "revoked"))
VERSIONS = st.sampled_from(("1.0", "2.0"))
PLACES = st.integers(0, 2)
VARIANTS = st.integers(0, 1)
SOME_STEPS = 8
"""How often the laws are checked of all stages, and not only of those that are live."""

OPERATIONS = st.sampled_from(
    ("restart", "restart", "sweep", "jump", "renew_upload", "renew_manage")
)
NUMBERS = st.integers(0, 11)
LENGTHS = st.sampled_from(
    (
        timedelta(minutes=30),
        timedelta(minutes=40),
        timedelta(hours=2),
        timedelta(hours=3),
        timedelta(days=1, hours=1),
        timedelta(days=8),
        timedelta(days=31),
    )
)
FAULTS = st.sampled_from(
    (
        (FaultPoint.READ, FaultKind.ANSWER, 400),
        (FaultPoint.READ, FaultKind.ANSWER, 403),
        (FaultPoint.BEFORE, FaultKind.RESET, 0),
        (FaultPoint.ACCEPTED, FaultKind.RESET, 0),
        (FaultPoint.ACCEPTED, FaultKind.CUT, 0),
        (FaultPoint.BEFORE, FaultKind.HANG, 0),
        (FaultPoint.ACCEPTED, FaultKind.HANG, 0),
    )
)


class StageLife(RuleBasedStateMachine):
    """Stages of two releases of a project, from their opening to the end of their retention."""

    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder / "data", self.counts)
        self.counts["runs"] += 1

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a step to its end: the service works only meanwhile."""
        self.counts["steps"] += 1
        self.runner.run(work)

    def teardown(self) -> None:
        """Check all laws, and stop the service."""
        try:
            self.check(of_all=True)
        finally:
            self.runner.run(self.world.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    @initialize()
    def start(self) -> None:
        """Start a service without stages."""
        self.run(self.world.open())

    @invariant()
    def no_law_is_broken(self) -> None:
        """Check the laws of live stages, and now and then those of all."""
        self.check(of_all=self.counts["steps"] % SOME_STEPS == 0)

    def check(self, *, of_all: bool) -> None:
        """Raise if a law is broken."""
        if self.world.tokens:
            found = self.runner.run(violations(self.world, of_all=of_all))
            assert not found, "\n".join(found)

    @rule(actor=ACTORS, version=VERSIONS)
    def open_stage(self, actor: str, version: str) -> None:
        """Open a stage."""
        self.run(self.world.open_stage(actor, version))

    @rule(actor=ACTORS, version=VERSIONS, place=PLACES, variant=VARIANTS)
    def upload(self, actor: str, version: str, place: int, variant: int) -> None:
        """Upload a file: a new one, the same again, or another one of its name."""
        self.run(self.world.upload(actor, version, a_file(version, place, variant)))

    @rule(version=VERSIONS)
    def upload_release(self, version: str) -> None:
        """Upload a whole release."""
        for place in range(3):
            self.run(self.world.upload("admin", version, a_file(version, place, 0)))

    @precondition(lambda self: self.world.model.stages)
    @rule(actor=ACTORS, number=NUMBERS, place=PLACES)
    def withdraw(self, actor: str, number: int, place: int) -> None:
        """Withdraw a file."""
        stage = self.stage(number)
        self.run(self.world.withdraw(actor, stage, a_file(stage.version, place, 0)))

    @precondition(lambda self: self.world.model.stages)
    @rule(actor=ACTORS, number=NUMBERS, action=st.sampled_from(("extend", "rotate", "cancel")))
    def change(self, actor: str, number: int, action: str) -> None:
        """Extend, rotate or cancel a stage."""
        act = getattr(self.world, action)
        self.run(act(actor, self.stage(number)))

    @precondition(lambda self: self.world.model.stages)
    @rule(number=NUMBERS, place=PLACES, variant=VARIANTS)
    def announce(self, number: int, place: int, variant: int) -> None:
        """Announce a file."""
        stage = self.stage(number)
        self.run(self.world.announce(stage, a_file(stage.version, place, variant)))

    @precondition(lambda self: self.uploads())
    @rule(number=NUMBERS, action=st.sampled_from(("send", "send", "complete", "delete_upload")))
    def go_on(self, number: int, action: str) -> None:
        """Send the bytes of a file that is announced, complete or cancel it."""
        uploads = self.uploads()
        stage, name = uploads[number % len(uploads)]
        self.run(getattr(self.world, action)(stage, name))

    @rule(version=VERSIONS, fault=st.none() | FAULTS, place=PLACES, lag=st.integers(0, 2))
    def publish(
        self, version: str, fault: tuple[FaultPoint, FaultKind, int] | None, place: int, lag: int
    ) -> None:
        """Publish a release, over an index with a fault or without."""
        if self.world.model.live(version) is None:
            self.upload_release(version)
        stage = self.world.model.live(version)
        if stage is None:
            return
        if stage.status != "processing":
            for name in list(stage.uploads):
                self.run(self.world.delete_upload(stage, name))
        name = a_file(version, place, 0).filename
        faults = [Fault(fault[0], fault[1], name, status=fault[2])] if fault else []
        self.run(self.world.promote("admin", stage, faults, lag))

    @precondition(lambda self: self.world.model.stages)
    @rule(actor=ACTORS, number=NUMBERS)
    def promote(self, actor: str, number: int) -> None:
        """Publish a stage as it is."""
        self.run(self.world.promote(actor, self.stage(number)))

    @precondition(lambda self: self.world.model.stages)
    @rule(number=NUMBERS, action=st.sampled_from(("stop", "give_up")))
    def end_promotion(self, number: int, action: str) -> None:
        """Stop a promotion, or give up what is not public."""
        self.run(getattr(self.world, action)(self.stage(number)))

    @precondition(lambda self: not self.is_publishing())
    @rule(length=LENGTHS)
    def pass_time(self, length: timedelta) -> None:
        """Let time pass."""
        self.run(self.world.pass_time(length))

    @rule(action=OPERATIONS)
    def operate(self, action: str) -> None:
        """Restart in the middle of a promotion, sweep, replace a token, let the clock jump."""
        self.run(getattr(self.world, action)())

    def stage(self, number: int) -> ModelStage:
        """Return a stage, most often a live one."""
        stages = list(self.world.model.stages.values())
        live = list(self.world.model.all_live())
        chosen = live if live and number % 4 else stages
        return chosen[number % len(chosen)]

    def uploads(self) -> list[tuple[ModelStage, str]]:
        """Return the file uploads that are not completed."""
        live = self.world.model.all_live()
        return [(stage, name) for stage in live for name in stage.uploads]

    def is_publishing(self) -> bool:
        """Return whether a promotion is running."""
        return any(one.status == "processing" for one in self.world.model.all_live())


def run_machine(runs: int, steps: int) -> BatteryReport:
    """Run the machine, and return what it counted and the law that it saw broken."""

    class Counted(StageLife):
        counts: ClassVar[Counter[str]] = Counter()

    chosen = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    found = []
    try:
        run_state_machine_as_test(seed(SEED)(Counted), settings=chosen)
    except AssertionError as error:
        found = [str(error), *getattr(error, "__notes__", ())]
    return BatteryReport("stages", SEED, dict(sorted(Counted.counts.items())), found)


@pytest.mark.journey
def test_some_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens to stages in whatever order, no law of theirs is broken."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)

    run_machine(12, 30).check()


@pytest.mark.battery
def test_2000_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """No law is broken in 2,000 lives of 50 steps."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)

    run_machine(2000, 50).check()
