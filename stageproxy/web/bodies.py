"""JSON request bodies: limits, models and validation errors."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar

from aiohttp import HttpVersion11, hdrs, web
from packaging.utils import NormalizedName, canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from stageproxy.core.durations import parse_duration
from stageproxy.core.errors import InvalidRequestError, Problem, TooLargeError
from stageproxy.core.review.expectations import LONGEST_PATTERN, MOST_PATTERNS, parse_expects
from stageproxy.core.rights import EVERY_PROJECT, LONGEST_NAME, parse_token_name

LONGEST_FORM = 8 * 2**20
"""All fields of an upload form, in bytes."""

_MAX_BODY = 2**16
LONGEST_DURATION = timedelta(days=36_525)
"""The longest duration: longer ones are shortened, because dates end with the year 9999."""

_PYDANTIC_PREFIX = "Value error, "
"""The prefix that pydantic adds to the messages of our own validators."""

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$", to_lower=True)]
"""A SHA-256 in hex."""

Model = TypeVar("Model", bound=BaseModel)


def _project(text: str) -> str:
    name = canonicalize_name(text)
    if not is_normalized_name(name):
        msg = f"{text!r} is not a project name"
        raise ValueError(msg)
    return name


def _project_or_every(text: str) -> str:
    return text if text == EVERY_PROJECT else _project(text)


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        msg = f"{text!r} is not a version"
        raise ValueError(msg) from error


def _duration(value: object) -> timedelta:
    length = parse_duration(value)
    if length <= timedelta(0):
        msg = "a duration must be longer than zero"
        raise ValueError(msg)
    return min(length, LONGEST_DURATION)


Expects = Annotated[
    tuple[str, ...],
    AfterValidator(parse_expects),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": MOST_PATTERNS,
            "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_PATTERN},
            "description": "The files that the release is expected to have: globs, Pythons and "
            "platforms as in `cp312,cp313-manylinux_x86_64`, or `sdist`.",
        }
    ),
]
ProjectName = Annotated[str, AfterValidator(_project)]
ProjectNameOrEvery = Annotated[str, AfterValidator(_project_or_every)]
VersionText = Annotated[str, AfterValidator(_version)]
TokenName = Annotated[
    str,
    AfterValidator(parse_token_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema(
        {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[smhdw]?\s*$",
            "description": "Seconds, or a text such as `90s`, `15m`, `12h` or `7d`.",
        }
    ),
]


class Body(BaseModel):
    """A body without unknown keys; `meta` is from PEP 694."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    meta: dict[str, Any] = Field(default_factory=dict)


async def expect_later(request: web.Request) -> None:
    """Do not ask for the body of a request with `Expect: 100-continue` yet.

    Whoever reads it calls `ask_for_body` once the request may have one: its credential and
    its length are checked before a client sends gigabytes in vain.
    """
    if request.version == HttpVersion11 and not _is_expecting(request):
        raise web.HTTPExpectationFailed


async def ask_for_body(request: web.Request) -> None:
    """Send `100 Continue` to a client that waits for it."""
    if request.version == HttpVersion11 and _is_expecting(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # As in aiohttp: the response has not begun with that.
        request.writer.output_size = 0


def _is_expecting(request: web.Request) -> bool:
    return request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"


async def read_bytes(request: web.Request, max_size: int) -> bytes:
    """Return the body. Raise if it is longer than *max_size* bytes."""
    content = await request.content.read(max_size + 1)
    while len(content) <= max_size and not request.content.at_eof():
        content += await request.content.read(max_size + 1 - len(content))
    if len(content) > max_size:
        raise TooLargeError(f"The request body is longer than {max_size} bytes.")
    return content


async def read_body(request: web.Request, model: type[Model], max_size: int = _MAX_BODY) -> Model:
    """Return the body as a *model*. Raise one error with all its problems."""
    try:
        return model.model_validate_json(await read_bytes(request, max_size))
    except ValidationError as error:
        problems = [
            Problem(
                ".".join(str(part) for part in one["loc"]),
                one["msg"].removeprefix(_PYDANTIC_PREFIX),
            )
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequestError("The request body is not valid.", problems) from error


def project_of(request: web.Request) -> NormalizedName:
    """Return the project in the path of a request."""
    text = request.match_info["project"]
    name = canonicalize_name(text)
    if not is_normalized_name(name):
        raise InvalidRequestError(f"{text!r} is not a project name.")
    return name
