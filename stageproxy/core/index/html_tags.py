"""The tags of an HTML document, as far as both pip and uv read it.

pip reads pages with the `html.parser` of its Python, uv as browsers do. They differ on where
comments end, and on which elements contain text only. What either of them skips is skipped here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape

_RAW_TEXT = frozenset(
    {"script", "style", "title", "textarea", "iframe", "xmp", "noembed", "noframes", "plaintext"}
)
"""Elements whose content is text, even if it looks like tags."""

# Possessive quantifiers prevent backtracking and keep the scan linear.
_NAME = re.compile(r"<(/?[a-z][^\s/>]*+)", re.IGNORECASE | re.ASCII)
_ATTRIBUTE = re.compile(
    r"[\s/]*+(=?[^\s/>=]++|=)"
    r"(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\s>]*+)|([\"'])))?+",
    re.ASCII,
)
_VALUES = (2, 3, 4)
_OPEN_QUOTE = 5
_TAG_END = re.compile(r"[\s/]*+>", re.ASCII)
_WITHOUT_TAGS = {"<!--": "-->", "<![CDATA[": "]]>", "<!": ">", "<?": ">", "</": ">"}
"""How texts without tags start and end. The first start that matches counts."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's value and its position in the document, which is empty without a value."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, and its position. The name is in lower case, and an end tag's has a slash.

    Of repeated attributes, the first counts. `content` is the text of an element that
    contains nothing else.
    """

    name: str
    attributes: Mapping[str, Attribute]
    start: int
    end: int
    content: str = ""

    def get(self, name: str) -> str | None:
        """Return the value of an attribute, `None` if the tag does not have it."""
        return self.attributes[name].value if name in self.attributes else None


class TagReader:
    """Reads the tags of a document, in order.

    Nothing is read after `end`, once all tags were read: a comment or a text without an
    end starts there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = len(text)

    def __iter__(self) -> Iterator[Tag]:
        """Return the tags. Raise `ValueError` if the document ends within one."""
        position = self.text.find("<")
        while position >= 0:
            if name := _NAME.match(self.text, position):
                tag, after = _tag(self.text, name)
                yield tag
            else:
                after = _after_markup(self.text, position)
            if after < 0:
                self.end = position
                return
            position = self.text.find("<", after)


def _tag(text: str, name: re.Match[str]) -> tuple[Tag, int]:
    """Return a tag, and the position after it and its raw text; -1 if that has no end."""
    attributes, end = _attributes(text, name)
    tag_name = name[1].lower()
    if tag_name not in _RAW_TEXT:
        return Tag(tag_name, attributes, name.start(), end), end
    close = re.compile(rf"</{tag_name}\s*+>", re.IGNORECASE | re.ASCII).search(text, end)
    content = text[end : close.start() if close else len(text)]
    return Tag(tag_name, attributes, name.start(), end, content), close.start() if close else -1


def _attributes(text: str, name: re.Match[str]) -> tuple[Mapping[str, Attribute], int]:
    """Return the attributes of a tag, and the position after the tag."""
    found: dict[str, Attribute] = {}
    position = name.end()
    while not (tag_end := _TAG_END.match(text, position)):
        one = _ATTRIBUTE.match(text, position)
        if one is None or one[_OPEN_QUOTE]:
            msg = f"the tag at character {name.start()} is not closed"
            raise ValueError(msg)
        position = one.end()
        group = next((number for number in _VALUES if one[number] is not None), 0)
        start, end = one.span(group) if group else (position, position)
        found.setdefault(one[1].lower(), Attribute(unescape(text[start:end]), start, end))
    return found, tag_end.end()


def _after_markup(text: str, position: int) -> int:
    """Return the position after a comment or a declaration, or after a `<`; -1 without an end."""
    for start, end in _WITHOUT_TAGS.items():
        if text.startswith(start, position):
            found = text.find(end, position + len(start))
            return found + len(end) if found >= 0 else -1
    return position + 1
