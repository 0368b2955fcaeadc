"""The character encoding of an HTML page."""

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message

from stageproxy.core.index.html_tags import Tag, TagReader
from stageproxy.core.index.pages import UnreadablePageError

_DEFAULT = "utf-8"
_WITHOUT_DECLARATION = "iso8859-1"
_HEAD = 1024
"""The number of bytes in which a page has to declare its encoding, as for browsers."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_IN_META = re.compile(r"charset\s*+=\s*+[\"']?+([^\s\"';]++)", re.IGNORECASE)
# Python has codecs that are no encodings of text, and some that take quadratic time.
_OF_PAGES = re.compile(
    r"ascii|utf-8|utf-16-[bl]e|iso8859-\d+|cp\d+|koi8-[rtu]|gb2312|gbk|gb18030|big5|euc_\w+"
    r"|shift_jis|mac-\w+"
)


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """The text of a page, and the codec that it was decoded with."""

    text: str
    codec: str


def decoded_page(body: bytes, content_type: str) -> DecodedPage:
    """Return the text of a page. Raise `UnreadablePageError` if it is not in its encoding.

    A byte order mark comes before the Content-Type, and that before a `<meta>`. A page
    without any of them is in UTF-8, or else in Latin-1.
    """
    declared = _in_mark(body) or _in_header(content_type) or _in_page(body)
    try:
        return DecodedPage(body.decode(declared or _DEFAULT), declared or _DEFAULT)
    except UnicodeDecodeError as error:
        if declared is not None:
            msg = f"not an HTML page in its encoding, {declared} ({error.reason})"
            raise UnreadablePageError(msg) from error
        return DecodedPage(body.decode(_WITHOUT_DECLARATION), _WITHOUT_DECLARATION)


def encoded_page(text: str, codec: str) -> bytes:
    """Return the bytes of a page. Characters that its encoding lacks become references."""
    return text.encode(codec, "xmlcharrefreplace")


def _in_mark(body: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS.items() if body.startswith(mark)), None)


def _in_header(content_type: str) -> str | None:
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_param("charset")
    return _find_codec(charset) if isinstance(charset, str) else None


def _in_page(body: bytes) -> str | None:
    """Return the codec of the first `<meta>` that declares one."""
    with suppress(ValueError):
        for tag in TagReader(body[:_HEAD].decode(_WITHOUT_DECLARATION)):
            codec = _find_codec(_charset_in(tag)) if tag.name == "meta" else None
            if codec:
                # The declaration was read, so the page is not in UTF-16.
                return _DEFAULT if codec.startswith("utf-16") else codec
    return None


def _charset_in(tag: Tag) -> str:
    in_content = _IN_META.search(tag.get("content") or "")
    return tag.get("charset") or (in_content[1] if in_content else "")


def _find_codec(label: str) -> str | None:
    """Return the name of Python's codec, `None` if it is no encoding of pages."""
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    name = "utf-16-le" if name == "utf-16" else name
    return name if _OF_PAGES.fullmatch(name) else None
