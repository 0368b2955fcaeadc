"""Checks by other libraries, of which those of the extra `verdict` may be missing."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from rfc3986 import uri_reference
from rfc3986.exceptions import RFC3986Exception
from rfc3986.validators import Validator

from stageproxy.core.rules.findings import Finding, not_known
from stageproxy.core.rules.upload import Check, Rule, Upload

ProblemFinder = Callable[[str], str | None]
"""A function that returns what is wrong with a text, `None` if nothing is."""

RenderFaultsFinder = Callable[[str], Sequence[str] | None]
"""A function that returns why a text does not render, as far as it is known; `None` if it does."""

LONGEST_RENDERED = 128 * 2**10
"""How many characters of a description are rendered. A malicious text of ten times as many takes
docutils minutes."""

_LONGEST_URL = 2**13
"""Longer URLs do not work in practice, and take long to parse."""

_EXTRA = "Install stageproxy[verdict] to check it here."
_URL_PARTS = ("scheme", "host", "port", "path", "query")
_RST = "text/x-rst"
_REPORT = re.compile(r"^<string>:(\d+): \([A-Z]+/\d\) (.+)$", re.MULTILINE)
"""How docutils reports a line and what is wrong with it."""

_MOST_FAULTS = 5
_LONGEST_FAULT = 200
_TOO_LONG = (
    f"The description has over {LONGEST_RENDERED} characters. Only PyPI checks whether it renders."
)
# docutils raises many kinds of exceptions on text that is not reStructuredText.
_DOCUTILS_FAILS = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError)
_FAILS = (*_DOCUTILS_FAILS, RecursionError, RuntimeError, TypeError, ValueError)


def not_checked(what: str) -> str:
    """Return the sentence on a check whose library is missing."""
    return f"{what} was not checked, but PyPI checks it. {_EXTRA}"


def is_web_url(url: str) -> bool:
    """Return whether PyPI accepts a URL: http or https, with a host, valid by RFC 3986."""
    if len(url) > _LONGEST_URL:
        return False
    try:
        parsed = uri_reference(url).normalize()
        validator = Validator().allow_schemes("http", "https").require_presence_of("scheme", "host")
        validator.check_validity_of(*_URL_PARTS).validate(parsed)
    except (RFC3986Exception, ValueError, AttributeError):
        return False
    return True


def is_installed(module: str) -> bool:
    """Return whether a library is installed."""
    return find_spec(module) is not None


def find_address_problem(address: str) -> str | None:
    """Return the library's message on an invalid email address, `None` if it is valid."""
    library = import_module("email_validator")
    try:
        library.validate_email(address, check_deliverability=False)
    except library.EmailNotValidError as error:
        return str(error)
    return None


def find_render_faults(text: str) -> Sequence[str] | None:
    """Return why reStructuredText does not render on PyPI, `None` if it does.

    docutils stops at the first fault, as on PyPI. The library takes a fifth of a
    second to import, so it is imported only here.
    """
    library = import_module("readme_renderer.rst")
    reports = io.StringIO()
    try:
        rendered = library.render(text, stream=reports)
    except _FAILS as error:
        return [f"docutils fails with {type(error).__name__}."]
    return None if rendered is not None else _faults_in(reports.getvalue())


def _faults_in(reports: str) -> Sequence[str]:
    found = _REPORT.findall(reports)[:_MOST_FAULTS]
    return [f"Line {line} of the description: {_shortened(fault)}" for line, fault in found]


def _shortened(fault: str) -> str:
    """Return what docutils says, which quotes the description, in one line of bounded length."""
    printable = "".join(one if one.isprintable() else "?" for one in fault)
    return printable if len(printable) <= _LONGEST_FAULT else f"{printable[:_LONGEST_FAULT]}..."


def media_type_of(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


ADDRESSES: ProblemFinder | None = find_address_problem if is_installed("email_validator") else None
DESCRIPTIONS: RenderFaultsFinder | None = (
    find_render_faults if is_installed("readme_renderer") else None
)


def is_rendered(upload: Upload) -> bool:
    """Return whether the description is reStructuredText, which can fail to render."""
    content_type = upload.get("description_content_type") or _RST
    return upload.get("description") is not None and media_type_of(content_type) == _RST


def descriptions_checked_by(find_faults: RenderFaultsFinder | None) -> Check:
    """Return the check of descriptions. Markdown and plain text always render."""

    def check(upload: Upload) -> Iterator[Finding]:
        text, content_type = upload.get("description"), upload.get("description_content_type")
        if text is None or not is_rendered(upload):
            return
        if len(text) > LONGEST_RENDERED:
            yield not_known(_TOO_LONG, "description")
        elif find_faults is None:
            yield not_known(not_checked("The description"), "description")
        elif (faults := find_faults(text)) is not None:
            page = "help/#description-content-type"
            yield Finding("description", _sentence(content_type), page=page)
            yield from (Finding("description", fault) for fault in faults)

    return check


def _sentence(content_type: str | None) -> str:
    if content_type is None:
        return "The description failed to render in the default format of reStructuredText."
    return f"The description failed to render for {content_type!r}."


DESCRIPTION_RULE = Rule(
    "description",
    "a description in reStructuredText, which is the default type, renders without errors",
    descriptions_checked_by(DESCRIPTIONS),
    "The description failed to render ….",
)
