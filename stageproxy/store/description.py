"""The description of a release as HTML that can do nothing. Runs in `store.inspection_child` alone.

The library that PyPI uses renders and cleans it. A second pass writes it anew from a list of what
may be in it: no images, which would disclose the preview to their hosts; headings below those of
the page; ids of their own; links that disclose nothing to their targets.
"""

import warnings
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from importlib import import_module
from urllib.parse import urlsplit

MOST_RENDERED = 2**20
"""How many characters of a description are rendered."""
LONGEST_HTML = 2 * 2**20

_PREFIX = "readme-"
_MARKDOWN, _PLAIN = "text/markdown", "text/plain"
_KEPT = frozenset(
    {
        *("abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details"),
        *("div", "dl", "dt", "em", "figcaption", "figure", "hr", "i", "kbd", "li", "ol", "p"),
        *("pre", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th", "thead"),
        *("tr", "tt", "ul", "var"),
    }
)
_VOID = frozenset({"br", "hr"})
_HEADINGS: Mapping[str, str] = {f"h{one}": f"h{min(6, one + 2)}" for one in range(1, 7)}
_LINKED = frozenset({"http", "https", "mailto"})
_NUMBERS = frozenset({"colspan", "rowspan", "start"})
_MOST_DIGITS = 3
_DEEPEST = 100
_CHECKED, _NOT_CHECKED = "\N{BALLOT BOX WITH CHECK} ", "\N{BALLOT BOX} "


def render_description(text: str, content_type: str) -> str | None:
    """Return a description as HTML, `None` if it does not render or is too long."""
    if len(text) > MOST_RENDERED:
        return None
    rendered = _rendered(text, content_type)
    if rendered is None or len(rendered) > LONGEST_HTML:
        return None
    writer = _Writer()
    writer.feed(rendered)
    writer.close()
    html = writer.result()
    return html if len(html) <= LONGEST_HTML else None


def _rendered(text: str, content_type: str) -> str | None:
    media_type, _, parameters = content_type.partition(";")
    kind = media_type.strip().lower()
    # The library warns where it cannot do something; the page says what it shows.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == _PLAIN:
            return str(import_module("readme_renderer.txt").render(text))
        if kind == _MARKDOWN:
            variant = "CommonMark" if "commonmark" in parameters.lower() else "GFM"
            rendered = import_module("readme_renderer.markdown").render(text, variant=variant)
        else:
            rendered = import_module("readme_renderer.rst").render(text)
    return rendered if isinstance(rendered, str) else None


class _Writer(HTMLParser):
    """Writes cleaned HTML anew: only what is in the lists above, each element closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._link_at = 0

    def result(self) -> str:
        """Return what was written, with everything closed."""
        return "".join([*self._parts, *(f"</{one}>" for one in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write a tag that is kept, and the text of an image."""
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._parts.append(_text_of_image(given))
        elif tag == "input" and given.get("type") == "checkbox":
            self._parts.append(_CHECKED if "checked" in given else _NOT_CHECKED)
        elif len(self._open) < _DEEPEST:
            self._write_tag(tag, given)

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and those in it that are still open."""
        name = _HEADINGS.get(tag, tag)
        if name not in self._open:
            return
        while (last := self._open.pop()) != name:
            self._parts.append(f"</{last}>")
        if name == "a" and not "".join(self._parts[self._link_at :]).strip():
            # A link without a text, such as a heading's to itself, cannot be read to anybody.
            del self._parts[self._link_at - 1 :]
        else:
            self._parts.append(f"</{name}>")

    def handle_data(self, data: str) -> None:
        """Write a text."""
        self._parts.append(escape(visible(data)))

    def _write_tag(self, tag: str, given: Mapping[str, str]) -> None:
        name = _HEADINGS.get(tag, tag)
        if tag == "a" and "a" in self._open:
            return  # The end of the inner link would be that of both, or of none.
        if tag == "a":
            kept = _link(given.get("href", ""))
        elif tag in _KEPT or tag in _HEADINGS:
            kept = {one: given[one] for one in _NUMBERS & given.keys() if _is_number(given[one])}
        else:
            return
        if given.get("id"):
            kept["id"] = _PREFIX + given["id"]
        if tag == "details" and "open" in given:
            kept["open"] = ""
        attributes = "".join(f' {one}="{escape(visible(value))}"' for one, value in kept.items())
        self._parts.append(f"<{name}{attributes}>")
        if name not in _VOID:
            self._open.append(name)
        if name == "a":
            self._link_at = len(self._parts)


def visible(text: str) -> str:
    """Return a text without characters that cannot be seen or turn others around."""
    if text.isprintable():
        return text
    return "".join(one for one in text if one.isprintable() or one.isspace())


def _link(target: str) -> dict[str, str]:
    """Return the attributes of a link: none if it leads nowhere that is known."""
    if target.startswith("#"):
        return {"href": f"#{_PREFIX}{target[1:]}"} if target != "#" else {}
    try:
        scheme = urlsplit(target).scheme
    except ValueError:
        return {}
    if scheme not in _LINKED:
        return {}
    return {"href": target, "rel": "nofollow noreferrer noopener"}


def _text_of_image(given: Mapping[str, str]) -> str:
    """Return what stands for an image: its text. One without a text is decoration."""
    text = visible(given.get("alt", "")).strip()
    return f"[{escape(text)}]" if text else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
