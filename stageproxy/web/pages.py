"""HTML pages: their templates, what is shown of foreign texts, and their headers.

Templates are files of `web/`, named from there: `templates/layout.html` is the frame of all.
Values are escaped. Nothing in a page is inline: style sheets and scripts are `web/assets.py`'s.
"""

import unicodedata
from datetime import datetime
from functools import cache
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stageproxy.core.index.pages import own_document
from stageproxy.core.wording import count_text, size_text
from stageproxy.web.answers.conditional import conditional
from stageproxy.web.answers.headers import PRIVATE
from stageproxy.web.assets import asset_path
from stageproxy.web.keys import URLS

_CONTENT_TYPE = "text/html; charset=UTF-8"
_LINE_ENDS = "\n\t"


async def page_response(
    request: web.Request, template: str, *, status: int = HTTPStatus.OK, **values: object
) -> web.Response:
    """Return the response with a page; 304 if the browser has it."""
    document = own_document(render(request, template, **values).encode(), _CONTENT_TYPE)
    headers = page_headers(request)
    if status == HTTPStatus.OK:
        return await conditional(request, document, headers)
    return web.Response(status=status, body=document.body, headers=headers)


def render(request: web.Request, template: str, **values: object) -> str:
    """Return a template filled with *values*; `base` is the public URL of the server."""
    base = request.app[URLS].public_url
    return environment().get_template(template).render(base=base, **values)


def page_headers(request: web.Request) -> dict[str, str]:
    """Return the headers of a page."""
    return {
        "Content-Type": _CONTENT_TYPE,
        "Cache-Control": PRIVATE,
        "Content-Security-Policy": policy_of(request.app[URLS].public_url),
        "Vary": "Accept, Accept-Encoding, Cookie",
    }


def headers_of_desk(request: web.Request) -> dict[str, str]:
    """Return the headers of a page for who is signed in: nobody keeps it.

    Browsers send `Origin: null` with the forms of a page that sends no referrer.
    """
    return {
        **page_headers(request),
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "same-origin",
    }


def root_of(request: web.Request) -> str:
    """Return the path of the server for browsers, without a slash at the end."""
    return urlsplit(request.app[URLS].public_url).path.rstrip("/")


def policy_of(public_url: str) -> str:
    """Return the content security policy of pages: our own assets, and nothing from elsewhere."""
    # A policy cannot name a host that is an IPv6 address.
    has_name = "[" not in urlsplit(public_url).netloc
    assets = f"{public_url}/assets/" if has_name else "'self'"
    return (
        f"default-src 'none'; style-src {assets}; script-src {assets}; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=PackageLoader("stageproxy", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset_path
    made.filters.update(time=time_text, day=day_text, size=size_text, count=count_text)
    return made


def load_templates() -> None:
    """Compile all templates: the first page of a server would otherwise wait for it."""
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)


def time_text(time: datetime) -> str:
    """Return a time as people read it, without seconds."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def day_text(time: datetime) -> str:
    """Return the day of a time."""
    return f"{time:%Y-%m-%d}"


def visible(text: str) -> str:
    """Return a text in which characters that cannot be seen, or turn others around, are escaped.

    A line of a page could otherwise show something else than it says.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_visible(one) else _escape_of(one) for one in text)


def _is_visible(character: str) -> bool:
    is_space = character in _LINE_ENDS or unicodedata.category(character) == "Zs"
    return is_space or character.isprintable()


def _escape_of(character: str) -> str:
    return f"\\u{{{ord(character):04x}}}"


def _shown(value: object) -> object:
    """Return what a template prints of a value. Markup is ours, or was cleaned before."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
