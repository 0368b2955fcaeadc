"""What a release says of itself: its description, and its metadata beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from stageproxy.core.rules.libraries import is_web_url
from stageproxy.core.values import ABSENT, FormFields
from stageproxy.services.descriptions import Description

_MOST_HTML = 32 * 2**10
"""How much of a description is on a page that must stay small."""
_MOST_LINES = 30
_LONGEST = 300

_FACTS: Mapping[str, str] = {
    "requires_python": "Requires Python",
    "license_expression": "Licence",
    "license": "Licence",
    "author": "Author",
    "author_email": "Author's address",
    "maintainer": "Maintainer",
    "maintainer_email": "Maintainer's address",
    "keywords": "Keywords",
    "requires_dist": "Requires",
    "provides_extra": "Extras",
    "classifiers": "Classifiers",
    "metadata_version": "Metadata version",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a fact: a text, and where it leads, if that is a page on the web."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of the metadata; `more` is how many lines are left out."""

    name: str
    lines: tuple[Line, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """A description and metadata for a page.

    `html` was cleaned in the child process. Without it, `text` is the source of the description,
    and `why` says why. `cut`: only the beginning is shown.
    """

    summary: str
    facts: tuple[Fact, ...]
    html: Markup = field(default=Markup(), repr=False)
    text: str = field(default="", repr=False)
    why: str = ""
    cut: bool = False
    is_waiting: bool = False


def about(description: Description, *, everything: bool) -> About:
    """Return what a release says of itself for a page. *everything*: however long it is."""
    values = _values(description.form)
    summary = "".join(values.get("summary", ())[:1])
    facts = (*_links(values), *_facts(values))
    if not description.text:
        return About(summary, facts, why="The release has no description.")
    room = None if everything else _MOST_HTML
    if description.html is None:
        return About(
            summary,
            facts,
            text=description.text[:_MOST_HTML],
            why="It is being rendered. This is its source.",
            cut=len(description.text) > _MOST_HTML,
            is_waiting=True,
        )
    if not description.html or (room and len(description.html) > room):
        why = (
            "It is too long to be rendered on this page. This is its source."
            if description.html
            else "It does not render, or takes too long to. This is its source."
        )
        text = description.text[:room]
        is_cut = bool(description.html) or len(text) < len(description.text)
        return About(summary, facts, text=text, why=why, cut=is_cut)
    # The child process has written it from a list of what may be in it.
    return About(summary, facts, html=Markup(description.html))  # noqa: S704


def _values(form: FormFields) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name, value in form:
        if value not in ABSENT:
            found.setdefault(name, []).append(value)
    return found


def _links(values: Mapping[str, Sequence[str]]) -> Iterator[Fact]:
    pairs = [("Home page", one) for one in values.get("home_page", ())]
    pairs += [("Download", one) for one in values.get("download_url", ())]
    for text in values.get("project_urls", ()):
        label, _, url = text.partition(",")
        pairs.append((label.strip(), url.strip()))
    if pairs:
        lines = [_line(label, url) for label, url in pairs[:_MOST_LINES]]
        yield Fact("Links", tuple(lines), len(pairs) - len(lines))


def _line(label: str, url: str) -> Line:
    if is_web_url(url):
        return Line(_cut(label), url)
    return Line(_cut(f"{label}: {url}"))


def _facts(values: Mapping[str, Sequence[str]]) -> Iterator[Fact]:
    for name, label in _FACTS.items():
        texts = values.get(name, ())
        if texts:
            lines = tuple(Line(_cut(one)) for one in texts[:_MOST_LINES])
            yield Fact(label, lines, len(texts) - len(lines))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
