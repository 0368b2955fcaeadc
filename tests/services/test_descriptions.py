"""What a release says of itself: rendered once, and never waited for long."""

import asyncio
from dataclasses import dataclass, field

from stageproxy.catalogue import Rows
from stageproxy.core.stage.stage import Stage
from stageproxy.services.background import Background
from stageproxy.services.descriptions import Description, Descriptions
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.fake_catalogue import FakeCatalogue

WHEEL = an_artifact()
STAGE = a_stage("2.0", WHEEL)
FORM = (("description", "# Demo"), ("description_content_type", "text/markdown"))


@dataclass
class SlowRenderer:
    """Renders once it may."""

    may: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def render(self, text: str, content_type: str, asker: str) -> str | None:
        """Return the text in an element."""
        self.asked.append(f"{asker}: {content_type}")
        await self.may.wait()
        return f"<p>{text}</p>"


async def with_stage(stage: Stage = STAGE) -> FakeCatalogue:
    """Return a catalogue with a stage whose files came with a form."""
    catalogue = FakeCatalogue()

    def add(rows: Rows) -> None:
        rows.stages.save(stage)
        for one in stage.artifacts:
            rows.artifacts.save(stage.id, one, FORM, None)

    await catalogue.write(add)
    return catalogue


async def test_a_page_does_not_wait() -> None:
    """A page is answered while the description is rendered, and the next one has it."""
    renderer, background = SlowRenderer(), Background()
    descriptions = Descriptions(await with_stage(), renderer, background, seconds=0.001)

    async with background.open():
        first = await descriptions.of(STAGE)
        again = await descriptions.of(STAGE)
        renderer.may.set()
        await background.wait(f"description {WHEEL.form_sha256}", 10)
        later = await descriptions.of(STAGE)

    assert (first.html, again.html, later.html) == (None, None, "<p># Demo</p>")
    assert renderer.asked == ["demo: text/markdown"]


async def test_an_empty_stage_says_nothing() -> None:
    """Without files there is nothing to render."""
    renderer = SlowRenderer()

    empty = a_stage(None)
    found = await Descriptions(await with_stage(empty), renderer, Background()).of(empty)

    assert (found, renderer.asked) == (Description(), [])
