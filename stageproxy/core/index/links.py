"""Links on upstream's pages, and where they lead below a stage.

A client may not reach upstream. What upstream has at its own host is therefore
served below the stage, whatever the form of the link that leads there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import UnreadablePageError, is_distribution
from stageproxy.core.index.targets import INTERPRETED, check_raw_target

SIMPLE = "simple/"
LINKED = "+linked/"
"""Paths that are relative to upstream's origin, for links that lead above its root."""
BESIDE = (".metadata", ".asc")
"""What is published beside a distribution, under its filename with one of these endings."""

Sign = Callable[[str], str]
"""Returns the signature of a path that a page of upstream links to."""

_ANYWHERE = "sftp://stage.invalid/a/stage/url/"
"""A stage URL to resolve links against, with a scheme and a host that no link has."""

_ABSOLUTE = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_RELATIVE = re.compile(
    r"((?:\.\./)*+)((?:[\w~+-][\w~+.-]*+/)*+[\w~+-][\w~+.-]*+)(?:#.*)?", re.ASCII
)
"""Relative links without dot segments elsewhere, escapes or a query."""
_RELATIVE_IN_JSON = tuple(
    re.compile(rb'"%s"\s*+:\s*+"(?!https?://)' % key) for key in (b"url", b"provenance")
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_SAFE_IN_URLS = "%/:=&?~+!$,;'@()*[]#"
_VERSION = re.compile(r".-v?\d")


def is_file(path: str) -> bool:
    """Return whether a path, with or without a query, is that of a distribution.

    What is published beside one counts, too: its METADATA or its signature.
    """
    name = unquote(path.partition("?")[0].rpartition("/")[2])
    for end in BESIDE:
        name = name.removesuffix(end)
    return is_distribution(name) and has_version(name)


def has_version(filename: str) -> bool:
    """Return whether a filename has a version, as files of releases have."""
    return _VERSION.search(filename) is not None


def is_web_url(text: str) -> bool:
    """Return whether a text is the URL of a web page or file, so that clients can be sent there.

    A page may link to anything: to scripts, to mailboxes, or to a line break.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_printable = text.isascii() and text.isprintable() and " " not in text
    return is_printable and parts.scheme in _DEFAULT_PORTS and bool(parts.hostname)


@dataclass(frozen=True, slots=True)
class UrlSpace:
    """The URLs of upstream, and the paths below a stage that stand for them.

    `root` and `simple` end with a slash. `simple/` stands for the folder of the project
    pages, whatever its name. If upstream `is_private`, clients cannot reach it.
    """

    root: str
    simple: str
    is_private: bool = False

    @property
    def origin(self) -> str:
        """The root of the host that serves the project pages."""
        return _joined(self.simple, "/")

    def url_of(self, path: str) -> str:
        """Return the URL of a path, which is neither decoded nor normalized."""
        for prefix, base in ((SIMPLE, self.simple), (LINKED, self.origin)):
            if path.startswith(prefix):
                return base + path.removeprefix(prefix)
        return self.root + path

    def path_of(self, url: str) -> str | None:
        """Return the path of a URL, `None` if it is on another host."""
        normal = _normalized(url)
        for base, prefix in ((self.simple, SIMPLE), (self.root, ""), (self.origin, LINKED)):
            start = _normalized_base(base)
            path = prefix + normal.removeprefix(start)
            if normal.startswith(start) and (prefix or not _is_interpreted(path)):
                return path
        return None


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The links of one page of upstream.

    `url` is upstream's URL of the page, after redirects, and `path` its path below the
    stage at `stage_url`. Paths above upstream's root are served with a signature only:
    otherwise readers of a stage could request anything from that host.
    """

    space: UrlSpace
    url: str
    path: str
    stage_url: str = field(repr=False)
    sign: Sign = field(repr=False)

    @property
    def page_url(self) -> str:
        """The URL of the page for clients."""
        return self.stage_url + self.path

    def replacement(self, link: str, base: str = "") -> str | None:
        """Return the link to use instead of *link*, `None` if it can stay as it is.

        *base* is the base URL that the page declares. Raise `UnreadablePageError` if
        the link is not a URL.
        """
        if not self.space.is_private and _ABSOLUTE.match(link):
            return None
        if not base and self._surely_stays(link):
            return None
        try:
            target, fragment = urldefrag(urljoin(_joined(self.url, base), link))
            seen = urldefrag(urljoin(_joined(_ANYWHERE + self.path, base), link)).url
            path = self._path_instead(target, seen)
        except ValueError as error:
            msg = f"{link[:80]!r} is not a URL ({error})"
            raise UnreadablePageError(msg) from error
        if path is None:
            return None
        return f"{path if '://' in path else self._to(path, base)}{'#' * bool(fragment)}{fragment}"

    def absolute(self, link: str) -> str:
        """Return *link* as an absolute URL, below the stage if upstream has it there."""
        new = self.replacement(link)
        if new is None and _ABSOLUTE.match(link):
            return link
        return urljoin(self.page_url, link if new is None else new)

    def _surely_stays(self, link: str) -> bool:
        """Return whether a relative link can stay, by a quick look: pages have thousands."""
        found = _RELATIVE.fullmatch(link)
        if found is None or not self._is_where_it_belongs:
            return False
        up, depth = len(found[1]) // len("../"), self.path.count("/")
        if up < depth:
            return True
        is_root = up == depth and _joined(self.space.simple, "..") == self.space.root
        return is_root and not _is_interpreted(found[2])

    @property
    def _is_where_it_belongs(self) -> bool:
        return self.path.startswith(SIMPLE) and self.space.url_of(self.path) == self.url

    def _path_instead(self, target: str, seen: str) -> str | None:
        """Return the path, or the URL, to link to *target*, if clients would not find it.

        *seen* is where the link leads clients.
        """
        if not target.startswith(("http://", "https://")):
            return None
        if seen == target and not self.space.is_private:
            # The base is absolute.
            return None
        path = self.space.path_of(target)
        if path is None or not _is_served(path):
            return None if seen == target else target
        found = seen.removeprefix(_ANYWHERE)
        is_right = found != seen and self.space.url_of(found) == target
        return None if is_right and not _is_interpreted(found) else path

    def _to(self, path: str, base: str) -> str:
        if path.startswith(LINKED):
            above = path.removeprefix(LINKED)
            path = f"{LINKED}{self.sign(above.partition('?')[0])}/{above}"
        # Relative links are the same under every public URL, and contain no token.
        return self.stage_url + path if base else "../" * self.path.count("/") + path


def may_have_other_links(body: bytes, space: UrlSpace) -> bool:
    """Return whether a JSON page may have links that have to be replaced, of any kind.

    A page with escapes could spell its keys and links in many ways, as it could the host of a
    private upstream.
    """
    if space.is_private or b"\\" in body:
        return True
    return any(found.search(body) for found in _RELATIVE_IN_JSON)


def may_leave(kind: SimpleType, body: bytes, space: UrlSpace) -> bool:
    """Return whether a page may have links that have to be replaced.

    This is a quick look at pages such as PyPI's, whose links all lead to another host.
    """
    host = re.escape(urlsplit(space.origin).netloc.encode())
    elsewhere = rb"https?://(?!%s)" % host if space.is_private else rb"https?://"
    before = rb'"url"\s*+:\s*+"' if kind is SimpleType.V1_JSON else rb"href\s*+=\s*+[\"']?+\s*+"
    return re.search(before + rb"(?!" + elsewhere + rb")", body, re.IGNORECASE) is not None


def _is_interpreted(path: str) -> bool:
    """Return whether the server itself gives a path a meaning, so that it is not upstream's.

    The path may have a query, which makes no difference.
    """
    return unquote(path.partition("?")[0]).partition("/")[0].lower() in INTERPRETED


def _is_served(path: str) -> bool:
    try:
        check_raw_target("/" + quote(path, safe=_SAFE_IN_URLS))
    except StageproxyError:
        return False
    return True


@lru_cache(maxsize=64)
def _joined(url: str, base: str) -> str:
    return urljoin(url, base)


def _normalized(url: str) -> str:
    """Return a URL with the host as it is compared: in lower case, without credentials."""
    parts = urlsplit(url)
    host = (
        parts.netloc.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))
    )
    return parts._replace(netloc=host, path=parts.path or "/").geturl()


_normalized_base = lru_cache(maxsize=64)(_normalized)
