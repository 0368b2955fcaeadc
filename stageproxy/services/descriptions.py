"""What a release says of itself: the form of its first file, and its description as HTML."""

from dataclasses import dataclass, field

from stageproxy.caching import LruCache
from stageproxy.catalogue import Catalogue
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Stage
from stageproxy.core.values import ABSENT, FormFields
from stageproxy.ports import DescriptionRenderer
from stageproxy.services.background import Background

_SHOW_SECONDS = 0.05
"""How long a page waits for a description; a later one finds it rendered."""
_MOST_KEPT = 16 * 2**20
_DEFAULT_TYPE = "text/x-rst"


@dataclass(frozen=True, slots=True)
class Description:
    """The form of the first file of a release, and what is known of its description.

    `html` is `None` while it is being rendered, and empty if it does not render.
    """

    form: FormFields = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    html: str | None = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Answers what releases say of themselves."""

    catalogue: Catalogue
    renderer: DescriptionRenderer
    background: Background
    seconds: float = _SHOW_SECONDS
    _rendered: LruCache[str, str] = field(
        default_factory=lambda: LruCache(_MOST_KEPT, lambda html: len(html) + 100), repr=False
    )

    async def of(self, stage: Stage) -> Description:
        """Return what a release says of itself, by the file that is published first."""
        first = next(iter(in_promotion_order(stage.artifacts)), None)
        if first is None:
            return Description()
        form = await self.catalogue.read(
            lambda rows: rows.artifacts.find_form(stage.id, first.filename)
        )
        fields = dict(form)
        text = fields.get("description", "")
        if text in ABSENT:
            return Description(form)
        kind = fields.get("description_content_type") or _DEFAULT_TYPE
        html = await self._html(stage.project, first.form_sha256, text, kind)
        return Description(form, text, html)

    async def _html(self, project: str, key: str, text: str, kind: str) -> str | None:
        name = f"description {key}"

        async def render() -> None:
            html = await self.renderer.render(text, kind, project)
            self._rendered.add(key, html or "")

        if self._rendered.find(key) is None:
            if not self.background.is_running(name):
                self.background.start(name, render)
            await self.background.wait(name, self.seconds)
        return self._rendered.find(key)
