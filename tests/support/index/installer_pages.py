"""HTML pages of `demo` in many shapes, and the files that installers find on them.

In a page, `{3}` is the whole link to the third file and `[3]` its filename alone.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

Reader = Literal["pip", "uv"]

STAGED = 9
"""The number of the file that tests stage. No page lists it."""

_MARK = re.compile(r"\{(\d+)\}|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class InstallerPage:
    """A page, and the numbers of the files that are found on it.

    *unlike* has what an installer finds that finds more, or `None` if it cannot read the page.
    """

    text: str
    found: Collection[int] = (1,)
    unlike: Mapping[Reader, Collection[int] | None] = field(default_factory=dict)
    content_type: str = "text/html"
    encoding: str = "utf-8"

    @property
    def body(self) -> bytes:
        """Return the bytes of the page."""
        return _MARK.sub(_filled, self.text).encode(self.encoding)

    def found_by(self, reader: Reader) -> set[int]:
        """Return the numbers of the files that an installer finds."""
        return set(self.unlike.get(reader, self.found) or ())

    def found_when_merged(self, reader: Reader) -> set[int]:
        """Return what an installer finds once `STAGED` was added to the page."""
        is_unreadable = self.unlike.get(reader, self.found) is None
        return set() if is_unreadable else {*self.found_by(reader), STAGED}


def filename(number: int | str) -> str:
    """Return the name of a file: each has a version of its own."""
    return f"demo-{number}.0-py3-none-any.whl"


def digest(number: int | str) -> str:
    """Return the digest of a file."""
    return sha256(str(number).encode()).hexdigest()


def _filled(mark: re.Match[str]) -> str:
    if mark[1]:
        return f"{filename(mark[1])}#sha256={digest(mark[1])}"
    return filename(mark[2])


_HASH = digest(1)
_ABOVE = '<a href="../">../</a>\n'

LINKS = {
    "plain": InstallerPage('<a href="{1}">[1]</a><br>\n<a href="{2}">[2]</a><br>\n', (1, 2)),
    "in one line": InstallerPage('<a href="{1}">[1]</a><br/><a href="{2}">[2]</a>', (1, 2)),
    "shortened text": InstallerPage('<a href="{1}">demo-1.0-py3-no..&gt;</a>  2 kB\n'),
    "another text": InstallerPage('<a href="{1}">Download</a>'),
    "no text": InstallerPage('<a href="{1}"></a>'),
    "markup in the link": InstallerPage('<a href="{1}"><code>demo</code> <b>1.0</b></a>'),
    "an image in the link": InstallerPage('<a href="{1}"><img src="/icons/whl.png" alt=""> x</a>'),
    "a name and no link": InstallerPage('<a name="top">Top</a><a href="{1}">x</a>'),
    "empty links": InstallerPage('<a href="">x</a><a href>y</a><a href="{1}">x</a>'),
    "a link within the page": InstallerPage('<a href="#top">Top</a><a href="{1}">x</a>'),
    "other schemes": InstallerPage(
        '<a href="javascript:void(0)">x</a><a href="mailto:[2]">y</a><a href="{1}">z</a>',
        unlike={"pip": (2, 1)},
    ),
    "a host named like a file": InstallerPage(
        '<a href="http://demo-2.0.zip">x</a><a href="{1}">', (1,), {"uv": (1, 2)}
    ),
    "capitals": InstallerPage('<A HREF="{1}">x</A><BR>'),
    "single quotes": InstallerPage("<a href='{1}'>x</a>"),
    "no quotes": InstallerPage("<a href={1}>x</a>"),
    "white space": InstallerPage('<a\n  href = "{1}"\n  data-x\n>x</a\n>'),
    "no white space": InstallerPage('<a class="x"href="{1}">x</a><a/href="{2}">y</a>', (1, 2)),
    "closed at once": InstallerPage('<a href="{1}"/>x <a href="{2}" />y', (1, 2)),
    "never closed": InstallerPage('<a href="{1}">x<br>\n<a href="{2}">y<br>\n', (1, 2)),
    "one in another": InstallerPage('<a href="{1}">x<a href="{2}">y</a></a>', (1, 2)),
    "two addresses": InstallerPage('<a href="{1}" href="{2}">x</a>', (1,), {"pip": (2,)}),
    "a tag in an attribute": InstallerPage('<img alt="<a href={2}>" src=x><a href="{1}">x</a>'),
    "an apostrophe": InstallerPage("<p title=it's><a href={1}>x</a><p title=it's>"),
    "character references": InstallerPage('<a href="demo&#45;1.0&#x2d;py3-none-any.whl">x</a>'),
    "a reference in a query": InstallerPage('<a href="[1]?a=1&amp;b=2#sha256=' + _HASH + '">x</a>'),
    "an ampersand in a query": InstallerPage('<a href="[1]?a=1&b=2#sha256=' + _HASH + '">x</a>'),
    "a name in the query alone": InstallerPage(
        '<a href="get?file=/[2]">x</a><a href="{1}">y</a>', (1,), {"uv": (1, 2)}
    ),
    "a slash in the query": InstallerPage('<a href="[1]?from=a/b">x</a>', (1,), {"uv": ()}),
    "parameters of the path": InstallerPage('<a href="[2];id=1">x</a><a href="{1}">y</a>'),
    "escapes": InstallerPage('<a href="demo%2D1.0-py3-none-any%2Ewhl">x</a>'),
    "an escaped slash": InstallerPage(
        '<a href="x%2F[2]">x</a><a href="{1}">y</a>', (1,), {"pip": (2, 1)}
    ),
    "escapes that are escaped": InstallerPage(
        '<a href="demo%252D2.0-py3-none-any.whl">x</a><a href="{1}">y</a>', (1,), {"pip": (2, 1)}
    ),
    "a slash at the end": InstallerPage(
        '<a href="[2]/">x</a><a href="{1}">y</a>', (1,), {"pip": (2, 1)}
    ),
    "line ends in a link": InstallerPage('<a href="demo-1.0\n-py3-none-any.whl">x</a>'),
    "a backslash": InstallerPage('<a href="files\\[2]">x</a><a href="{1}">y</a>'),
    "an egg": InstallerPage('<a href="[1]#egg=demo-1.0&amp;sha256=' + _HASH + '">x</a>'),
    "other hashes": InstallerPage(
        '<a href="[1]#md5=00112233445566778899aabbccddeeff">x</a>'
        '<a href="[2]#sha512=' + 2 * _HASH + '">y</a><a href="[3]">z</a>',
        (1, 2, 3),
    ),
    "a hash in capitals": InstallerPage('<a href="[1]#sha256=' + _HASH.upper() + '">x</a>'),
    "twice": InstallerPage('<a href="{1}">x</a><a href="{1}">x</a>'),
    "another project": InstallerPage(
        '<a href="demo-plus-2.0-py3-none-any.whl">x</a><a href="demo-plus-2.0.tar.gz">x</a>'
        '<a href="other-2.0.tar.gz">y</a><a href="{1}">z</a>'
    ),
    "companions of files": InstallerPage(
        '<a href="{1}">x</a><a href="[2].metadata">y</a><a href="[3].asc">z</a>'
        '<a href="SHA256SUMS">s</a>'
    ),
    "every attribute": InstallerPage(
        '<a href="{1}" data-requires-python="&gt;=3.8" data-yanked="it&#39;s broken"'
        ' data-dist-info-metadata="true" data-core-metadata="true" data-gpg-sig="false">x</a>'
        "<a href='{2}' data-requires-python='>=3.8' data-yanked data-gpg-sig=true>y</a>"
        "<a href={3} data-requires-python=>=3.8>z</a>",
        (1, 2, 3),
    ),
}
"""Pages by how their links are written."""

SKIPPED = {
    "a script": InstallerPage(
        '<script>document.write("<a href=\'{2}\'>x</a>")</script><a href="{1}">x</a>'
    ),
    "the start of a link in a script": InstallerPage(
        '<script>var x = "<a href=\'";</script><a href="{1}">x</a>'
    ),
    "a comparison in a script": InstallerPage('<script>if (a<b && c>d) x()</script><a href="{1}">'),
    "a style": InstallerPage('<style>a > b {} /* <a href="{2}"> */</style><a href="{1}">x</a>'),
    "a title": InstallerPage(
        '<title>a < b & <a href="{2}">x</a></title><a href="{1}">x</a>', (1,), {"pip": (2, 1)}
    ),
    "a text area": InstallerPage(
        '<textarea><a href="{2}">x</a></textarea><a href="{1}">x</a>', (1,), {"pip": (2, 1)}
    ),
    "a frame": InstallerPage(
        '<iframe><a href="{2}">x</a></iframe><a href="{1}">x</a>', (1,), {"pip": (2, 1)}
    ),
    "a part without scripts": InstallerPage(
        '<noscript><a href="{2}">x</a></noscript><a href="{1}">x</a>', (2, 1)
    ),
    "a template": InstallerPage(
        '<template><a href="{2}">x</a></template><a href="{1}">x</a>', (2, 1)
    ),
    "a drawing": InstallerPage(
        '<svg><title>x</title><a xlink:href="{2}"/><style>a{}</style></svg><a href="{1}">x</a>'
    ),
    "a comment": InstallerPage('<!-- > <a href="{2}">x</a> --><a href="{1}">x</a>'),
    "a short comment": InstallerPage(
        '<!--><a href="{2}">x</a> --><a href="{1}">x</a>', (1,), {"uv": (1, 2)}
    ),
    "a comment that ends oddly": InstallerPage(
        '<!-- <a href="{2}">x</a> --!><a href="{3}">x</a> --> <a href="{1}">x</a>',
        (1,),
        {"uv": (1, 3)},
    ),
    "a comment that ends with a space": InstallerPage(
        '<!-- a -- > <a href="{2}">x</a> --><a href="{1}">x</a>', (1,), {"pip": (2, 1)}
    ),
    "a comment without an end": InstallerPage('<a href="{1}">x</a>\n<!-- <a href="{2}">x</a>\n'),
    "a script without an end": InstallerPage('<a href="{1}">x</a>\n<script> <a href="{2}">x</a>\n'),
    "a condition of a browser": InstallerPage(
        '<!--[if IE]><a href="{2}">x</a><![endif]--><a href="{1}">x</a>'
    ),
    "a section": InstallerPage('<![CDATA[<a href="{2}">x</a>]]><a href="{1}">x</a>'),
    "a declaration of XML": InstallerPage(
        '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"\n'
        ' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<a href="{1}">x</a>'
    ),
    "an instruction": InstallerPage('<?php echo "<a href=[2]" ?><a href="{1}">x</a>'),
    "signs": InstallerPage('1 < 2 <3 <é </> <> a<b></b> <a href="{1}">x</a>'),
    "other tags with links": InstallerPage(
        '<link href="{2}"><area href="{3}"></a href="{4}"><a href="{1}">x</a>'
    ),
}
"""Pages by what is no link on them."""

CHARSETS = {
    "Latin-1": InstallerPage(
        '<p>é<a href="{1}">x</a>', content_type="text/html; charset=ISO-8859-1", encoding="latin-1"
    ),
    "Latin-1 by a tag": InstallerPage(
        '<meta charset=latin-1><p>é<a href="{1}">x</a>', (1,), {"pip": None}, encoding="latin-1"
    ),
    "Latin-1 by an old tag": InstallerPage(
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
        '<p>é<a href="{1}">x</a>',
        (1,),
        {"pip": None},
        encoding="latin-1",
    ),
    "Latin-1 without a word": InstallerPage(
        '<p>é<a href="{1}">x</a>', (1,), {"pip": None}, encoding="latin-1"
    ),
    "Shift JIS": InstallerPage(
        '<p>表<a href="{1}">x</a>',
        content_type="text/html; charset=Shift_JIS",
        encoding="shift_jis",
    ),
    "a byte order mark": InstallerPage('\ufeff<p>é<a href="{1}">x</a>'),
    "UTF-16": InstallerPage(
        '<p>é<a href="{1}">x</a>',
        (1,),
        {"uv": None},
        content_type="text/html; charset=utf-16",
        encoding="utf-16",
    ),
    "an unknown charset": InstallerPage(
        '<p>é<a href="{1}">x</a>', (1,), {"pip": None}, content_type="text/html; charset=x-user"
    ),
}
"""Pages by their encoding."""

BASES = {
    "a base": InstallerPage('<base href="https://files.example.org/x/"><a href="{1}">x</a>'),
    "a relative base": InstallerPage('<base href="/x/"><a href="{1}">x</a>', (1,), {"uv": None}),
    "a base of targets": InstallerPage('<base target="_blank"><a href="{1}">x</a>'),
    "a base after the links": InstallerPage(
        '<a href="https://files.example.org/{1}">x</a><base href="https://files.example.org/x/">'
    ),
    "two bases": InstallerPage(
        '<base href="https://files.example.org/x/"><base href="https://files.example.org/y/">'
        '<a href="{1}">x</a>'
    ),
}
"""Pages by the base of their links."""

SERVERS = {
    "PyPI": InstallerPage(
        '<!DOCTYPE html>\n<html lang="en">\n  <head>\n'
        '    <meta name="pypi:repository-version" content="1.4">\n'
        "    <title>Links for demo</title>\n  </head>\n  <body>\n    <h1>Links for demo</h1>\n"
        '<a href="https://files.example.org/{1}" data-core-metadata="sha256='
        + _HASH
        + '">[1]</a><br />\n</body>\n</html>\n<!--SERIAL 7-->'
    ),
    "Apache": InstallerPage(
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n <head>\n'
        "  <title>Index of /simple/demo</title>\n </head>\n <body>\n"
        "<h1>Index of /simple/demo</h1>\n  <table>\n"
        '   <tr><th valign="top"><img src="/icons/blank.gif" alt="[ICO]"></th>'
        '<th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th>'
        '<th><a href="?C=S;O=A">Size</a></th></tr>\n'
        '   <tr><td><img src="/icons/back.gif" alt="[PARENTDIR]"></td>'
        '<td><a href="/simple/">Parent Directory</a></td><td>&nbsp;</td><td>  - </td></tr>\n'
        '<tr><td valign="top"><img src="/icons/unknown.gif" alt="[   ]"></td><td>'
        '<a href="[1]">demo-1.0-py3-none-a..&gt;</a></td><td>2026-01-01 00:00</td>'
        "<td>2.0K</td></tr>\n"
        '   <tr><th colspan="4"><hr></th></tr>\n</table>\n'
        "<address>Apache Server at index.example Port 443</address>\n</body></html>\n"
    ),
    "Apache with plain text": InstallerPage(
        "<html><head><title>Index of /simple/demo</title></head><body>\n"
        '<h1>Index of /simple/demo</h1>\n<pre><img src="/icons/blank.gif" alt="     "> '
        '<a href="?C=N;O=D">Name</a>      <a href="?C=M;O=A">Last modified</a><hr>'
        '<img src="/icons/back.gif" alt="[DIR]"> <a href="/simple/">Parent Directory</a>     -\n'
        '<img src="/icons/whl.gif" alt="[   ]"> <a href="[1]">demo-1.0-py..&gt;</a>'
        " 01-Jan-2026 00:00  2.0K\n<hr></pre>\n</body></html>\n"
    ),
    "nginx": InstallerPage(
        "<html>\r\n<head><title>Index of /simple/demo/</title></head>\r\n<body>\r\n"
        "<h1>Index of /simple/demo/</h1><hr><pre>"
        + _ABOVE.replace("\n", "\r\n")
        + '<a href="[1]">demo-1.0-py3-none-any.whl</a>       01-Jan-2026 00:00        2048\r\n'
        '<a href="[2]">demo-2.0-py3-none-any-with-a-long-na..&gt;</a> 01-Jan-2026 00:00   99\r\n'
        "</pre><hr></body>\r\n</html>\r\n",
        (1, 2),
    ),
    "caddy": InstallerPage(
        '<!DOCTYPE html>\n<html>\n<head>\n<title>demo</title>\n<meta charset="utf-8">\n'
        "<style>* { padding: 0 } a > b { color: #06c }</style>\n</head>\n"
        '<body onload=\'initPage()\'>\n<svg version="1.1" height="0" width="0"><defs>'
        '<g id="folder"><title>folder</title><path d="M0 0"/></g></defs></svg>\n'
        '<header><h1><a href="../../">/</a><a href="../">simple</a> / '
        '<a href="">demo</a></h1></header>\n<main><table>\n<thead><tr>'
        '<th><a href="./?sort=name&order=desc">Name</a></th></tr></thead>\n<tbody>\n'
        '<tr><td></td><td><a href=".."><span class="up">Go up</span></a></td></tr>\n'
        '<tr class="file"><td></td><td><a href="./[1]"><svg width="1em"><use '
        'xlink:href="#file"></use></svg><span class="name">[1]</span></a></td>'
        '<td class="hideable"><time datetime="2026-01-01T00:00:00Z">x</time></td></tr>\n'
        "</tbody>\n</table></main>\n<footer>Served with "
        '<a rel="noopener noreferrer" href="https://caddyserver.example">Caddy</a></footer>\n'
        "<script>function initPage() { if (1 < 2) { return '<a href=\"[2]\">' } }</script>\n"
        "</body>\n</html>\n"
    ),
    "Python": InstallerPage(
        '<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<title>Directory listing for /simple/demo/</title>\n</head>\n<body>\n"
        "<h1>Directory listing for /simple/demo/</h1>\n<hr>\n<ul>\n"
        '<li><a href="[1]">[1]</a></li>\n</ul>\n<hr>\n</body>\n</html>\n',
        content_type="text/html; charset=utf-8",
    ),
    "Artifactory": InstallerPage(
        "<!DOCTYPE html>\n<html>\n<head><title>Simple Index</title>"
        '<meta name="api-version" value="2" /></head>\n<body>\n'
        '<a href="../../packages/aa/bb/{1}" data-requires-python="&gt;=3.8" rel="internal"'
        " >[1]</a><br/>\n</body>\n</html>\n"
    ),
    "a folder of Artifactory": InstallerPage(
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n'
        '<head><meta name="robots" content="noindex" />\n<title>Index of pypi-local/demo</title>'
        "\n</head>\n<body>\n<h1>Index of pypi-local/demo</h1>\n"
        "<pre>Name    Last modified      Size</pre><hr/>\n<pre>"
        + _ABOVE
        + '<a href="[1]">[1]</a>  01-Jan-2026 00:00  2.00 KB\n</pre>\n<hr/>'
        '<address style="font-size:small;">Artifactory Port 8081</address></body></html>'
    ),
    "Nexus": InstallerPage(
        '<html lang="en">\n<head><title>Links for demo</title>\n'
        '<meta name="api-version" value="2"/>\n</head>\n<body>\n<h1>Links for demo</h1>\n    '
        '<a href="../../packages/demo/1.0/{1}" rel="internal" data-requires-python="">[1]</a>'
        "<br/>\n</body>\n</html>\n"
    ),
    "GitLab": InstallerPage(
        "<!DOCTYPE html>\n<html>\n  <head>\n    <title>Links for demo</title>\n  </head>\n"
        "  <body>\n    <h1>Links for demo</h1>\n    "
        '<a href="https://index.example/api/v4/projects/1/packages/pypi/files/'
        + _HASH
        + '/{1}" data-requires-python="&gt;=3.8">[1]</a><br>\n  </body>\n</html>\n',
        content_type="text/html; charset=utf-8",
    ),
    "devpi": InstallerPage(
        "<!DOCTYPE html>\n<html>\n  <head>\n    <title>root/dev: links for demo</title>\n"
        '    <meta name="pypi:repository-version" content="1.0" />\n  </head>\n  <body>\n'
        "    <h1>root/dev: links for demo</h1>\n"
        '    <a href="/root/dev/demo">info page on index root/dev</a> <br/>\n'
        '    <form action="/root/dev/+simple/demo/refresh" method="post">'
        '<input name="refresh" type="submit" value="Refresh"/></form>\n    root/dev '
        '<a href="../../+f/6b8/6b273ff34fce1/{1}" data-requires-python="&gt;=3.8">[1]</a><br/>\n'
        "  </body>\n</html>"
    ),
    "pypiserver": InstallerPage(
        "<!DOCTYPE html>\n    <html>\n        <head>\n            <title>Links for demo</title>\n"
        "        </head>\n        <body>\n            <h1>Links for demo</h1>\n"
        '                 <a href="/packages/{1}">[1]</a><br>\n        </body>\n    </html>\n    '
    ),
    "proxpi": InstallerPage(
        '<!DOCTYPE html>\n<html lang="en">\n  <head>\n'
        '    <meta name="pypi:repository-version" content="1.0">\n    <title>demo</title>\n'
        '  </head>\n  <body>\n      <a href="/index/demo/{1}"\n         '
        'data-dist-info-metadata="true"\n      >[1]</a>\n      <br />\n  </body>\n</html>'
    ),
    "simple-repository-server": InstallerPage(
        '<!DOCTYPE html>\n    <html>\n    <head>\n        <meta name="pypi:repository-version" '
        'content="1.1">\n        <title>Links for demo</title>\n    </head>\n    <body>\n'
        "    <h1>Links for demo</h1>\n    "
        '<a href="../../resources/demo/{1}" data-requires-python="&gt;=3.8">[1]</a><br/>\n'
        "</body>\n</html>"
    ),
    "bandersnatch": InstallerPage(
        '<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" content="1.0">'
        "\n    <title>Links for demo</title>\n  </head>\n  <body>\n    <h1>Links for demo</h1>\n"
        '    <a href="../../packages/6b/86/{1}" data-requires-python="&gt;=3.8">[1]</a><br/>\n'
        "  </body>\n</html>\n<!--SERIAL 7-->"
    ),
    "a site with menus": InstallerPage(
        '<!DOCTYPE html>\n<html>\n<head>\n<title>demo | Packages</title>\n<link rel="stylesheet" '
        'href="/static/a.css">\n<script src="/static/a.js"></script>\n</head>\n<body>\n'
        '<nav><a href="/">Home</a> <a href="/packages/">Packages</a> <a href="/login">Log in</a>'
        '</nav>\n<form action="/search"><input name="q"></form>\n'
        '<ul>\n<li><a class="file" href="/files/{1}"><i class="icon"></i> 1.0</a> (2 kB)</li>\n'
        '</ul>\n<footer><a href="https://example.org/">Example</a></footer>\n</body>\n</html>\n'
    ),
}
"""Pages by the software that serves them."""

PAGES: Mapping[str, InstallerPage] = {**LINKS, **SKIPPED, **CHARSETS, **BASES, **SERVERS}
